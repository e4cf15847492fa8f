namespace Riffle.Networks;

/// <summary>How nodes of one ONNX operator are read.</summary>
/// <param name="Operator">ONNX's name of it.</param>
/// <param name="Read">Reads a node: adds its layers and says what it gives.</param>
/// <param name="Takes">What may still be deferred on what it reads.</param>
/// <param name="When">Whether it is for a node; null where it is for all of them. Of several rules for a node the first is taken.</param>
internal sealed record OnnxRule(string Operator, Action<IOnnxNode> Read, Deferred Takes = Deferred.None, Func<IOnnxNode, bool>? When = null);

/// <summary>
/// What may be deferred on a value that a node reads, because exporters write one operator as several nodes. Whatever a node's rule does not take becomes layers
/// before the node reads the value.
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
