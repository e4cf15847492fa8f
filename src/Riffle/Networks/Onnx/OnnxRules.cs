namespace Riffle.Networks;

/// <summary>
/// The ONNX nodes that operators are read from, as each operator's file lists them. Slice, Concat and ChannelShuffle have none: Exchange derives them from how
/// a graph arranges values, whichever nodes it uses for that.
/// </summary>
internal static class OnnxRules
{
    public static IReadOnlyList<OnnxRule> All { get; } =
    [
        .. Convolution.Onnx, .. BatchNorm.Onnx, .. Relu.Onnx, .. MaxPool.Onnx, .. AveragePool.Onnx, .. GlobalAveragePool.Onnx, .. Add.Onnx,
        .. FullyConnected.Onnx, .. Activation.Onnx, .. Scale.Onnx,
    ];
}
