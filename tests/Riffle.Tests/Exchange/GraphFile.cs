using Riffle.Formats.Onnx;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Exchange;

/// <summary>An ONNX graph that a test makes node by node, over images of 16×16 and of random weights that are the same each time.</summary>
internal sealed class GraphFile(TemporaryFolder folder)
{
    public const int Side = 16;
    private readonly List<OnnxNode> _nodes = [];
    private readonly List<OnnxTensor> _tensors = [];
    private readonly Random _random = new(7);

    /// <summary>Type of the images.</summary>
    public OnnxType Type { get; init; } = OnnxType.Float;

    /// <summary>Whether the images are N×H×W×3.</summary>
    public bool ColoursLast { get; init; }

    public long Opset { get; init; } = 13;

    /// <summary>Number of images; null where it is free.</summary>
    public long? Images { get; init; }

    public string Floats(long[] shape, params float[] values) => Add(OnnxTensor.Of($"c{_tensors.Count}", shape, values));

    public string Number(float value) => Floats([], value);

    public string Colours(params float[] values) => Floats([1, 3, 1, 1], values);

    public string Integers(params long[] values) => Add(OnnxTensor.Of($"c{_tensors.Count}", values));

    public string Integer(long value) => Add(OnnxTensor.Of($"c{_tensors.Count}", [], [value]));

    public string Random(params long[] shape) =>
        Floats(shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(_ => (float)_random.NextDouble() - 0.5f)]);

    /// <summary>A node; the name of its output.</summary>
    public string Node(string operation, string[] inputs, params (string Name, object Value)[] attributes) => Nodes(operation, inputs, 1, attributes)[0];

    public string[] Nodes(string operation, string[] inputs, int outputs, params (string Name, object Value)[] attributes)
    {
        string[] names = [.. Enumerable.Range(0, outputs).Select(output => $"v{_nodes.Count}.{output}")];
        _nodes.Add(new(operation, $"{operation}{_nodes.Count}", inputs, names, attributes.ToDictionary(pair => pair.Name, pair => (object?)pair.Value)));
        return names;
    }

    /// <summary>A convolution of 3×3 from some channels to eight, half as high and wide: 8×8.</summary>
    public string Stem(string images, int channels = 3) =>
        Node("Conv", [images, Random(8, channels, 3, 3), Random(8)], ("strides", (long[])[2, 2]), ("pads", (long[])[1, 1, 1, 1]));

    /// <summary>Mean and classifier.</summary>
    public string Head(string x, int classes = 4) => Classify(Node("Flatten", [Node("GlobalAveragePool", [x])]), classes);

    public string Classify(string means, int classes = 4) => Node("Gemm", [means, Random(classes, 8), Random(classes)], ("transB", 1L));

    /// <summary>Writes the graph that gives a value; the path.</summary>
    public string Write(string output, string name = "graph.onnx")
    {
        var path = folder.PathOf(name);
        using var stream = File.Create(path);
        OnnxWriter.Write(stream, new(
            Opset, ("test", "1"), "graph", [new("images", Type, ColoursLast ? [Images, Side, Side, 3] : [Images, 3, Side, Side])],
            [new(output, OnnxType.Float, null)], _nodes, _tensors, new Dictionary<string, string>()));
        return path;
    }

    private string Add(OnnxTensor tensor)
    {
        _tensors.Add(tensor);
        return tensor.Name;
    }
}
