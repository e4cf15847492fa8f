using System.Collections.Immutable;
using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Measurement;

/// <summary>What one layer, or work that belongs to no layer, costs in one run over a batch.</summary>
/// <param name="Name">The name of the layer or of the other work.</param>
/// <param name="Operation">The layer's operation, as in <see cref="LayerComplexity.Operation"/>; null if it is not a layer.</param>
/// <param name="Output">The layer's output shape; null if it has none.</param>
/// <param name="Macs">Multiply-adds for one image, forward.</param>
/// <param name="Bytes">
/// What the layer has to read and write for one image, forward: its inputs, its output and its weights, four bytes each. The cost of batch norm and ReLU is
/// in the layers that read their results; shuffle, slice and concat move nothing.
/// </param>
/// <param name="ForwardMilliseconds">Time of all threads together.</param>
/// <param name="BackwardMilliseconds">Time of all threads together; 0 in inference.</param>
public sealed record LayerTime(
    string Name, string? Operation, Shape? Output, long Macs, long Bytes, double ForwardMilliseconds, double BackwardMilliseconds)
{
    /// <summary>The lines of a plan's counters after some runs, layers first.</summary>
    internal static ImmutableArray<LayerTime> Of(LayerTimes times, Network network, int runs)
    {
        var costs = Complexity.Of(network).Layers;
        double PerRun(TimeSpan time) => time.TotalMilliseconds / runs;
        var layers = times.Layers.Select((layer, step) => new LayerTime(
            layer.Name, costs[layer.Index].Operation, layer.Output, costs[layer.Index].Macs, BytesOf(network, layer),
            PerRun(times.Of(step, backward: false)), PerRun(times.Of(step, backward: true))));
        var others = Enum.GetValues<OtherWork>().Select(work => new LayerTime(
            NameOf(work), null, null, 0, 0, PerRun(times.Of(work, backward: false)), PerRun(times.Of(work, backward: true))));
        return [.. layers, .. others];
    }

    private static long BytesOf(Network network, Layer layer) =>
        sizeof(float) * (layer.Inputs.Sum(input => network.Layers[input].Output.Elements) + layer.Output.Elements + layer.Parameters.Sum(p => (long)p.Count));

    private static string NameOf(OtherWork work) => work switch
    {
        OtherWork.Weights => "weights packed",
        OtherWork.Images => "images in",
        OtherWork.BatchNorm => "batch norm",
        OtherWork.Loss => "loss or logits",
        OtherWork.Gradients => "gradients added",
        OtherWork.Update => "weights updated",
        OtherWork.Waiting => "waiting",
        _ => throw new NotSupportedException($"{work} has no name"),
    };
}
