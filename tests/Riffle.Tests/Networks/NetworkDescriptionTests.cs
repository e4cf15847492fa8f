using System.Collections.Immutable;
using Riffle.Networks;

namespace Riffle.Tests.Networks;

public class NetworkDescriptionTests
{
    public static TheoryData<string> Names => [.. NetworkCatalogue.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_network_comes_back_layer_by_layer(string name)
    {
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, Preset.ImageNet));
        AssertSame(network, NetworkCatalogue.Build(NetworkSpec.Of(network)));
    }

    /// <summary>The layers say everything but the image size and the number of classes.</summary>
    [Fact]
    public void A_description_gives_the_network_for_other_images_and_classes()
    {
        var spec = NetworkSpec.Of(OwnNetwork.Create(24, 3));
        AssertSame(OwnNetwork.Create(40, 7), NetworkCatalogue.Build(spec with { ImageSize = 40, Classes = 7 }));
    }

    [Fact]
    public void Specifications_are_equal_when_every_layer_is()
    {
        var (spec, same) = (NetworkSpec.Of(OwnNetwork.Create(24, 3)), NetworkSpec.Of(OwnNetwork.Create(24, 3)));
        Assert.Equal(spec, same);
        Assert.Equal(spec.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(spec, spec with { Layers = null });
        Assert.NotEqual(spec with { Layers = null }, spec);
        Assert.NotEqual(spec, spec with { Layers = spec.Layers!.Value.SetItem(1, spec.Layers.Value[1] with { Unit = "other" }) });
        Assert.NotEqual(spec, spec with { Layers = spec.Layers!.Value.SetItem(1, spec.Layers.Value[1] with { Operation = new BatchNorm(1e-4f) }) });
        Assert.NotEqual(spec, spec with { Layers = spec.Layers!.Value.SetItem(1, spec.Layers.Value[1] with { Inputs = ["input"] }) });
    }

    [Fact]
    public void What_is_no_network_is_refused_by_the_name_of_the_layer()
    {
        static LayerDescription Layer(string name, Operation operation, params ImmutableArray<string> inputs) => new(name, operation, inputs, name);
        void Refused(string part, string what, params ImmutableArray<LayerDescription> layers)
        {
            var spec = new NetworkSpec("mine", 8, 2, [], 1) { Layers = layers };
            var message = Assert.Throws<ArgumentException>(() => NetworkCatalogue.Build(spec)).Message;
            Assert.True(message.Contains(part, StringComparison.Ordinal) && message.Contains(what, StringComparison.Ordinal), message);
        }

        var pool = Layer("pool", new GlobalAveragePool(), "input");
        var last = Layer("fc", new FullyConnected(2), "pool");
        Refused("mine", "no layers");
        Refused("fc", "no layer before it", Layer("fc", new FullyConnected(2), "pool"), pool);
        Refused("fc", "no layer before it", Layer("fc", new FullyConnected(2), "fc"));
        Refused("sum", "reads 2 layers, but 1", Layer("sum", new Add(), "input"), pool, last);
        Refused("relu", "reads 1 layers, but 2", Layer("relu", new Relu(), "input", "input"), pool, last);
        Refused("images", "one input", Layer("images", new Input(3, 8, 8)), pool, last);
        Refused("pool", "two layers", pool, pool, last);
        Refused("input", "two layers", Layer("input", new Relu(), "input"), pool, last);
        Refused("norm", "epsilon", Layer("norm", new BatchNorm(-1), "input"), pool, last);
        Refused("norm", "epsilon", Layer("norm", new BatchNorm(float.NaN), "input"), pool, last);
        Refused("norm", "momentum", Layer("norm", new BatchNorm(1, float.PositiveInfinity), "input"), pool, last);
        Refused("relu", "maximum", Layer("relu", new Relu(float.NaN), "input"), pool, last);
        Refused("far", "9×9 kernel", Layer("far", new MaxPool(9, 1, default), "input"), pool, last);
        Refused("pool", "2 classes need 2×1×1", pool);
        Refused("layer 1", "name of 0 characters", Layer("", new Relu(), "input"), pool, last);
        Refused("layer 1", "name of 201 characters", Layer(new string('a', 201), new Relu(), "input"), pool, last);
        Refused("layer 1", "control character", Layer("a\e[2J", new Relu(), "input"), pool, last);
        Refused("layer 1", "optimizer.", Layer("optimizer.mean.fc", new FullyConnected(2), "pool"), pool);
    }

    /// <summary>A file holds its parameters, so memory in proportion to their number is in proportion to the file.</summary>
    [Fact]
    public void More_planes_than_the_parameters_can_need_are_refused()
    {
        static ImmutableArray<LayerDescription> Doubled(int times)
        {
            var layers = ImmutableArray.CreateBuilder<LayerDescription>();
            for (var i = 0; i < times; i++)
            {
                var before = i == 0 ? "input" : $"twice{i - 1}";
                layers.Add(new($"twice{i}", new Concat(), [before, before], "u"));
            }

            layers.Add(new("pool", new GlobalAveragePool(), [$"twice{times - 1}"], "u"));
            layers.Add(new("first", new Slice(0, 2), ["pool"], "u"));
            return layers.ToImmutable();
        }

        var spec = new NetworkSpec("mine", 8, 2, [], 1);
        Assert.Equal(2, NetworkCatalogue.Build(spec with { Layers = Doubled(13) }).Classes);
        foreach (var times in (int[])[14, 18, 30])
            Assert.Contains("channels", Assert.Throws<ArgumentException>(() => NetworkCatalogue.Build(spec with { Layers = Doubled(times) })).Message);
        Assert.Contains("window", Assert.Throws<ArgumentException>(() => NetworkCatalogue.Build(spec with
        {
            ImageSize = 4096,
            Layers = [new("pool", new AveragePool(4096, 1, default), ["input"], "u"), new("first", new Slice(0, 2), ["pool"], "u")],
        })).Message);
    }

    [Fact]
    public void A_network_whose_images_a_file_can_t_describe_has_no_specification()
    {
        var builder = new NetworkBuilder();
        builder.FullyConnected("fc", builder.GlobalAveragePool(builder.Input(8, 9)), 2);
        Assert.Contains("3×8×9", Assert.Throws<ArgumentException>(() => NetworkSpec.Of(builder.Build("wide"))).Message);
    }

    private static void AssertSame(Network expected, Network actual)
    {
        Assert.Equal(expected.Name, actual.Name);
        static string Text(Layer layer) =>
            $"{layer.Index} {layer.Name} {layer.Operation} {string.Join(',', layer.Inputs)} {layer.Output} {layer.Unit} "
            + string.Join(',', layer.Parameters.Select(p => $"{p.Name} {p.Kind} {string.Join('×', p.Shape)}"));
        Assert.Equal(expected.Layers.Select(Text), actual.Layers.Select(Text));
    }
}
