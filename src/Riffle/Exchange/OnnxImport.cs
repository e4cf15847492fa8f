using System.Collections.Immutable;
using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <summary>A network that was read from an ONNX model.</summary>
/// <param name="Weights">The network with its weights.</param>
/// <param name="TakesBytes">Whether the graph takes pixels from 0 to 255 by its type; else it takes floats.</param>
/// <param name="Images">What the graph computes on its images before its first layer.</param>
/// <param name="Ending">What it makes of the logits, which are what the network gives.</param>
/// <param name="Scores">How many numbers the graph gives for an image.</param>
internal sealed record ImportedNetwork(Weights Weights, bool TakesBytes, ImageArithmetic Images, (Ending Kind, OnnxOperation? By) Ending, int Scores);

/// <summary>
/// An ONNX graph as a description of a network. What the graph computes of shapes and weights alone is computed here; a free number of images is a prime that
/// no other size has for a factor, so that it is found again in whatever arithmetic an exporter leaves.
/// </summary>
internal sealed partial class OnnxImport
{
    /// <summary>The number of images while shapes are computed, where the file leaves it free.</summary>
    private const long FreeBatch = 1_000_003;

    private const int LargestSide = 4096;
    private const int MostChannels = 1 << 24;

    /// <summary>Layers that a plan is laid out for in seconds: some of that takes as long as the square of their number.</summary>
    private const int MostLayers = 1 << 14;

    /// <summary>Values of all layers for one image: two gibibytes of them, so that a damaged size is told before memory is taken.</summary>
    private const long MostActivations = 1 << 29;

    /// <summary>Memory of a layer, of each of its channels and of each of its weights: in the description and in the plans made of it.</summary>
    private const int BytesOfLayer = 512, BytesOfChannel = 64, BytesOfWeight = 12;

    private readonly string _path;
    private readonly OnnxModel _model;
    private readonly NetworkBuilder _builder = new();
    private readonly Dictionary<string, float[]> _parameters = [];
    private readonly Dictionary<string, OnnxTensor> _constants = [];
    private readonly Dictionary<string, Features> _features = [];
    private readonly Dictionary<string, int> _readers = [];
    private readonly HashSet<string> _names = ["input"];

    /// <summary>The last number that was appended to a name.</summary>
    private readonly Dictionary<string, int> _numbers = [];

    /// <summary>Tensors that are what a convolution or a matrix gives, without anything in between.</summary>
    private readonly HashSet<string> _products = [];

    /// <summary>Whether what each layer gives is never negative, as far as it was asked for.</summary>
    private readonly List<bool> _nonNegative = [];
    private readonly long _batch;
    private readonly bool _isFree;

    /// <summary>The number of images that whoever exported the graph left in it, where the file leaves their number free; null where none is found.</summary>
    private long? _seen;

    /// <summary>Layers that give values from 0 to 1 as a sigmoid does, with the nodes that they come from.</summary>
    private readonly Dictionary<int, OnnxOperation> _probabilities = [];

    /// <summary>Layers that the budget has counted, and the values that they give for an image.</summary>
    private (int Layers, long Values) _counted;

    private OnnxImport(OnnxModel model, string path, long freeBatch = FreeBatch)
    {
        (_model, _path) = (model, path);
        foreach (var tensor in model.Tensors)
            _constants[tensor.Name] = tensor;
        Input = FindInput();
        (_batch, _isFree) = (Input.Shape![0] ?? freeBatch, Input.Shape[0] is null && freeBatch == FreeBatch);
    }

    private OnnxValue Input { get; }

    /// <summary>The network of a graph.</summary>
    /// <param name="model">The graph.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="name">The network's name.</param>
    /// <param name="oneIsTwo">Whether one logit z is read as those of two classes, 0 and z, whose softmax is the sigmoid of z.</param>
    /// <exception cref="RiffleException">It does something that Riffle does not; the message names the nodes.</exception>
    /// <exception cref="BadDataException">It is no whole graph.</exception>
    public static ImportedNetwork Read(OnnxModel model, string path, string name, bool oneIsTwo = true)
    {
        var import = new OnnxImport(model, path);
        try
        {
            return import.Read(name, oneIsTwo);
        }
        catch (RiffleException) when (import._seen is not null)
        {
            return new OnnxImport(model, path, import._seen.Value).Read(name, oneIsTwo);
        }
    }

    private ImportedNetwork Read(string name, bool oneIsTwo)
    {
        _features[Input.Name] = Images();
        AddAll([_model.Outputs.Count > 0 ? _model.Outputs[0].Name : throw OnnxReader.Bad(_path, "its graph gives nothing")]);
        var (network, ending, scores) = End(name, oneIsTwo);
        return new(Fill(network), Input.Type == OnnxType.UInt8, Arithmetic(network), ending, scores);
    }

