using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>A value while a network is described: the output of one layer.</summary>
/// <param name="Layer">Index of the layer that gives it.</param>
/// <param name="Shape">Its shape for one image.</param>
public readonly record struct Value(int Layer, Shape Shape)
{
    /// <summary>Number of channels.</summary>
    public int Channels => Shape.Channels;
}

/// <summary>Describes a network layer by layer; checks every shape as it goes.</summary>
/// <remarks>Names are prefixes of parameter names; layers without parameters are named after their operation, numbered from the second on.</remarks>
public sealed class NetworkBuilder
{
    private readonly ImmutableArray<Layer>.Builder _layers;
    private readonly HashSet<string> _names;
    private readonly string? _unit;
    private readonly string _prefix;

    /// <summary>An empty description.</summary>
    public NetworkBuilder()
        : this(ImmutableArray.CreateBuilder<Layer>(), [], null, "")
    {
    }

    private NetworkBuilder(ImmutableArray<Layer>.Builder layers, HashSet<string> names, string? unit, string prefix) =>
        (_layers, _names, _unit, _prefix) = (layers, names, unit, prefix);

    /// <summary>
    /// The same description, seen from a unit of it or from a branch of a unit: what is added through it has <paramref name="name"/> and a dot before its
    /// own name.
    /// </summary>
    public NetworkBuilder Unit(string name) => new(_layers, _names, _unit ?? name, $"{_prefix}{name}.");

    /// <summary>Starts a network over images of 3 channels.</summary>
    /// <exception cref="ArgumentException">The input has no pixels.</exception>
    public Value Input(int height, int width)
    {
        Require(_layers.Count == 0, "a network has one input, and it comes first");
        Require(height > 0 && width > 0, $"an image of {height}×{width} has no pixels");
        return Append("input", new Input(), new Shape(3, height, width), []);
    }

    /// <summary>Convolution without bias.</summary>
    /// <exception cref="ArgumentException">The groups divide the channels unevenly, or nothing is left of the image.</exception>
    public Value Convolution(string name, Value x, int outputChannels, int kernel, int stride = 1, int groups = 1)
    {
        Require(outputChannels > 0 && groups > 0 && x.Channels % groups == 0 && outputChannels % groups == 0,
            $"{name}: {groups} groups do not divide {x.Channels} input and {outputChannels} output channels");
        var padding = kernel / 2;
        var shape = Window(name, x.Shape, kernel, stride, padding) with { Channels = outputChannels };
        return Append(name, new Convolution(outputChannels, kernel, stride, padding, groups), shape, [x],
            new Parameter("weight", ParameterKind.Kernel, [outputChannels, x.Channels / groups, kernel, kernel]));
    }

    /// <summary>Batch normalisation over the channels of a value.</summary>
    public Value BatchNorm(string name, Value x) => Append(name, new BatchNorm(), x.Shape, [x],
        new Parameter("weight", ParameterKind.NormWeight, [x.Channels]),
        new Parameter("bias", ParameterKind.NormBias, [x.Channels]),
        new Parameter("running_mean", ParameterKind.RunningMean, [x.Channels]),
        new Parameter("running_var", ParameterKind.RunningVariance, [x.Channels]));

    /// <summary>max(x, 0).</summary>
    public Value Relu(Value x) => Append(null, new Relu(), x.Shape, [x]);

    /// <summary>Max pooling with half the kernel, rounded down, as padding.</summary>
    public Value MaxPool(Value x, int kernel, int stride) =>
        Append(null, new MaxPool(kernel, stride, kernel / 2), Window("max pool", x.Shape, kernel, stride, kernel / 2), [x]);

    /// <summary>Average pooling with half the kernel, rounded down, as padding that counts.</summary>
    public Value AveragePool(Value x, int kernel, int stride) =>
        Append(null, new AveragePool(kernel, stride, kernel / 2), Window("average pool", x.Shape, kernel, stride, kernel / 2), [x]);

    /// <summary>Mean over height and width.</summary>
    public Value GlobalAveragePool(Value x) => Append(null, new GlobalAveragePool(), new Shape(x.Channels, 1, 1), [x]);

