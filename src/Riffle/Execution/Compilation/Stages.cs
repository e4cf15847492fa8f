using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>
/// Steps of inference in stages, for threads that share an image: they meet between stages, not within. In a stage each thread computes its share of the channels
/// of every step's output, and reads nothing that the stage writes except what it wrote itself.
/// </summary>
internal static class Stages
{
    /// <summary>Numbers the stages. A step begins one if it reads what others of its stage write, unless it works channel by channel on all that one step
    /// wrote: then it is cut like that step.</summary>
    public static void Assign(CompiledNetwork compiled)
    {
        var (stage, written) = (0, new Dictionary<CompiledValue, int>());
        for (var s = 0; s < compiled.Steps.Count; s++)
        {
            var step = compiled.Steps[s];
            var read = ReadBy(compiled, step).Where(written.ContainsKey).ToArray();
            step.CutLike = s;
            if (read.Length > 0)
            {
                var cuts = read.Select(value => compiled.Steps[written[value]].CutLike).Distinct().ToArray();
                if (cuts.Length == 1 && !IsByLane(compiled.Steps[cuts[0]]) && IsByChannel(compiled, step, read))
                {
                    step.CutLike = cuts[0];
                }
                else
                {
                    stage++;
                    written.Clear();
                }
            }

            step.Stage = stage;
            written[step.Output] = s;
        }
    }

    /// <summary>The last step of the stage that a step is in; the step itself if it is behind the last.</summary>
    public static int EndOf(CompiledNetwork compiled, int step)
    {
        while (step >= 0 && step + 1 < compiled.Steps.Count && compiled.Steps[step + 1].Stage == compiled.Steps[step].Stage)
            step++;
        return step;
    }

    private static IEnumerable<CompiledValue> ReadBy(CompiledNetwork compiled, CompiledStep step) =>
        step.Inputs.Append(step.Epilogue.Residual ?? []).SelectMany(planes => planes).Select(compiled.ValueOf).Distinct();

    /// <summary>Whether a step is cut between single channels although its output has sixteen side by side: a sum, whose inputs may have theirs in other lanes.
    /// </summary>
    public static bool IsByLane(CompiledStep step) => step is { Primitive: Sum, Output.Layout: Layout.ChannelsInLanes };

    /// <summary>Whether each plane of a step's output, or block of channels, depends on that of the same number of some values, and on no other of them.</summary>
    private static bool IsByChannel(CompiledNetwork compiled, CompiledStep step, CompiledValue[] values)
    {
        var inputs = step.Primitive switch
        {
            Product or Reorder => 0,
            _ when IsByLane(step) => 0,
            ChannelScale => 1,
            _ => step.Inputs.Length,
        };
        return values.All(value => value.Layout == step.Output.Layout
            && step.Inputs.Index().All(input => !input.Item.Any(plane => compiled.ValueOf(plane) == value) || (input.Index < inputs && IsWhole(input.Item, value))));

        bool IsWhole(int[] planes, CompiledValue value) => value.Layout == Layout.ChannelsInLanes
            ? compiled.BlocksOf(planes).SequenceEqual(Enumerable.Range(0, value.Blocks).Select(block => new LaneBlock(value, block)))
            : planes.SequenceEqual(Enumerable.Range(value.FirstPlane, value.Channels));
    }
}
