using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Execution;
using Riffle.Networks;
using Riffle.Tests.Execution;

namespace Riffle.Tests.Evaluation;

public class HeatMapsTests
{
    public static TheoryData<string> Families => ["shufflenet-v1-g3-x0.25", "shufflenet-v2-x0.5", "mobilenet-v1-x0.25", "mobilenet-v2-x0.5", "mobilenet-v3-small-x1.0"];

    [Theory]
    [MemberData(nameof(Families))]
    public void The_mean_of_a_map_and_the_rest_are_the_logit(string name) =>
        AssertSums(InferencePlanTests.Trained(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, imageSize: 64, classes: 5))));

    [Fact]
    public void So_they_are_for_networks_of_any_layers()
    {
        var maps = 0;
        for (var seed = 0; seed < 600; seed++)
        {
            var network = RandomNetworks.Any(seed);
            if (network.Input.Height == network.Input.Width && network.Layers.Any(layer => layer.Operation.IsMean))
                maps += AssertSums(InferencePlanTests.Trained(network, seed, spread: 0.05)) ? 1 : 0;
        }

        Assert.InRange(maps, 5, 600);
    }

    /// <summary>With a classifier right behind the pool, what is not in the map is the bias.</summary>
    [Fact]
    public void The_rest_is_the_bias_of_the_class()
    {
        var weights = InferencePlanTests.Trained(NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v2-x0.5", imageSize: 64, classes: 5)));
        using var maps = new HeatMaps(ModelOf(weights));
        for (var label = 0; label < 5; label++)
            Assert.Equal(weights["fc.bias"][label], maps.Of(Pixels(64), label).Rest, 1e-3);
    }

    /// <summary>The slope of MobileNet v3's hidden layer: the logit changes with the pooled features as the map says.</summary>
    [Fact]
    public void Behind_a_hidden_layer_the_gradient_takes_the_classifiers_place()
    {
        var random = new Random(1);
        float[] weights = [.. Enumerable.Range(0, 12).Select(_ => random.NextSingle() - 0.5f)];
        double[] input = [0.3, -1.2, 2.5];
        double[] At(double[] x) => new Activation(ActivationKind.HardSwish).OnVector(VectorStep.Product(x, weights, [1, 2, 3, 4]).Output, _ => []).Output;
        var product = VectorStep.Product(input, weights, [1, 2, 3, 4]);
        var gradient = product.Back(new Activation(ActivationKind.HardSwish).OnVector(product.Output, _ => []).Back([0, 1, 0, 0]));
        for (var c = 0; c < input.Length; c++)
        {
            var (up, down) = ((double[])input.Clone(), (double[])input.Clone());
            (up[c], down[c]) = (up[c] + 1e-4, down[c] - 1e-4);
            Assert.Equal((At(up)[1] - At(down)[1]) / 2e-4, gradient[c], 1e-3);
        }
    }

    [Fact]
    public void A_network_whose_last_planes_have_one_position_is_refused()
    {
        var weights = InferencePlanTests.Trained(NetworkCatalogue.Build(NetworkCatalogue.Resolve("mobilenet-v1-x0.25", Preset.ImageNet, imageSize: 32, classes: 5)));
        Error.Names(Assert.Throws<RiffleException>(() => new HeatMaps(ModelOf(weights))).Message, weights.Network.Name);
    }

    private static bool AssertSums(Weights weights)
    {
        var (network, size) = (weights.Network, weights.Network.Input.Height);
        using var plan = new InferencePlan(weights, 1);
        var (pixels, logits) = (Pixels(size), new float[network.Classes]);
        plan.Run(pixels, 1, Normalisation.ImageNet, logits);
        HeatMaps maps;
        try
        {
            maps = new(ModelOf(weights));
        }
        catch (RiffleException)
        {
            return false; // A mean in the middle, or over one position.
        }

        using (maps)
        {
            for (var label = 0; label < Math.Min(3, logits.Length); label++)
            {
                var map = maps.Of(pixels, label);
                Assert.Equal(map.Width * map.Height, map.Values.Length);
                Assert.Equal(logits[label], map.Values.Average() + map.Rest, 1e-3 * (1 + Math.Abs(logits[label])));
            }
        }

        return true;
    }

    private static Model ModelOf(Weights weights) =>
        new(weights, [.. Enumerable.Range(0, weights.Network.Classes).Select(i => new DatasetClass($"{i}", $"{i}"))], Normalisation.ImageNet);

    private static byte[] Pixels(int size)
    {
        var pixels = new byte[size * size * 3];
        new Random(7).NextBytes(pixels);
        return pixels;
    }
}