    /// <summary>Channel shuffle between groups.</summary>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    public Value ChannelShuffle(Value x, int groups)
    {
        Require(groups > 0 && x.Channels % groups == 0, $"channel shuffle: {groups} groups do not divide {x.Channels} channels");
        return groups == 1 ? x : Append(null, new ChannelShuffle(groups), x.Shape, [x]);
    }

    /// <summary>Some of the channels.</summary>
    /// <exception cref="ArgumentException">They are not all there.</exception>
    public Value Slice(Value x, int start, int count)
    {
        Require(start >= 0 && count > 0 && start + count <= x.Channels, $"slice: channels {start} to {start + count - 1} of {x.Channels}");
        return Append(null, new Slice(start, count), x.Shape with { Channels = count }, [x]);
    }

    /// <summary>The channels of both values.</summary>
    /// <exception cref="ArgumentException">Heights or widths differ.</exception>
    public Value Concat(Value left, Value right)
    {
        Require(left.Shape with { Channels = 0 } == right.Shape with { Channels = 0 }, $"concat: {left.Shape} and {right.Shape} differ in size");
        return Append(null, new Concat(), left.Shape with { Channels = left.Channels + right.Channels }, [left, right]);
    }

    /// <summary>Sum of two values.</summary>
    /// <exception cref="ArgumentException">Shapes differ.</exception>
    public Value Add(Value left, Value right)
    {
        Require(left.Shape == right.Shape, $"add: {left.Shape} and {right.Shape} differ");
        return Append(null, new Add(), left.Shape, [left, right]);
    }

    /// <summary>Fully connected layer with bias over C×1×1.</summary>
    /// <exception cref="ArgumentException">The value is not 1×1 in space.</exception>
    public Value FullyConnected(string name, Value x, int outputs)
    {
        Require(x.Shape is { Height: 1, Width: 1 } && outputs > 0, $"{name}: needs C×1×1 and at least one output, got {x.Shape} and {outputs}");
        return Append(name, new FullyConnected(outputs), new Shape(outputs, 1, 1), [x],
            new Parameter("weight", ParameterKind.Kernel, [outputs, x.Channels]),
            new Parameter("bias", ParameterKind.Bias, [outputs]));
    }

    /// <summary>Ends the description. The last layer added gives the logits.</summary>
    public Network Build(string name) => new(name, _layers.ToImmutable());

    private Value Append(string? name, Operation operation, Shape shape, ReadOnlySpan<Value> inputs, params ImmutableArray<Parameter> parameters)
    {
        var index = _layers.Count;
        name = name is null ? FreeName(_prefix + operation.GetType().Name.ToLowerInvariant()) : _prefix + name;
        Require(_names.Add(name), $"two layers are named {name}");
        var indices = ImmutableArray.CreateBuilder<int>(inputs.Length);
        foreach (var input in inputs)
        {
            Require(input.Layer < index && _layers[input.Layer].Output == input.Shape, $"{name}: an input comes from another network");
            indices.Add(input.Layer);
        }

        var named = parameters.Select(parameter => parameter with { Name = $"{name}.{parameter.Name}" });
        _layers.Add(new Layer(index, name, operation, indices.ToImmutable(), shape, [.. named]) { Unit = _unit ?? name });
        return new Value(index, shape);
    }

    private string FreeName(string name)
    {
        var free = name;
        for (var number = 2; _names.Contains(free); number++)
            free = name + number;
        return free;
    }

    private static Shape Window(string name, Shape input, int kernel, int stride, int padding)
    {
        Require(kernel > 0 && stride > 0, $"{name}: kernel {kernel} and stride {stride} must be positive");
        int Out(int size) => (size + 2 * padding - kernel) / stride + 1;
        Require(input.Height + 2 * padding >= kernel && input.Width + 2 * padding >= kernel, $"{name}: {input} is smaller than the {kernel}×{kernel} kernel");
        return new Shape(input.Channels, Out(input.Height), Out(input.Width));
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}
