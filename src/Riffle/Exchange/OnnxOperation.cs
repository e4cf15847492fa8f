using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <summary>A node while it is read: its attributes and constant inputs, and errors that name it.</summary>
/// <param name="model">The file's name, for messages.</param>
/// <param name="node">The node.</param>
/// <param name="constant">The constant of a name; null where it is none.</param>
/// <param name="budget">What reading the model may take.</param>
internal class OnnxOperation(string model, OnnxNode node, Func<string, OnnxTensor?> constant, OnnxBudget budget)
{
    public OnnxNode Node => node;

    public string Operator => node.Operator;

    /// <summary>Whether there is an input at a place.</summary>
    public bool Has(int input) => input < node.Inputs.Length && node.Inputs[input].Length > 0;

    /// <summary>The name of an input.</summary>
    public string Input(int input) => Has(input) ? node.Inputs[input] : throw Bad($"its input {input} is missing");

    /// <summary>A constant input; null where there is none at that place.</summary>
    public OnnxTensor? Constant(int input) =>
        !Has(input)
            ? null
            : constant(node.Inputs[input]) ?? throw Unsupported($"its input '{node.Inputs[input]}' is computed from the images; it has to be a constant");

    /// <summary>A constant input of integers.</summary>
    public long[]? Integers(int input) => Constant(input) is not { } tensor
        ? null
        : tensor.Integers ?? throw Bad($"its input '{tensor.Name}' has to be of integers");

    /// <summary>A constant input of floats.</summary>
    public OnnxFloats Floats(int input) => (Constant(input) ?? throw Bad($"its input {input} is missing")) is { Floats: { } values } tensor
        ? new(tensor.Shape, values)
        : throw Bad($"its input '{Input(input)}' has to be of floats");

    /// <summary>A constant input of floats, as many as are needed.</summary>
    public float[] Vector(int input, int length)
    {
        var values = Floats(input).Values;
        return values.Length == length ? values : throw Bad($"its constant '{Input(input)}' has {values.Length} values where {length} are needed");
    }

    public long Integer(string attribute, long otherwise) => Get<long?>(attribute) ?? otherwise;

    public float Number(string attribute, float otherwise) => Get<float?>(attribute) ?? otherwise;

    public string Text(string attribute, string otherwise) => Get<string>(attribute) ?? otherwise;

    public long[]? Integers(string attribute) => Get<long[]>(attribute);

    public OnnxTensor? Tensor(string attribute) => Get<OnnxTensor>(attribute);

    /// <summary>An axis as a number from 0 on.</summary>
    public int Axis(long axis, int rank) => axis >= -rank && axis < rank ? (int)(axis < 0 ? axis + rank : axis) : throw Bad($"it has no axis {axis} in {rank}");

    /// <summary>A size that is to be an int.</summary>
    public int Size(long size) => size is >= 0 and <= int.MaxValue ? (int)size : throw Bad($"a size of {size} in it can't be");

    /// <summary>The node does what Riffle can't.</summary>
    public RiffleException Unsupported(string what) => new($"{model}: {Name(node)}: {what}; Riffle can't run this network");

    /// <summary>The node is not what the specification asks for.</summary>
    public BadDataException Bad(string what) => Bad(what, null);

    public BadDataException Bad(string what, Exception? inner) =>
        new($"{model}: {Name(node)}: {what}; the file is damaged, or what wrote it is at fault", inner);

    public void Require(bool condition, string otherwise)
    {
        if (!condition)
            throw Unsupported(otherwise);
    }

    /// <summary>Counts memory that is about to be taken.</summary>
    /// <exception cref="BadDataException">It is more than the model's size accounts for.</exception>
    public void Take(Int128 bytes) => budget.Take(bytes, () => Name(node));

    /// <summary>How a person finds a node.</summary>
    public static string Name(OnnxNode node)
    {
        var name = node.Name.Length > 0 ? node.Name : node.Outputs.FirstOrDefault(output => output.Length > 0) ?? "";
        return $"the node '{name}' ({(node.Domain.Length > 0 ? node.Domain + "." : "")}{node.Operator})";
    }

    private T? Get<T>(string attribute) => !node.Attributes.TryGetValue(attribute, out var value)
        ? default
        : value is T found ? found : throw Bad($"its attribute '{attribute}' is of another kind than it should be");
}
