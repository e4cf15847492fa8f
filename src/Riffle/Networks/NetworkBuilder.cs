using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>A value while a network is described: the output of one layer.</summary>
/// <param name="Layer">Index of the layer that outputs it.</param>
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

    /// <summary>The last number that was appended to a name.</summary>
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
        Rules.Require(_layers.Count == 0, "a network has exactly one input, and it must come first");
        return Append("input", new Input(channels, height, width));
    }

    /// <summary>Convolution.</summary>
    /// <param name="name">Prefix of its parameters' names.</param>
    /// <param name="x">What it reads.</param>
    /// <param name="outputChannels">Channels out.</param>
    /// <param name="kernel">Height and width of the kernel.</param>
    /// <param name="stride">Step in both directions.</param>
    /// <param name="groups">Number of groups.</param>
    /// <param name="padding">Zeros added around the image; by default half the kernel, rounded down, on each side.</param>
    /// <param name="bias">Whether it adds a trained number to each output channel.</param>
    /// <exception cref="ArgumentException">The groups do not divide the channels, or the output has no pixels.</exception>
    public Value Convolution(
        string name, Value x, int outputChannels, int kernel, int stride = 1, int groups = 1, Padding? padding = null, bool bias = false) =>
        Append(name, new Convolution(outputChannels, kernel, stride, padding ?? Padding.Of(kernel / 2), groups, bias), x);

    /// <summary>Batch normalisation over the channels of a value.</summary>
    /// <param name="name">Prefix of its parameters' names.</param>
    /// <param name="x">What it reads.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="momentum">The weight of a new batch in the running mean and variance.</param>
    public Value BatchNorm(string name, Value x, float epsilon = 1e-5f, float momentum = 0.1f) => Append(name, new BatchNorm(epsilon, momentum), x);

    /// <summary>min(max(x, 0), maximum).</summary>
    /// <exception cref="ArgumentException">The maximum is not positive.</exception>
    public Value Relu(Value x, float maximum = float.PositiveInfinity) => Append(null, new Relu(maximum), x);

    /// <summary>A smooth function of each value: hard-swish, hard-sigmoid, sigmoid or SiLU.</summary>
    public Value Activation(Value x, ActivationKind kind) => Append(null, new Activation(kind), x);

    /// <summary>Each channel of a value times its factor: C×H×W · C×1×1.</summary>
    /// <exception cref="ArgumentException">There is not one factor for each channel.</exception>
    public Value Scale(Value x, Value factors) => Append(null, new Scale(), x, factors);

    /// <summary>Max pooling, with half the kernel, rounded down, as padding where none is given.</summary>
    /// <exception cref="ArgumentException">A window would contain only padding.</exception>
    public Value MaxPool(Value x, int kernel, int stride, Padding? padding = null) =>
        Append(null, new MaxPool(kernel, stride, padding ?? Padding.Of(kernel / 2)), x);

    /// <summary>Average pooling, with half the kernel, rounded down, as padding where none is given.</summary>
    /// <exception cref="ArgumentException">A window would contain only padding.</exception>
    public Value AveragePool(Value x, int kernel, int stride, Padding? padding = null, bool countsPadding = true) =>
        Append(null, new AveragePool(kernel, stride, padding ?? Padding.Of(kernel / 2), countsPadding), x);

    /// <summary>Mean over height and width.</summary>
    public Value GlobalAveragePool(Value x) => Append(null, new GlobalAveragePool(), x);

    /// <summary>Channel shuffle between groups.</summary>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    public Value ChannelShuffle(Value x, int groups) => groups == 1 ? x : Append(null, new ChannelShuffle(groups), x);

    /// <summary>Some of the channels.</summary>
    /// <exception cref="ArgumentException">The range exceeds the channels.</exception>
    public Value Slice(Value x, int start, int count) => Append(null, new Slice(start, count), x);

    /// <summary>The channels of both values.</summary>
    /// <exception cref="ArgumentException">Heights or widths differ.</exception>
    public Value Concat(Value left, Value right) => Append(null, new Concat(), left, right);

    /// <summary>Sum of two values.</summary>
    /// <exception cref="ArgumentException">Shapes differ.</exception>
    public Value Add(Value left, Value right) => Append(null, new Add(), left, right);

    /// <summary>Fully connected layer with bias over C×1×1.</summary>
    /// <exception cref="ArgumentException">The value is not 1×1 in space.</exception>
    public Value FullyConnected(string name, Value x, int outputs) => Append(name, new FullyConnected(outputs), x);

    /// <summary>Ends the description. The output of the last layer is the logits.</summary>
    /// <exception cref="ArgumentException">There is no layer, or there are more parameters than an array can hold.</exception>
    public Network Build(string name)
    {
        Rules.Require(_layers.Count > 0, $"{name}: the network has no layers");
        var count = _layers.Sum(layer => layer.Parameters.Sum(parameter => (long)parameter.Count));
        Rules.Require(count <= Array.MaxLength, $"{name}: the network has {count:N0} parameters; the limit is {Array.MaxLength:N0}");
        return new(name, _layers.ToImmutable());
    }

    /// <summary>The layers so far.</summary>
    internal IReadOnlyList<Layer> Layers => _layers;

    internal string NameOf(Value value) => _layers[value.Layer].Name;

    /// <summary>A layer that has its whole name.</summary>
    internal Value Append(LayerDescription layer, ReadOnlySpan<Value> inputs) => Append(layer.Name, layer.Unit, layer.Operation, inputs);

    private Value Append(string? name, Operation operation, params ReadOnlySpan<Value> inputs)
    {
        name = name is null ? FreeName(_prefix + operation.GetType().Name.ToLowerInvariant()) : _prefix + name;
        return Append(name, _unit ?? name, operation, inputs);
    }

    private Value Append(string name, string unit, Operation operation, ReadOnlySpan<Value> inputs)
    {
        var (indices, shapes) = (new int[inputs.Length], new Shape[inputs.Length]);
        for (var i = 0; i < inputs.Length; i++)
        {
            (indices[i], shapes[i]) = (inputs[i].Layer, inputs[i].Shape);
            Rules.Require(indices[i] < _layers.Count && _layers[indices[i]].Output == shapes[i], $"{name}: an input belongs to another network");
        }

        var output = operation.ShapeOf(name, shapes);
        Rules.Require(output.Channels <= MaximumChannels, $"{name}: the layer has {output.Channels:N0} channels; the limit is {MaximumChannels:N0}");
        Rules.Require(_names.Add(name), $"two layers are named {name}");
        var parameters = operation.ParametersOf(shapes).Select(parameter => parameter with { Name = $"{name}.{parameter.Name}" });
        _layers.Add(new Layer(_layers.Count, name, operation, [.. indices], output, [.. parameters]) { Unit = unit });
        return new Value(_layers.Count - 1, output);
    }

    private string FreeName(string name)
    {
        var free = name;
        while (_names.Contains(free))
            free = $"{name}{_numbers[name] = _numbers.GetValueOrDefault(name, 1) + 1}";
        return free;
    }
}