    /// <summary>
    /// The same of a graph that is no whole classifier, for tests of single operators: its input may have any channels, and fewer axes than four.
    /// </summary>
    /// <returns>The network of what was computed, its values by their names in the graph, and constants.</returns>
    internal static (Weights Weights, IReadOnlyDictionary<string, Features> Values, IReadOnlyDictionary<string, OnnxTensor> Constants) ReadPart(
        OnnxModel model, string path)
    {
        var import = new OnnxImport(model, path);
        var shape = import.Input.Shape!;
        int Size(int axis) => axis < shape.Length ? (int)shape[axis]! : 1;
        var features = Features.Of(import._builder.Input(Size(2), Size(3), Size(1)), import._batch);
        import._features[import.Input.Name] = features with { Axes = features.Axes[..shape.Length] };
        import.AddAll([.. model.Outputs.Select(output => output.Name)]);
        foreach (var output in model.Outputs.Where(output => import._features.ContainsKey(output.Name)))
            import.FeaturesOf(import.EndOf(output.Name), 0);
        return (import.Fill(import._builder.Build(path)), import._features, import._constants);
    }

    private OnnxValue FindInput()
    {
        var free = _model.Inputs.Where(input => !_constants.ContainsKey(input.Name)).ToArray();
        if (free is not [var input])
        {
            throw new RiffleException(
                $"{_path}: the graph takes {free.Length} inputs ({string.Join(", ", free.Select(value => value.Name))}) where a classifier takes one");
        }

        if (input.Shape is not { Length: > 0 })
            throw new RiffleException($"{_path}: its input '{input.Name}' has no known dimensions");
        return input.Type is OnnxType.Float or OnnxType.Float16 or OnnxType.Double or OnnxType.BFloat16 or OnnxType.UInt8
            ? input
            : throw new RiffleException($"{_path}: its input '{input.Name}' is of type {input.Type}; images are floats or uint8");
    }

    /// <summary>The images, N×3×H×W or N×H×W×3.</summary>
    private Features Images()
    {
        var (input, shape) = (Input, Input.Shape!);
        if (shape.Length != 4)
            throw new RiffleException($"{_path}: its input '{input.Name}' has {shape.Length} dimensions where images have four");
        var last = shape[1] != Colours && shape[3] == Colours;
        var (channels, height, width) = last ? (shape[3], shape[1], shape[2]) : (shape[1], shape[2], shape[3]);
        if (channels is not (null or Colours))
            throw new RiffleException($"{_path}: its input '{input.Name}' has {channels} channels; Riffle runs networks over RGB images");
        if (height is not { } h || width is not { } w)
            throw new RiffleException($"{_path}: its input '{input.Name}' has a free height or width; export the network for images of one size");
        if (h > LargestSide || w > LargestSide)
            throw new RiffleException($"{_path}: its input '{input.Name}' is {h}×{w}; images have at most {LargestSide}×{LargestSide} pixels");
        var images = Features.Of(_builder.Input((int)h, (int)w), _batch) with
        {
            Colours = [.. Enumerable.Range(0, Colours).Select(index => new Colour(index, 1, 0))],
        };
        return last ? images.Transpose([0, 2, 3, 1]) : images;
    }

    private void AddAll(string[] outputs)
    {
        var nodes = Needed(outputs);
        RequireKnown(nodes);
        foreach (var node in nodes)
            Add(node);
    }

    private Weights Fill(Network network)
    {
        var weights = new Weights(network);
        foreach (var (parameter, values) in _parameters)
            values.CopyTo(weights[parameter]);
        return weights;
    }

    /// <summary>The nodes that outputs depend on, in their order.</summary>
    private List<OnnxNode> Needed(string[] outputs)
    {
        var (wanted, needed) = (outputs.ToHashSet(), new List<OnnxNode>());
        foreach (var node in _model.Nodes.Reverse())
        {
            if (!node.Outputs.Any(wanted.Contains))
                continue;
            needed.Add(node);
            wanted.UnionWith(node.Inputs);
        }

        needed.Reverse();
        foreach (var name in needed.SelectMany(node => node.Inputs).Concat(outputs))
            _readers[name] = _readers.GetValueOrDefault(name) + 1;
        return needed;
    }

    private void RequireKnown(List<OnnxNode> nodes)
    {
        string[] unknown = [.. nodes.Where(node => node.Domain.Length > 0 || !IsKnown(node.Operator))
            .Select(OnnxOperation.Name)];
        if (unknown.Length > 0)
        {
            throw new RiffleException(
                $"{_path}: Riffle has not the operator{(unknown.Length > 1 ? "s" : "")} of {string.Join(", ", unknown.Take(10))}"
                + $"{(unknown.Length > 10 ? $" and of {unknown.Length - 10} more nodes" : "")}; it can't run this network");
        }
    }

