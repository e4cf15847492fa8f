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
    /// <summary>The longest side of an image with what is added around it, the largest kernel and the largest stride.</summary>
    internal const int MaximumSide = 1 << 14;

    /// <summary>The most positions of a plane with what is added around it: sixteen of them side by side can still be counted by an int.</summary>
    internal const int MaximumPositions = 1 << 26;

    /// <summary>The most channels of a value.</summary>
    internal const int MaximumChannels = 1 << 20;

    private readonly ImmutableArray<Layer>.Builder _layers;
    private readonly HashSet<string> _names;

    /// <summary>The last number that was put behind a name.</summary>
    private readonly Dictionary<string, int> _numbers;

    private readonly string? _unit;
    private readonly string _prefix;

    /// <summary>An empty description.</summary>
    public NetworkBuilder()
        : this(ImmutableArray.CreateBuilder<Layer>(), [], [], null, "")
    {
    }

    private NetworkBuilder(
        ImmutableArray<Layer>.Builder layers, HashSet<string> names, Dictionary<string, int> numbers, string? unit, string prefix) =>
        (_layers, _names, _numbers, _unit, _prefix) = (layers, names, numbers, unit, prefix);

    /// <summary>
    /// The same description, seen from a unit of it or from a branch of a unit: what is added through it has <paramref name="name"/> and a dot before its
    /// own name.
    /// </summary>
    public NetworkBuilder Unit(string name) => new(_layers, _names, _numbers, _unit ?? name, $"{_prefix}{name}.");

    /// <summary>Starts a network over images of 3 channels.</summary>
    /// <exception cref="ArgumentException">The input has no pixels.</exception>
    public Value Input(int height, int width) => Input(height, width, channels: 3);

    internal Value Input(int height, int width, int channels)
    {
        Require(_layers.Count == 0, "a network has one input, and it comes first");
        Require(height > 0 && width > 0 && channels > 0, $"an image of {height}×{width} has no pixels");
        RequirePlane("input", height, width);
        return Append("input", new Input(), new Shape(channels, height, width), []);
    }

    /// <summary>Convolution.</summary>
    /// <param name="name">Prefix of its parameters' names.</param>
    /// <param name="x">What it reads.</param>
    /// <param name="outputChannels">Channels out.</param>
    /// <param name="kernel">Height and width of the kernel.</param>
    /// <param name="stride">Step in both directions.</param>
    /// <param name="groups">Number of groups.</param>
    /// <param name="padding">Zeros added around the image; half the kernel, rounded down, at each side where it is not given.</param>
    /// <param name="bias">Whether it adds a trained number to each output channel.</param>
    /// <exception cref="ArgumentException">The groups divide the channels unevenly, or nothing is left of the image.</exception>
    public Value Convolution(
        string name, Value x, int outputChannels, int kernel, int stride = 1, int groups = 1, Padding? padding = null, bool bias = false)
    {
        Require(outputChannels > 0 && groups > 0 && x.Channels % groups == 0 && outputChannels % groups == 0,
            $"{name}: {groups} groups do not divide {x.Channels} input and {outputChannels} output channels");
        var around = padding ?? Padding.Of(kernel / 2);
        var shape = Window(name, x.Shape, kernel, stride, around) with { Channels = outputChannels };
        RequireCount(name, outputChannels, x.Channels / groups, kernel, kernel);
        var weight = new Parameter("weight", ParameterKind.Kernel, [outputChannels, x.Channels / groups, kernel, kernel]);
        return Append(name, new Convolution(outputChannels, kernel, stride, around, groups), shape, [x],
            bias ? [weight, new Parameter("bias", ParameterKind.Bias, [outputChannels])] : [weight]);
    }

    /// <summary>Batch normalisation over the channels of a value, where ε is added to the variance.</summary>
    public Value BatchNorm(string name, Value x, float epsilon = 1e-5f) => Append(name, new BatchNorm(epsilon), x.Shape, [x],
        new Parameter("weight", ParameterKind.NormWeight, [x.Channels]),
        new Parameter("bias", ParameterKind.NormBias, [x.Channels]),
        new Parameter("running_mean", ParameterKind.RunningMean, [x.Channels]),
        new Parameter("running_var", ParameterKind.RunningVariance, [x.Channels]));

    /// <summary>max(x, 0), and no more than a ceiling where one is given.</summary>
    /// <exception cref="ArgumentException">The ceiling is not positive.</exception>
    public Value Relu(Value x, float ceiling = float.PositiveInfinity)
    {
        Require(ceiling > 0, $"relu: a ceiling of {ceiling}");
        return Append(null, new Relu(ceiling), x.Shape, [x]);
    }

    /// <summary>Max pooling, with half the kernel, rounded down, as padding where none is given.</summary>
    /// <exception cref="ArgumentException">A window would see nothing but padding.</exception>
    public Value MaxPool(Value x, int kernel, int stride, Padding? padding = null)
    {
        var around = padding ?? Padding.Of(kernel / 2);
        return Append(null, new MaxPool(kernel, stride, around), Window("max pool", x.Shape, kernel, stride, around), [x]);
    }

    /// <summary>Average pooling, with half the kernel, rounded down, as padding where none is given.</summary>
    /// <exception cref="ArgumentException">A window would see nothing but padding.</exception>
    public Value AveragePool(Value x, int kernel, int stride, Padding? padding = null, bool countsPadding = true)
    {
        var around = padding ?? Padding.Of(kernel / 2);
        return Append(null, new AveragePool(kernel, stride, around, countsPadding), Window("average pool", x.Shape, kernel, stride, around), [x]);
    }

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
        Require((long)left.Channels + right.Channels <= MaximumChannels, $"concat: {left.Channels} and {right.Channels} channels are more than {MaximumChannels:N0}");
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
        RequireCount(name, outputs, x.Channels);
        return Append(name, new FullyConnected(outputs), new Shape(outputs, 1, 1), [x],
            new Parameter("weight", ParameterKind.Kernel, [outputs, x.Channels]),
            new Parameter("bias", ParameterKind.Bias, [outputs]));
    }

    /// <summary>Ends the description. The last layer added gives the logits.</summary>
    /// <exception cref="ArgumentException">There is no layer, or there are more parameters than an array can hold.</exception>
    public Network Build(string name)
    {
        Require(_layers.Count > 0, $"{name}: a network without layers");
        var count = _layers.Sum(layer => layer.Parameters.Sum(parameter => (long)parameter.Count));
        Require(count <= Array.MaxLength, $"{name}: {count:N0} parameters; at most {Array.MaxLength:N0} can be");
        return new(name, _layers.ToImmutable());
    }

    /// <summary>The layers so far.</summary>
    internal IReadOnlyList<Layer> Layers => _layers;

    internal Operation OperationOf(Value value) => _layers[value.Layer].Operation;

    internal string NameOf(Value value) => _layers[value.Layer].Name;

    private Value Append(string? name, Operation operation, Shape shape, ReadOnlySpan<Value> inputs, params ImmutableArray<Parameter> parameters)
    {
        Require(shape.Channels <= MaximumChannels, $"{name}: {shape.Channels:N0} channels; at most {MaximumChannels:N0} can be");
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
        while (_names.Contains(free))
            free = $"{name}{_numbers[name] = _numbers.GetValueOrDefault(name, 1) + 1}";
        return free;
    }

    private static void RequirePlane(string name, int height, int width) => Require(
        height <= MaximumSide && width <= MaximumSide && (long)height * width <= MaximumPositions,
        $"{name}: {height}×{width} positions; at most {MaximumSide:N0} in a side and {MaximumPositions:N0} in all can be");

    private static void RequireCount(string name, params ReadOnlySpan<int> shape)
    {
        var count = 1.0;
        foreach (var length in shape)
            count *= length;
        Require(count <= int.MaxValue, $"{name}: a kernel of {count:N0} values; at most {int.MaxValue:N0} can be");
    }

    private static Shape Window(string name, Shape input, int kernel, int stride, Padding padding)
    {
        Require(kernel > 0 && stride > 0, $"{name}: kernel {kernel} and stride {stride} must be positive");
        Require(kernel <= MaximumSide && stride <= MaximumSide, $"{name}: kernel {kernel} and stride {stride}; at most {MaximumSide:N0} can be");
        var (top, left, bottom, right) = padding;
        int[] sides = [top, left, bottom, right];
        Require(sides.All(side => side >= 0 && side < kernel), $"{name}: padding {top}, {left}, {bottom}, {right} is not below the kernel {kernel}");
        var (height, width) = (input.Height + top + bottom, input.Width + left + right);
        RequirePlane(name, height, width);
        Require(height >= kernel && width >= kernel, $"{name}: {input} is smaller than the {kernel}×{kernel} kernel");
        return new Shape(input.Channels, (height - kernel) / stride + 1, (width - kernel) / stride + 1);
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new ArgumentException(message);
        }
    }
}
