using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>Which values of one image have their channels in lanes.</summary>
internal static class LayoutChoice
{
    /// <summary>Values of up to 8×8 positions have their channels in lanes: vectors over so few positions waste too much.</summary>
    private const int FewPositions = 64;

    /// <summary>
    /// Where vectors over channels are as full as vectors over positions, they are faster by this factor: their product reads one run of memory, and windows
    /// need no values from between two vectors. benchmarks/notes.md has it measured.
    /// </summary>
    private const double GainOfLanes = 1.09;

    /// <summary>
    /// Small values, and those whose channels fill their lanes; but not those that padding makes large again, for channels that are side by side stay so to the
    /// end; not those that are read together with planes, as one input; and not the mean of a large plane, which is a sum where the plane lies. The factors of
    /// scaling may lie anywhere: they are read one by one.
    /// </summary>
    public static HashSet<LoweredTensor> ChannelsInLanes(LoweredNetwork lowered)
    {
        var fill = lowered.Steps.Where(step => step.Primitive is Product).GroupBy(step => step.Output?.Positions ?? 1).ToDictionary(steps => steps.Key, Fill);
        bool IsIn(int positions) =>
            positions <= FewPositions || (fill.TryGetValue(positions, out var full) && full * GainOfLanes >= (double)positions / RoundUp(positions));
        var small = lowered.Tensors.Where(tensor => tensor.Step >= 0 && IsIn(tensor.Positions)).ToHashSet();
        for (var before = -1; before != small.Count;)
        {
            before = small.Count;
            foreach (var step in lowered.Steps.Reverse())
            {
                foreach (var planes in step.Primitive is ChannelScale ? step.Inputs[..1] : step.Inputs)
                {
                    var input = planes.Select(lowered.TensorOf).ToHashSet();
                    var isPlanes = !input.IsSubsetOf(small);
                    if (isPlanes && step is { Primitive: Mean, Output: { } mean })
                        small.Remove(mean);
                    if (isPlanes || (step.Output is { } output && !small.Contains(output)))
                        small.ExceptWith(input);
                }
            }
        }

        return small;
    }

    /// <summary>The share of lanes that hold a channel in the products of some steps; each step counts by its work.</summary>
    private static double Fill(IEnumerable<LoweredStep> products)
    {
        double useful = 0, all = 0;
        foreach (var step in products)
        {
            var product = (Product)step.Primitive;
            var (depth, width) = (step.Inputs[0].Length * product.Kernel * product.Kernel / product.Groups, (step.Output?.Channels ?? 1) / product.Groups);
            useful += (double)depth * product.Groups * width;
            all += (double)depth * product.Groups * RoundUp(width);
        }

        return useful / all;
    }

    private static int RoundUp(int count) => (count + Lanes.Count - 1) / Lanes.Count * Lanes.Count;
}