    private void Add(OnnxNode node)
    {
        var operation = node.Inputs.Any(_features.ContainsKey)
            ? new GraphNode(this, node)
            : new OnnxOperation(_path, node, name => _constants.GetValueOrDefault(name), _model.Budget);
        foreach (var name in node.Inputs.Where(name => name.Length > 0 && !_constants.ContainsKey(name) && !_features.ContainsKey(name)))
            throw operation.Bad($"nothing before it gives '{name}'");
        if (node.Outputs.Length == 0)
            throw operation.Bad("it gives nothing");
        try
        {
            if (operation is GraphNode computed)
                Compute(computed);
            else if (node.Operator == "Shape")
                _constants[node.Outputs[0]] = OnnxTensor.Of("", operation.Constant(0)!.Shape);
            else if (ConstantFolding.Operators.Contains(node.Operator))
                _constants[node.Outputs[0]] = ConstantFolding.Compute(operation) with { Name = node.Outputs[0] };
            else
                throw operation.Unsupported("it computes something from constants alone");
        }
        catch (ArgumentException e)
        {
            // The description's own checks: shapes that do not go together.
            throw operation.Bad(e.Message, e);
        }
        catch (OverflowException e)
        {
            throw operation.Bad("a number in it is too large", e);
        }
    }

    private void Compute(GraphNode node)
    {
        if (node.Operator != "Split" && node.Node.Outputs.Skip(1).FirstOrDefault(_readers.ContainsKey) is { } second)
            throw node.Unsupported($"its output '{second}' is needed; Riffle gives the first");
        node.Read();
    }

    /// <summary>Has the budget count the layers that a node has added, and what they will take beside their weights' constants.</summary>
    /// <param name="operation">The node.</param>
    /// <param name="channels">Channels of the layer that comes next.</param>
    private void Count(OnnxOperation operation, long channels = 0)
    {
        operation.Require(channels <= MostChannels, $"it joins {channels} channels");
        operation.Require(_builder.Layers.Count <= MostLayers, $"the network has more than {MostLayers} layers up to it");
        for (; _counted.Layers < _builder.Layers.Count; _counted.Layers++)
        {
            var layer = _builder.Layers[_counted.Layers];
            var weights = layer.Parameters.Aggregate((Int128)0, (sum, parameter) => sum + parameter.Count);
            operation.Take(BytesOfLayer + (Int128)BytesOfChannel * layer.Output.Channels + BytesOfWeight * weights);
            _counted.Values += layer.Output.Elements;
            operation.Require(_counted.Values <= MostActivations, "the layers up to it give more values for an image than memory should hold");
        }
    }

    private long[] ShapeOf(GraphNode operation)
    {
        var shape = FeaturesOf(operation, 0).Shape;
        var (start, end) = (operation.Integer("start", 0), operation.Integer("end", shape.Length));
        int Place(long at) => (int)Math.Clamp(at < 0 ? at + shape.Length : at, 0, shape.Length);
        return Place(start) < Place(end) ? shape[Place(start)..Place(end)] : [];
    }

    /// <summary>An input that is computed from the images, as it is.</summary>
    private Features FeaturesOf(GraphNode operation, int input)
    {
        var name = operation.Input(input);
        var features = _features.TryGetValue(name, out var found) ? found : throw operation.Unsupported($"its input '{name}' is a constant");
        operation.Require(
            features.Ending is Ending.Logits or Ending.Sigmoid || operation.Accepts.HasFlag(Deferred.Ending),
            $"it works on what a {features.Ending} gives; that is supported at a network's end");
        operation.Require(
            features.Padding == default || operation.Accepts.HasFlag(Deferred.Padding),
            "it works on something that zeros were added to; that is supported before a convolution");
        return _features[name] = Materialise(operation, name, features);
    }

    /// <summary>An input as a layer reads it: its channels in the value's own order.</summary>
    private Features Ordered(GraphNode operation, int input)
    {
        var features = InOrder(operation, FeaturesOf(operation, input), features => [.. features.FactorsOf(Extent.Channel)]);
        return _features[operation.Input(input)] = features.Merged();
    }

    /// <summary>The channels of the value in the order of some factors.</summary>
    private Features InOrder(GraphNode operation, Features features, Func<Features, IReadOnlyList<Factor>> choose)
    {
        var order = choose(features);
        var groups = Features.ShuffleTo(order) ?? throw operation.Unsupported(
            $"its channels are reordered as [{string.Join(", ", order.Select(factor => $"{factor.Size} by {factor.Stride}"))}], which is no channel shuffle");
        if (groups == 1)
            return features;
        operation.Require(features.Colours is null, "the colours of the images are reordered");
        return features.Shuffled(_builder.ChannelShuffle(features.Value, groups), order);
    }

