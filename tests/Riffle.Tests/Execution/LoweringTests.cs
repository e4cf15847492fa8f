using FsCheck;
using FsCheck.Fluent;
using Riffle.Execution;
using Riffle.Kernels;
using Riffle.Networks;

namespace Riffle.Tests.Execution;

/// <summary>Shuffle, slice and concat are orders of planes: here against their definitions, without an engine.</summary>
public class LoweringTests
{
    [Fact]
    public void Shuffle_transposes_groups_and_channels_and_the_other_shuffle_undoes_it() => Prop.ForAll(
        (from groups in Gen.Choose(1, 12) from width in Gen.Choose(1, 12) select (groups * width, groups)).ToArbitrary(),
        c => Shuffle_is_its_definition(c.Item1, c.groups)).QuickCheckThrowOnFailure();

    private static void Shuffle_is_its_definition(int channels, int groups)
    {
        // Zhang et al., 2017: seen as groups × channels/groups, transposed, and read in order.
        var matrix = Enumerable.Range(0, channels).Chunk(channels / groups).ToArray();
        var transposed = Enumerable.Range(0, channels / groups).SelectMany(i => matrix.Select(row => row[i])).ToArray();
        Assert.Equal(transposed, Order(channels, (b, x) => b.ChannelShuffle(x, groups)));
        Assert.Equal(Enumerable.Range(0, channels), Order(channels, (b, x) => b.ChannelShuffle(b.ChannelShuffle(x, groups), channels / groups)));
    }

    [Fact]
    public void Slice_takes_a_range_and_concat_puts_one_behind_the_other()
    {
        Assert.Equal([3, 4, 5, 6], Order(9, (b, x) => b.Slice(x, 3, 4)));
        Assert.Equal([4, 5, 6, 0, 1, 2, 3], Order(7, (b, x) => b.Concat(b.Slice(x, 4, 3), b.Slice(x, 0, 4))));
    }

    [Fact]
    public void A_plane_read_twice_gets_its_gradients_stored_then_added_and_finished()
    {
        var b = new NetworkBuilder();
        var stem = b.Convolution("stem", b.Input(8, 8), 4, 3);
        var sum = b.Add(b.Convolution("branch", stem, 4, 3, groups: 4), stem);
        b.FullyConnected("fc", b.GlobalAveragePool(sum), 2);
        var lowered = new LoweredNetwork(b.Build("residual"));
        var (steps, flow) = (lowered.Steps, new GradientFlow(lowered));

        // Backward the sum comes before the branch: it stores the stem's gradient, the branch adds to it and is the last.
        var (branch, addition) = (steps[1], steps[2]);
        Assert.All(flow.WritesOf(addition, 0), write => Assert.Equal(GradientWrite.Final, write));
        Assert.All(flow.WritesOf(addition, 1), write => Assert.Equal(GradientWrite.Store, write));
        Assert.All(flow.WritesOf(branch, 0), write => Assert.Equal(GradientWrite.Accumulate | GradientWrite.Final, write));
        Assert.All(flow.WritesOf(steps[0], 0), write => Assert.Equal(GradientWrite.None, write));
    }

    /// <summary>In which order the next step reads the stem's channels.</summary>
    private static int[] Order(int channels, Func<NetworkBuilder, Value, Value> arrange)
    {
        var b = new NetworkBuilder();
        var stem = b.Convolution("stem", b.Input(4, 4), channels, 3);

        // Channels that nobody reads would be refused, so all are read a second time.
        b.Concat(b.GlobalAveragePool(arrange(b, stem)), b.GlobalAveragePool(stem));
        var lowered = new LoweredNetwork(b.Build("order"));
        var first = lowered.Tensors[1].FirstPlane;
        return [.. lowered.Steps[1].Inputs[0].Select(plane => plane - first)];
    }
}
