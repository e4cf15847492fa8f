using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Tests.Networks;

public class TorchNamesTests
{
    [ExternalFact]
    public void ShuffleNet_v2_has_torchvision_s_names_shapes_and_order()
    {
        var file = SafeTensors.Read(ExternalData.PathOf("shufflenet_v2_x0_5.fp32.safetensors"));
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v2-x0.5", Preset.ImageNet));
        var theirs =
            from name in file.Names
            where !name.EndsWith("num_batches_tracked", StringComparison.Ordinal)
            select $"{name} {string.Join('×', file.Shape(name))}";
        Assert.Equal(theirs, network.Parameters.Select(p => $"{p.Name} {string.Join('×', p.Shape)}"));
    }

    [Fact]
    public void The_families_that_torchvision_lacks_have_names_after_the_same_pattern()
    {
        Assert.Equal(
            [
                "conv1.0", "conv1.1",
                "stage2.0.branch2.0", "stage2.0.branch2.1", "stage2.0.branch2.3", "stage2.0.branch2.4", "stage2.0.branch2.5", "stage2.0.branch2.6",
            ],
            Parameterised("shufflenet-v1-g3-x1.0").Take(8));
        Assert.Equal(
            ["features.0.0", "features.0.1", "features.1.0", "features.1.1", "features.1.3", "features.1.4", "features.2.0"],
            Parameterised("mobilenet-v1-x1.0").Take(7));
        Assert.Equal("fc", Parameterised("mobilenet-v1-x1.0").Last());
    }

    private static IEnumerable<string> Parameterised(string name) =>
        NetworkCatalogue.Build(NetworkCatalogue.Resolve(name)).Layers.Where(layer => !layer.Parameters.IsEmpty).Select(layer => layer.Name);
}
