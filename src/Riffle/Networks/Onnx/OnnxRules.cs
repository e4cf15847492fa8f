namespace Riffle.Networks;

/// <summary>
/// The ONNX nodes that operators are read from; each operator's file has its own. Slice, Concat and ChannelShuffle have none: they are seen in how a graph
/// arranges values, whatever nodes it does that with.
/// </summary>
internal static class OnnxRules
{
    public static IReadOnlyList<OnnxRule> All { get; } =
    [
        .. Convolution.Onnx, .. BatchNorm.Onnx, .. Relu.Onnx, .. MaxPool.Onnx, .. AveragePool.Onnx, .. GlobalAveragePool.Onnx, .. Add.Onnx,
        .. FullyConnected.Onnx, .. Activation.Onnx, .. Scale.Onnx,
    ];
}
