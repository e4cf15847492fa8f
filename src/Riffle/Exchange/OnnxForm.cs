namespace Riffle.Exchange;

/// <summary>How a network is written as ONNX.</summary>
/// <param name="Pixels">Takes images as uint8 pixels N×H×W×3, red first, with the normalisation within the graph; else normalised floats N×3×H×W.</param>
/// <param name="Softmax">Gives probabilities instead of logits.</param>
/// <param name="KeepBatchNorm">Batch norm stays an operation; else it is folded into the convolution before it.</param>
public sealed record OnnxForm(bool Pixels = false, bool Softmax = false, bool KeepBatchNorm = false);
