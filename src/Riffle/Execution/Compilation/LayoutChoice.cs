using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>Which values of one image have their channels in lanes.</summary>
internal static class LayoutChoice
{
    /// <summary>
    /// Small values; but not those that padding makes large again, for channels that are side by side stay so to the end; not those that are read together with
    /// planes, as one input; and not the mean of a large plane, which is a sum where the plane lies. The factors of scaling may lie anywhere: they are read one
    /// by one.
    /// </summary>
    public static HashSet<LoweredTensor> ChannelsInLanes(LoweredNetwork lowered, int mostPositions)
    {
        var small = lowered.Tensors.Where(tensor => tensor.Step >= 0 && tensor.Positions <= mostPositions).ToHashSet();
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
}
