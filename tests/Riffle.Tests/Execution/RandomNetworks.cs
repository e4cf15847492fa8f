using Riffle.Networks;

namespace Riffle.Tests.Execution;

/// <summary>
/// Networks of any layers in any order, as other people's files hold them: a pool before a convolution, large planes after small ones, a fully connected layer in
/// the middle, images of one row. A value is read by several layers, and by some of them twice.
/// </summary>
internal sealed class RandomNetworks
{
    private const int MostPositions = 60 * 60;
    private const int MostChannels = 70;

    private readonly NetworkBuilder _builder = new();
    private readonly Random _random;
    private readonly bool _isTrainable;
    private int _layers;

    private RandomNetworks(int seed, bool isTrainable) => (_random, _isTrainable) = (new(seed), isTrainable);

    /// <summary>Every form of layer that inference runs.</summary>
    public static Network Any(int seed) => new RandomNetworks(seed, isTrainable: false).Describe($"network {seed}");

    /// <summary>The forms of layers that can be trained.</summary>
    public static Network Trainable(int seed) => new RandomNetworks(seed, isTrainable: true).Describe($"trainable network {seed}");

    private Network Describe(string name)
    {
        var x = _builder.Input(Side(), Side());
        x = Activated(_isTrainable ? Normed(Convolution(x, 2 * Next(1, 9), 3, Next(1, 3), 1)) : Dense(x, Next(1, 20)));
        for (var unit = Next(1, 8); unit > 0; unit--)
            x = Unit(x);
        if (x.Shape is not { Height: 1, Width: 1 })
            x = Activated(_builder.GlobalAveragePool(x));
        _builder.FullyConnected("classifier", x, Next(1, 50));
        return _builder.Build(name);
    }

    private Value Unit(Value x) => Next(_isTrainable ? 11 : 15) switch
    {
        0 => Activated(Normed(Convolution(x, Width(x, out var groups), 1, 1, groups))),
        1 => Activated(Normed(Convolution(x, x.Channels, 3, Next(1, 3), x.Channels))),
        2 => _builder.MaxPool(x, 3, Next(1, 3)),
        3 => Activated(_builder.AveragePool(x, 3, Next(1, 3))),
        4 => Shuffled(x),
        5 => Activated(_builder.Add(Normed(Convolution(x, x.Channels, 1, 1, GroupsOf(x.Channels))), x)),
        6 => Joined(Activated(Convolution(x, Width(x, out var groups), 1, 1, groups)), x),
        7 => Split(x),
        8 => Pooled(x),
        9 => Activated(Normed(WideDepthwise(x))),
        10 => Excited(x),
        11 => Activated(Dense(x, Next(1, 40))),
        12 => Activated(Grouped(x)),
        13 => Activated(AnyPool(x)),
        _ => Activated(_builder.Add(Convolution(x, x.Channels, 1, 1, 1), Convolution(x, x.Channels, 1, 1, 1))),
    };

    private int Next(int end) => _random.Next(end);

    private int Next(int from, int end) => _random.Next(from, end);

    /// <summary>Often small, sometimes one, sometimes more than a few vectors.</summary>
    private int Side() => Next(4) switch { 0 => Next(1, 5), 1 => Next(30, 50), _ => Next(5, 30) };

    private Value Convolution(Value x, int outputs, int kernel, int stride, int groups) =>
        _builder.Convolution($"convolution{_layers++}", x, outputs, kernel, stride, groups, bias: Next(2) == 0);

    /// <summary>Batch norm, which in training undoes a bias before it: that is refused there.</summary>
    private Value Normed(Value x) => _isTrainable && _builder.Layers[x.Layer].Operation is Convolution { HasBias: true } || Next(2) == 0
        ? x
        : _builder.BatchNorm($"norm{_layers++}", x, epsilon: 1e-3f);

    private Value Activated(Value x) => Next(5) switch
    {
        0 => x,
        1 => _builder.Relu(x),
        2 => _builder.Activation(x, (ActivationKind)Next(4)),
        3 => _builder.Relu(_builder.Activation(x, (ActivationKind)Next(4)), maximum: 0.4f),
        _ => _builder.Relu(x, maximum: _random.NextSingle() + 0.1f),
    };

    private int GroupsOf(int channels)
    {
        var divisors = Enumerable.Range(1, channels).Where(groups => channels % groups == 0 && groups < channels).DefaultIfEmpty(1).ToArray();
        return divisors[Next(divisors.Length)];
    }

    /// <summary>Channels of a pointwise convolution, which its groups divide.</summary>
    private int Width(Value x, out int groups)
    {
        groups = GroupsOf(x.Channels);
        return groups * Next(1, Math.Max(2, MostChannels / groups));
    }