    /// <summary>An input as N×C×H×W. Images are taken with the arithmetic that was done to them.</summary>
    private Value Nchw(GraphNode operation, int input)
    {
        var features = Layered(operation, Ordered(operation, input));
        var expected = Features.Of(features.Value, _batch);
        operation.Require(features.Shape.SequenceEqual(expected.Shape) && Placed(features), $"its input is not N×C×H×W but {Text(features)}");
        return features.Value;
    }

    /// <summary>Whether each axis runs over what its place says.</summary>
    private static bool Placed(Features features) =>
        features.Axes.Select((axis, place) => axis.All(factor => factor.Extent == (Extent)place)).All(right => right);

    private bool IsOfImages(ImmutableArray<Factor> axis) => axis.SequenceEqual(Features.Axis(Extent.Batch, _batch));

    private static string Text(Features features) =>
        string.Join('×', features.Axes.Select(axis => axis.Length == 0 ? "1" : string.Concat(axis.Select(f => f.Extent.ToString()[0]))));

    /// <summary>The network, whose last layer gives the logits; what the graph makes of them, and how many there are in the graph.</summary>
    private (Network Network, (Ending Kind, OnnxOperation? By) Ending, int Scores) End(string name, bool oneIsTwo)
    {
        var output = _model.Outputs[0].Name;
        if (!_features.ContainsKey(output))
            throw OnnxReader.Bad(_path, $"nothing in the graph computes its output '{output}' from the images");
        var end = EndOf(output);
        var features = InOrder(end, FeaturesOf(end, 0), all => [.. all.FactorsOf(Extent.Channel)]);
        end.Require(
            features.Value.Shape is { Height: 1, Width: 1 } && features.Colours is null,
            $"the network gives {features.Value.Shape} for an image, where a classifier gives a number for each class");
        end.Require(_batch == 1 || (features.Axes.Length > 0 && IsOfImages(features.Axes[0])), "its first dimension is not that of the images");
        end.Require(_read.Any(colour => colour is not null), "it does not read the images");
        end.Require(
            _read.All(colour => colour is not { } known || (known.Scale != 0 && double.IsFinite(known.Scale) && double.IsFinite(known.Shift))),
            "a colour of the images is multiplied by nothing, or by what is no number");
        RequireLogits(features.Value);
        var scores = features.Value.Channels;
        if (scores == 1 && oneIsTwo)
        {
            var layer = Free("two_classes");
            _builder.FullyConnected(layer, features.Value, 2);
            (_parameters[$"{layer}.weight"], _parameters[$"{layer}.bias"]) = ([0, 1], [0, 0]);
        }

        var network = _builder.Build(name);
        return (network, (features.Ending, features.EndedBy), scores);
    }

    /// <summary>Whether a tensor is a product that only one node reads, which may then change it.</summary>
    private bool IsOwnProduct(string name) => _products.Contains(name) && _readers[name] == 1;

    /// <summary>The graph's end as a node, for messages.</summary>
    private GraphNode EndOf(string name) => new(this, new("output", name, [name], [name], new Dictionary<string, object?>()), AtEnd);

    /// <summary>A name for a layer: that of its weights where they have one, else the node's without the scopes that it repeats.</summary>
    private string NameLayer(OnnxNode node, int weights)
    {
        var tensor = weights < node.Inputs.Length ? node.Inputs[weights] : "";
        var name = tensor.EndsWith(".weight", StringComparison.Ordinal) ? tensor[..^".weight".Length] : Scopes(node);
        if (name.Length == 0)
            name = node.Operator.ToLowerInvariant();
        return Free(name);
    }

    /// <summary>A name that no layer has yet: this one, or with a number behind it.</summary>
    private string Free(string name)
    {
        var free = name;
        while (!_names.Add(free))
            free = $"{name}_{_numbers[name] = _numbers.GetValueOrDefault(name, 1) + 1}";
        return free;
    }

    /// <summary><c>stage2.0.branch1.0</c> from <c>/stage2/stage2.0/branch1/branch1.0/Conv</c>, as torch names nodes.</summary>
    private static string Scopes(OnnxNode node)
    {
        var parts = node.Name.Split('/', StringSplitOptions.RemoveEmptyEntries).ToList();
        if (parts.Count > 1 && parts[^1].StartsWith(node.Operator, StringComparison.Ordinal))
            parts.RemoveAt(parts.Count - 1);
        for (var i = parts.Count - 2; i >= 0; i--)
        {
            if (parts[i + 1].StartsWith(parts[i] + '.', StringComparison.Ordinal))
                parts.RemoveAt(i);
        }

        return string.Join('.', parts);
    }
}
