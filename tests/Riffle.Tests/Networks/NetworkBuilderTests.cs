using FsCheck;
using FsCheck.Fluent;
using Riffle.Networks;

namespace Riffle.Tests.Networks;

public class NetworkBuilderTests
{
    [Fact]
    public void A_small_network_is_described_as_it_was_built()
    {
        var builder = new NetworkBuilder();
        var unit = builder.Unit("stage2.0");
        var x = builder.Input(9, 7);
        x = builder.Unit("conv1").Convolution("0", x, 8, kernel: 3, stride: 2);
        var left = unit.Unit("branch2").Relu(unit.Slice(x, 0, 4));
        x = unit.Concat(left, unit.Relu(unit.Slice(x, 4, 4)));
        builder.FullyConnected("fc", builder.GlobalAveragePool(x), 3);
        var network = builder.Build("small");

        Assert.Equal(
            ["input", "conv1.0", "stage2.0.slice", "stage2.0.branch2.relu", "stage2.0.slice2", "stage2.0.relu", "stage2.0.concat", "globalaveragepool", "fc"],
            network.Layers.Select(layer => layer.Name));
        Assert.Equal(
            ["input", "conv1", "stage2.0", "stage2.0", "stage2.0", "stage2.0", "stage2.0", "globalaveragepool", "fc"],
            network.Layers.Select(layer => layer.Unit));
        Assert.Equal(["conv1.0.weight", "fc.weight", "fc.bias"], network.Parameters.Select(p => p.Name));
        Assert.Equal<int>([8, 3, 3, 3], network.Parameters[0].Shape);
        Assert.Equal(new Shape(8, 5, 4), network.Layers[1].Output);
        Assert.Equal<int>([3, 5], network.Layers[6].Inputs);
        Assert.Equal(3, network.Classes);
    }

    [Fact]
    public void A_window_s_output_is_the_number_of_places_it_fits()
    {
        var windows =
            from size in Gen.Choose(1, 40)
            from kernel in Gen.Choose(1, 7)
            from stride in Gen.Choose(1, 4)
            select (size, kernel, stride);
        Prop.ForAll(windows.ToArbitrary(), window =>
        {
            var (size, kernel, stride) = window;
            var padding = kernel / 2;
            var places = 0;
            for (var start = -padding; start + kernel <= size + padding; start += stride)
                places++;
            var builder = new NetworkBuilder();
            var x = builder.Input(size, size);
            return builder.MaxPool(x, kernel, stride).Shape == new Shape(3, places, places)
                && builder.AveragePool(x, kernel, stride).Shape == new Shape(3, places, places)
                && builder.Convolution("c", x, 5, kernel, stride).Shape == new Shape(5, places, places);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Groups_work_exactly_when_they_divide()
    {
        var cases =
            from channels in Gen.Choose(1, 24)
            from output in Gen.Choose(1, 24)
            from groups in Gen.Choose(-1, 25)
            select (channels, output, groups);
        Prop.ForAll(cases.ToArbitrary(), request =>
        {
            var (channels, output, groups) = request;
            var builder = new NetworkBuilder();
            var x = builder.Convolution("first", builder.Input(4, 4), channels, kernel: 1);
            var divides = groups > 0 && channels % groups == 0;
            return Works(() => builder.Convolution("second", x, output, kernel: 1, groups: groups)) == (divides && output % groups == 0)
                && Works(() => builder.ChannelShuffle(x, groups)) == divides;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_the_shapes()
    {
        var builder = new NetworkBuilder();
        Error.Names(Message(() => new NetworkBuilder().Input(0, 5)), "0×5");
        var x = builder.Input(8, 8);
        Assert.Contains("input", Message(() => builder.Input(8, 8)));
        var small = builder.MaxPool(x, 3, 2);
        var wide = builder.Convolution("wide", x, 4, 1);
        Error.Names(Message(() => builder.Concat(x, small)), "3×8×8", "3×4×4");
        Error.Names(Message(() => builder.Add(x, wide)), "3×8×8", "4×8×8");
        Error.Names(Message(() => builder.Slice(x, 2, 3)), "2 to 4", "3");
        Error.Names(Message(() => builder.ChannelShuffle(x, 2)), "2 groups", "3 channels");
        Error.Names(Message(() => builder.Convolution("c", x, 4, 1, groups: 2)), "2 groups", "3 input", "4 output");
        Error.Names(Message(() => builder.MaxPool(x, 3, 0)), "kernel 3", "stride 0");
        Error.Names(Message(() => builder.FullyConnected("fc", x, 3)), "C×1×1");
        Assert.Contains(" wide", Message(() => builder.Convolution("wide", x, 4, 1)));
        Assert.Contains("another network", Message(() => new NetworkBuilder().Relu(x)));
    }

    /// <summary>Sizes that no int can count are refused by name, before anything is multiplied.</summary>
    [Fact]
    public void What_is_too_large_to_be_counted_is_refused_by_the_layer_s_name()
    {
        Assert.Contains("input", Message(() => new NetworkBuilder().Input(100_000, 8)));
        Assert.Contains("input", Message(() => new NetworkBuilder().Input(16_000, 16_000)));
        var builder = new NetworkBuilder();
        var x = builder.Input(8, 8);
        Assert.Contains("far", Message(() => builder.Convolution("far", x, 8, 3, stride: int.MaxValue)));
        Assert.Contains("tall", Message(() => builder.Convolution("tall", x, 8, 1 << 30, padding: Padding.Of((1 << 30) - 1))));
        Assert.Contains("many", Message(() => builder.Convolution("many", x, 1 << 21, 1)));
        var wide = builder.Convolution("wide", x, 1 << 20, 1);
        Assert.Contains("kernel", Message(() => builder.Convolution("kernel", wide, 1 << 20, 3)));
        Assert.Contains("concat", Message(() => builder.Concat(wide, x)));
        for (var layer = 0; layer < 5; layer++)
            builder.FullyConnected($"classifier{layer}", builder.GlobalAveragePool(wide), 500);
        Assert.Contains("parameters", Message(() => builder.Build("huge")));
        Assert.Contains("empty: ", Message(() => new NetworkBuilder().Build("empty")));
    }

    [Fact]
    public void One_group_shuffles_nothing()
    {
        var builder = new NetworkBuilder();
        var x = builder.Input(8, 8);
        Assert.Equal(x, builder.ChannelShuffle(x, 1));
        Assert.Single(builder.Build("n").Layers);
    }

    private static string Message(Action action) => Assert.Throws<ArgumentException>(action).Message;

    private static bool Works(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
