using Riffle.Networks;

namespace Riffle.Tests.Networks;

public class ArchitectureRowTests
{
    public static TheoryData<string> Names => [.. NetworkCatalogue.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Rows_add_up_to_the_network(string name)
    {
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, Preset.ImageNet));
        var rows = Architecture.Of(network);
        var cost = Complexity.Of(network);
        Assert.Equal((cost.Macs, cost.Parameters), (rows.Sum(row => row.Macs), rows.Sum(row => row.Parameters)));
        Assert.Equal(network.Layers.Select(layer => layer.Unit).Distinct().Count(), rows.Sum(row => row.Repeat));
    }

    [Fact]
    public void ShuffleNet_v1_has_the_rows_of_the_study_s_table()
    {
        var rows = Architecture.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v1-g3-x1.0")));
        Assert.Equal(
            [
                ("input", 56, null, null, 1, 3), ("conv1", 56, 3, 1, 1, 24), ("maxpool", 28, 3, 2, 1, 24),
                ("stage2.0", 14, 3, 2, 1, 240), ("stage2.1", 14, 3, 1, 1, 240),
                ("stage3.0", 7, 3, 2, 1, 480), ("stage3.1-3", 7, 3, 1, 3, 480),
                ("stage4.0", 4, 3, 2, 1, 960), ("stage4.1", 4, 3, 1, 1, 960),
                ("pool", 1, 4, 1, 1, 960), ("fc", 1, null, null, 1, 200),
            ],
            rows.Select(row => (row.Name, row.Output.Height, row.Kernel, row.Stride, row.Repeat, row.Output.Channels)));
    }

    /// <summary>Howard et al., 2019, Table 2, whose kernels are those of the depthwise convolutions: the mean of squeeze-and-excite is no kernel.</summary>
    [Fact]
    public void MobileNet_v3_small_has_the_rows_of_its_paper_s_table()
    {
        var rows = Architecture.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve("mobilenet-v3-small-x1.0", Preset.ImageNet)));
        Assert.Equal(
            [
                ("features.0", 112, 3, 2, 1, 16), ("features.1", 56, 3, 2, 1, 16), ("features.2", 28, 3, 2, 1, 24), ("features.3", 28, 3, 1, 1, 24),
                ("features.4", 14, 5, 2, 1, 40), ("features.5-6", 14, 5, 1, 2, 40), ("features.7", 14, 5, 1, 1, 48), ("features.8", 14, 5, 1, 1, 48),
                ("features.9", 7, 5, 2, 1, 96), ("features.10-11", 7, 5, 1, 2, 96), ("features.12", 7, 1, 1, 1, 576),
            ],
            rows.Skip(1).SkipLast(4).Select(row => (row.Name, row.Output.Height, row.Kernel!.Value, row.Stride!.Value, row.Repeat, row.Output.Channels)));
    }

    [Fact]
    public void Units_alike_but_for_what_they_read_are_rows_of_their_own()
    {
        // The second unit adds the first one's output, the third adds what lies further back.
        var builder = new NetworkBuilder();
        var x = builder.Input(8, 8);
        var a = builder.Unit("u.0").Relu(x);
        var b = builder.Unit("u.1").Relu(a);
        var c = builder.Unit("u.2").Relu(a);
        builder.Add(b, c);
        Assert.Equal(["input", "u.0-1", "u.2", "add"], Architecture.Of(builder.Build("n")).Select(row => row.Name));
    }
}
