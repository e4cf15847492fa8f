using FsCheck;
using FsCheck.Fluent;
using Riffle.Networks;

namespace Riffle.Tests.Networks;

public class NetworkCatalogueTests
{
    public static TheoryData<string> Names => [.. NetworkCatalogue.Names];

    [Fact]
    public void There_are_28_names_and_each_is_its_own_canonical_spelling()
    {
        Assert.Equal(28, NetworkCatalogue.Names.Distinct().Count());
        Assert.All(NetworkCatalogue.Names, name => Assert.Equal(name, NetworkCatalogue.Resolve(name).Name));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Layers_read_only_what_comes_before_and_have_names_of_their_own(string name)
    {
        foreach (var preset in Enum.GetValues<Preset>())
        {
            var spec = NetworkCatalogue.Resolve(name, preset);
            var network = NetworkCatalogue.Build(spec);
            Assert.Equal((spec.Name, spec.Classes, new Shape(3, spec.ImageSize, spec.ImageSize)), (network.Name, network.Classes, network.Input));
            Assert.IsType<Input>(network.Layers[0].Operation);
            Assert.All(network.Layers, (layer, index) => Assert.Equal(index, layer.Index));
            Assert.All(network.Layers.Skip(1), layer => Assert.NotEmpty(layer.Inputs));
            Assert.All(network.Layers, layer => Assert.All(layer.Inputs, input => Assert.InRange(input, 0, layer.Index - 1)));
            Assert.Equal(network.Layers.Length, network.Layers.Select(layer => layer.Name).Distinct().Count());
            Assert.Equal(network.Parameters.Length, network.Parameters.Select(p => p.Name).Distinct().Count());
            Assert.All(network.Layers, layer => Assert.All(layer.Parameters, p => Assert.StartsWith(layer.Name + ".", p.Name, StringComparison.Ordinal)));

            // Nothing is computed in vain: every layer but the last is read by another.
            Assert.Equal(Enumerable.Range(0, network.Layers.Length - 1), network.Layers.SelectMany(layer => layer.Inputs).Distinct().Order());
        }
    }

    [Fact]
    public void Any_possible_request_builds_a_network_of_that_request()
    {
        var requests =
            from name in Gen.OneOf(
                from groups in Gen.Elements(1, 2, 3, 4, 8)
                from scale in Gen.Choose(1, 400)
                select $"shufflenet-v1-g{groups}-x{scale / 100.0}",
                from scale in Gen.Elements("0.5", "1", "1.50", "2.0")
                select $"shufflenet-v2-x{scale}",
                from scale in Gen.Choose(4, 400)
                select $"mobilenet-v1-x{scale / 100.0}",
                from family in Gen.Elements("v2", "v3-large", "v3-small")
                from scale in Gen.Choose(10, 400)
                select $"mobilenet-{family}-x{scale / 100.0}")
            from preset in Gen.Elements(Preset.Tiny, Preset.ImageNet)
            from size in Gen.Choose(17, 300)
            from classes in Gen.Choose(1, 2000)
            from units in Gen.Choose(1, 5).ArrayOf(3)
            select (name, preset, size, classes, units);
        Prop.ForAll(requests.ToArbitrary(), request =>
        {
            var (name, preset, size, classes, units) = request;
            var spec = NetworkCatalogue.Resolve(name, preset, size, classes, name.StartsWith('m') ? null : units);
            var network = NetworkCatalogue.Build(spec);
            var cost = Complexity.Of(network);
            return network.Classes == classes
                && network.Input == new Shape(3, size, size)
                && cost.Macs == cost.Layers.Sum(layer => layer.Macs)
                && cost.Parameters == network.Parameters.Where(p => p.IsTrained).Sum(p => (long)p.Count)
                && (name.StartsWith('m') || UnitsInStages(network) == units.Sum());
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Specs_are_equal_when_every_value_is()
    {
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x1.0");
        Assert.Equal(spec, NetworkCatalogue.Resolve("ShuffleNet-v1-g3-x1", Preset.Tiny, 56, 200, [2, 4, 2]));
        Assert.Equal(spec.GetHashCode(), NetworkCatalogue.Resolve("shufflenet-v1-g3-x1.00").GetHashCode());
        NetworkSpec[] others =
        [
            spec with { Name = "shufflenet-v1-g3-x0.5" },
            spec with { ImageSize = 64 },
            spec with { Classes = 10 },
            spec with { Units = [2, 4, 3] },
            spec with { StemStride = 2 },
        ];
        Assert.All(others, other => Assert.NotEqual(spec, other));
    }

    [Theory]
    [InlineData("shufflenet-v3-x1.0", " shufflenet-v2-x1.0,")]
    [InlineData("mobilenetv1-x0.5", " mobilenet-v1-x0.5,")]
    [InlineData("mobilenet_v3_small-x1.0", " mobilenet-v3-small-x1.0,")]
    [InlineData("mobilenet-v3-x1.0", "mobilenet-v3-large-x{scale}, mobilenet-v3-small-x{scale}")]
    [InlineData("shufflenet-v1-x1.0", "shufflenet-v1-g{1,2,3,4,8}-x{scale}")]
    [InlineData("shufflenet-v2-g3-x1.0", "'shufflenet-v2-g3-x1.0'", "shufflenet-v2-")]
    [InlineData("", "''", "{scale}")]
    [InlineData("shufflenet-v1-g5-x1.0", "5 groups", "1, 2, 3, 4, 8")]
    [InlineData("shufflenet-v1-g3-x0", "scale 0;", "0.01 to 4")]
    [InlineData("shufflenet-v1-g3-x999999999", "scale 999999999;", "0.01 to 4")]
    [InlineData("shufflenet-v2-x0.7", "scale 0.7;", "2.0, 1.5, 1.0, 0.5")]
    [InlineData("mobilenet-v1-x0.01", "scale 0.01;", "0.03125 to 4")]
    [InlineData("mobilenet-v3-large-x5", "scale 5;", "0.1 to 4")]
    public void An_unknown_name_says_what_is_possible(string name, params string[] names) =>
        Error.Names(Assert.Throws<ArgumentException>(() => NetworkCatalogue.Resolve(name)).Message, names);

    [Theory]
    [InlineData("shufflenet-v1-g3-x1.0", 3, 10, "2,4,2", "3×3 pixels", " 9 ")]
    [InlineData("mobilenet-v1-x1.0", 16, 10, "", "16×16 pixels", " 17 ")]
    [InlineData("mobilenet-v1-x1.0", 100_000, 10, "", "to 4096")]
    [InlineData("mobilenet-v1-x1.0", 56, 0, "", "0 classes", "1 to 100000")]
    [InlineData("mobilenet-v1-x1.0", 56, int.MaxValue, "", "2147483647 classes", "1 to 100000")]
    [InlineData("mobilenet-v1-x1.0", 56, 10, "2,4,2", "no stages")]
    [InlineData("shufflenet-v2-x1.0", 56, 10, "2,4", "2 stages", "3 stages")]
    [InlineData("shufflenet-v2-x1.0", 56, 10, "2,0,2", "2,0,2", "1 to 100")]
    public void An_impossible_request_says_what_is_possible(string name, int size, int classes, string units, params string[] names)
    {
        int[]? counts = units.Length == 0 ? null : [.. units.Split(',').Select(int.Parse)];
        Error.Names(Assert.Throws<ArgumentException>(() => NetworkCatalogue.Resolve(name, Preset.Tiny, size, classes, counts)).Message, [name, .. names]);

        // A spec that comes from a file is checked as one that a user asks for.
        var spec = new NetworkSpec(name, size, classes, counts is null ? [] : [.. counts], name.StartsWith('m') ? 2 : 1);
        Error.Names(Assert.Throws<ArgumentException>(() => NetworkCatalogue.Build(spec)).Message, [name, .. names]);
    }

    [Theory]
    [InlineData("shufflenet-v1-g3-x1.0", 0)]
    [InlineData("shufflenet-v2-x1.0", 3)]
    [InlineData("mobilenet-v1-x1.0", 1)]
    [InlineData("mobilenet-v3-small-x1.0", 3)]
    public void An_impossible_stem_says_what_is_possible(string name, int stride) => Assert.Contains(
        "stem stride",
        Assert.Throws<ArgumentException>(() => NetworkCatalogue.Build(NetworkCatalogue.Resolve(name) with { StemStride = stride })).Message);

    [Theory]
    [InlineData("shufflenet-v1-g3-x1.0", Preset.Tiny, 9)]
    [InlineData("shufflenet-v2-x1.0", Preset.ImageNet, 17)]
    [InlineData("mobilenet-v1-x1.0", Preset.Tiny, 17)]
    [InlineData("mobilenet-v2-x1.0", Preset.Tiny, 9)]
    [InlineData("mobilenet-v2-x1.0", Preset.ImageNet, 17)]
    [InlineData("mobilenet-v3-large-x1.0", Preset.ImageNet, 17)]
    [InlineData("mobilenet-v3-small-x1.0", Preset.Tiny, 9)]
    public void The_smallest_image_is_the_one_that_every_stride_can_shrink(string name, Preset preset, int smallest)
    {
        bool EveryStrideShrinks(int size)
        {
            var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, preset, size));
            return network.Layers.All(layer => layer.Operation is not (Convolution { Stride: 2 } or MaxPool { Stride: 2 } or AveragePool { Stride: 2 })
                || layer.Output.Height < network.Layers[layer.Inputs[0]].Output.Height);
        }

        Assert.True(EveryStrideShrinks(smallest));
        Assert.Throws<ArgumentException>(() => EveryStrideShrinks(smallest - 1));
    }

    [Fact]
    public void The_largest_request_counts_without_overflow()
    {
        foreach (var name in (string[])["shufflenet-v1-g1-x4", "shufflenet-v1-g8-x4", "shufflenet-v2-x2.0", "mobilenet-v1-x4", "mobilenet-v2-x4", "mobilenet-v3-large-x4"])
        {
            var spec = NetworkCatalogue.Resolve(name, Preset.ImageNet, 4096, 100_000, name.StartsWith('m') ? null : [100, 100, 100]);
            Assert.InRange(Complexity.Of(NetworkCatalogue.Build(spec)).Parameters, 1, int.MaxValue);
        }
    }

    private static int UnitsInStages(Network network) =>
        network.Layers.Select(layer => layer.Unit).Distinct().Count(unit => unit.StartsWith("stage", StringComparison.Ordinal));
}
