using Riffle.Data;
using Riffle.Networks;

namespace Riffle;

/// <summary>What an ONNX file may not say about its network.</summary>
/// <param name="Classes">The classes, in the order of the logits.</param>
/// <param name="Normalisation">How bytes become the graph's input.</param>
public sealed record OnnxHints(IReadOnlyList<DatasetClass>? Classes = null, Normalisation? Normalisation = null);
