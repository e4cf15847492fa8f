namespace Riffle.Networks;

/// <summary>How nodes of one ONNX operator are read.</summary>
/// <param name="Operator">ONNX's name of it.</param>
/// <param name="Read">Reads a node: adds its layers and sets its output.</param>
/// <param name="Accepts">What may still be deferred on the node's inputs.</param>
/// <param name="When">Whether the rule applies to a node; null if always. The first rule that applies is used.</param>
internal sealed record OnnxRule(string Operator, Action<IOnnxNode> Read, Deferred Accepts = Deferred.None, Func<IOnnxNode, bool>? When = null);

/// <summary>
/// What may be deferred on a value, because exporters write one operator as several nodes. What a node's rule does not accept becomes layers before the node
/// reads the value.
/// </summary>
[Flags]
internal enum Deferred
{
    None = 0,

    /// <summary>Zeros around rows and columns.</summary>
    Padding = 1,

    /// <summary>Arithmetic with numbers, and bounds, on each value by itself.</summary>
    Function = 2,

    /// <summary>A mean over rows or columns.</summary>
    Mean = 4,

    /// <summary>A softmax or a sigmoid, which may be the network's end.</summary>
    Ending = 8,
}
