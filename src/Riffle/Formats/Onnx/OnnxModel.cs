namespace Riffle.Formats.Onnx;

/// <summary>Element types, with their numbers in the format.</summary>
internal enum OnnxType
{
    Undefined = 0,
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    UInt32 = 12,
    UInt64 = 13,
    BFloat16 = 16,
}

/// <summary>A constant. Types of floating point come as floats, all others as 64-bit integers.</summary>
/// <param name="Name">Empty for the value of an attribute.</param>
/// <param name="Shape">Its dimensions; none for a single number.</param>
/// <param name="Floats">The values, the last dimension running fastest; null where they are integers.</param>
/// <param name="Integers">The same; null where they are floats.</param>
internal sealed record OnnxTensor(string Name, long[] Shape, float[]? Floats, long[]? Integers)
{
    public static OnnxTensor Of(string name, long[] shape, float[] values) => new(name, shape, values, null);

    public static OnnxTensor Of(string name, long[] shape, long[] values) => new(name, shape, null, values);

    /// <summary>A list of integers: a shape, axes, places.</summary>
    public static OnnxTensor Of(string name, params long[] values) => new(name, [values.Length], null, values);

    /// <summary>Number of values.</summary>
    public int Count => Floats?.Length ?? Integers!.Length;
}

/// <summary>An input or output of a graph.</summary>
/// <param name="Name">The value's name.</param>
/// <param name="Type">Type of its elements.</param>
/// <param name="Shape">Its dimensions, null for one that is free; null where nothing is told of them.</param>
internal sealed record OnnxValue(string Name, OnnxType Type, long?[]? Shape);

/// <summary>One operation.</summary>
/// <param name="Operator">What it does, for example <c>Conv</c>.</param>
/// <param name="Name">Its name; empty if it has none.</param>
/// <param name="Inputs">Names of values; empty for an optional input that is left out.</param>
/// <param name="Outputs">The same.</param>
/// <param name="Attributes">By name a long, a float, a string, an <see cref="OnnxTensor"/>, an array of longs or floats, or null for any other kind.</param>
internal sealed record OnnxNode(string Operator, string Name, string[] Inputs, string[] Outputs, IReadOnlyDictionary<string, object?> Attributes)
{
    /// <summary>Set of operators it belongs to; empty for ONNX's own.</summary>
    public string Domain { get; init; } = "";
}

/// <summary>An ONNX model: a graph of operations in an order in which they can run, its constants, and strings beside them.</summary>
/// <param name="Opset">Version of ONNX's own operators.</param>
/// <param name="Producer">What wrote it, with its version.</param>
/// <param name="Name">The graph's name.</param>
/// <param name="Inputs">What the graph takes, constants that can be replaced among them.</param>
/// <param name="Outputs">Its outputs.</param>
/// <param name="Nodes">Its operations.</param>
/// <param name="Tensors">Its constants.</param>
/// <param name="Metadata">Strings by key.</param>
internal sealed record OnnxModel(
    long Opset,
    (string Name, string Version) Producer,
    string Name,
    IReadOnlyList<OnnxValue> Inputs,
    IReadOnlyList<OnnxValue> Outputs,
    IReadOnlyList<OnnxNode> Nodes,
    IReadOnlyList<OnnxTensor> Tensors,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>What making a network of it may take, beside what reading it has taken already.</summary>
    public OnnxBudget Budget { get; init; } = new(Name, 0);
}