    /// <summary>A depthwise convolution of any window that leaves something of the image.</summary>
    private Value WideDepthwise(Value x)
    {
        int kernel = Next(1, 8), stride = Next(1, 4);
        var border = new Padding(Next(kernel), Next(kernel), Next(kernel), Next(kernel));
        var fits = x.Shape.Height + border.Top + border.Bottom >= kernel && x.Shape.Width + border.Left + border.Right >= kernel;
        return _builder.Convolution($"convolution{_layers++}", x, x.Channels, kernel, stride, x.Channels, fits ? border : Padding.Of(kernel - 1), Next(2) == 0);
    }

    /// <summary>Squeeze-and-excite, now and then of factors that something else reads too.</summary>
    private Value Excited(Value x)
    {
        var squeezed = Activated(_builder.GlobalAveragePool(x));
        var hidden = Activated(Convolution(squeezed, Next(1, 20), 1, 1, 1));
        var factors = _builder.Activation(Convolution(hidden, x.Channels, 1, 1, 1), Next(2) == 0 ? ActivationKind.HardSigmoid : ActivationKind.Sigmoid);
        var y = Activated(_builder.Scale(x, factors));
        return x.Shape is { Height: 1, Width: 1 } && Next(2) == 0 ? Joined(y, factors) : y;
    }

    private Value Shuffled(Value x) => _builder.ChannelShuffle(x, GroupsOf(x.Channels));

    private Value Joined(Value left, Value right) => left.Channels + right.Channels > 2 * MostChannels ? left : _builder.Concat(left, right);

    private Value Split(Value x)
    {
        if (x.Channels < 2)
            return x;
        var cut = Next(1, x.Channels);
        var branch = Activated(Convolution(_builder.Slice(x, cut, x.Channels - cut), Next(1, 20), 1, 1, 1));
        return Shuffled(_builder.Concat(_builder.Slice(x, 0, cut), branch));
    }

    /// <summary>The mean of all positions, now and then with a hidden layer behind it.</summary>
    private Value Pooled(Value x)
    {
        x = Activated(_builder.GlobalAveragePool(x));
        return _isTrainable ? x : Next(4) switch
        {
            0 => Activated(_builder.FullyConnected($"hidden{_layers++}", x, Next(1, 40))),
            1 => Grown(x),
            2 => Twice(x),
            _ => x,
        };
    }

    /// <summary>A large plane of a small one.</summary>
    private Value Grown(Value x)
    {
        var kernel = Next(3, 18);
        return Activated(Normed(_builder.Convolution(
            $"convolution{_layers++}", x, Next(1, 30), kernel, padding: Padding.Of(Next(kernel / 2, kernel)), bias: Next(2) == 0)));
    }

    /// <summary>Read by what makes it large and, together with another value, by what leaves it small.</summary>
    private Value Twice(Value x)
    {
        var large = _builder.GlobalAveragePool(Grown(x));
        var joined = Convolution(_builder.Concat(x, Activated(Convolution(x, Next(1, 30), 1, 1, 1))), Next(1, 30), 1, 1, 1);
        return Activated(_builder.Concat(joined, large));
    }

    private Value Dense(Value x, int outputs)
    {
        var (kernel, stride, border) = Window(x);
        return Normed(_builder.Convolution($"convolution{_layers++}", x, outputs, kernel, stride, 1, border, bias: Next(2) == 0));
    }

    private Value Grouped(Value x)
    {
        var (kernel, stride, border) = Window(x);
        var groups = Next(2) == 0 ? x.Channels : GroupsOf(x.Channels);
        var outputs = groups * Next(1, Math.Max(2, Math.Min(3, MostChannels / groups)));
        return _builder.Convolution($"convolution{_layers++}", x, outputs, kernel, stride, groups, border, bias: Next(2) == 0);
    }

    private Value AnyPool(Value x)
    {
        while (true)
        {
            // A window that sees nothing but padding has no largest value.
            var (kernel, stride, border) = Window(x);
            bool Sees(int length, int before, int behind) => (length + before + behind - kernel) / stride * stride - before < length;
            if (!Sees(x.Shape.Height, border.Top, border.Bottom) || !Sees(x.Shape.Width, border.Left, border.Right))
                continue;
            return Next(2) == 0
                ? _builder.MaxPool(x, kernel, stride, border)
                : _builder.AveragePool(x, kernel, stride, border, countsPadding: Next(2) == 0);
        }
    }

    /// <summary>Of any size, with borders that make large planes of small ones.</summary>
    private (int Kernel, int Stride, Padding Border) Window(Value x)
    {
        while (true)
        {
            var (kernel, stride) = (Next(1, 12), Next(1, 4));
            var grows = Next(2) == 0;
            int Side() => grows ? kernel - 1 : Next(kernel);
            var border = new Padding(Side(), Side(), Side(), Side());
            int height = x.Shape.Height + border.Top + border.Bottom, width = x.Shape.Width + border.Left + border.Right;
            if (height >= kernel && width >= kernel && height * width <= MostPositions)
                return (kernel, stride, border);
        }
    }
}
