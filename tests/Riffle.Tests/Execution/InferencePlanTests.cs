using Riffle.Execution;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Simd;
using Riffle.Tests.Kernels;
using Riffle.Tests.Networks;
using Riffle.Training;

namespace Riffle.Tests.Execution;

/// <summary>Both forms of networks in inference, of one image and of sixteen, against the naive ones and each other; <see cref="ParityTests"/> holds them
/// against PyTorch.</summary>
public class InferencePlanTests
{
    /// <summary>Of the logits' scale: what sums in another order may differ by.</summary>
    private const double Tolerance = 2e-5;

    private const int Most = 33;

    public static TheoryData<string, string> Cases => VectorWidths.With(SmallNetworks.Names);

    public static TheoryData<string, int> ImageSizes => VectorWidths.With([24, 33, 49]);

    /// <summary>No block, all single; one block with empty lanes, with a rest, full; blocks and single images.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Batches_of_every_kind_give_the_logits_of_single_images_the_same_bits_for_any_number_of_threads(string width, string name)
    {
        var level = VectorWidths.Count(width);
        var weights = Trained(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, imageSize: 32, classes: 10)));
        var (images, _) = TrainingPlanTests.Batch(weights.Network, Most);
        using var single = new InferencePlan(weights, 1, 1, level);
        var alone = RunOneByOne(single, images);

        using var one = new InferencePlan(weights, Most, 1, level);
        using var two = new InferencePlan(weights, Most, 2, level);
        using var three = new InferencePlan(weights, Most, 3, level);
        foreach (var count in (int[])[1, 6, 12, 13, 16, 17, 29, 33])
        {
            var logits = Run(one, images, count);
            Close.Assert(Doubles(alone.AsSpan(0, logits.Length)), Doubles(logits), Tolerance, $"logits of {count} images");
            Assert.Equal(logits, Run(two, images, count));
            Assert.Equal(logits, Run(three, images, count));
        }
    }

    /// <summary>Sizes that leave odd heights and widths down to 1×1 before the last layers.</summary>
    [Theory]
    [MemberData(nameof(ImageSizes))]
    public void Images_of_odd_sizes_give_the_naive_network_s_logits_alone_and_among_sixteen(string width, int size)
    {
        var level = VectorWidths.Count(width);
        foreach (var name in SmallNetworks.Names)
            AssertCorrect(NetworkCatalogue.Resolve(name, imageSize: size, classes: 7), level);
    }

    [Fact]
    public void Networks_of_the_imagenet_preset_give_the_naive_network_s_logits_alone_and_among_sixteen() =>
        AssertCorrect(NetworkCatalogue.Resolve("shufflenet-v2-x0.5", Preset.ImageNet), VectorLevels.Best);

    /// <summary>What the networks of others have, in any order; at a width of its own for each.</summary>
    [Fact]
    public void Networks_of_every_form_of_layer_made_at_random_give_the_naive_network_s_logits_alone_and_among_sixteen()
    {
        const int Networks = 300;
        for (var seed = 0; seed < Networks; seed++)
        {
            var weights = Trained(RandomNetworks.Any(seed), seed, spread: 0.05);
            AssertCorrect(weights, VectorLevels.Available[seed % VectorLevels.Available.Count]);
        }
    }

    /// <summary>What is one value becomes a large plane again.</summary>
    [Theory]
    [InlineData(20, 9, 8)]
    [InlineData(8, 9, 8)]
    [InlineData(3, 17, 16)]
    [InlineData(1, 11, 10)]
    public void A_mean_over_all_positions_may_be_followed_by_a_convolution_that_makes_it_large(int side, int kernel, int border)
    {
        var builder = new NetworkBuilder();
        var x = builder.GlobalAveragePool(builder.Convolution("stem", builder.Input(side, side), 20, 3));
        x = builder.Convolution("large", builder.Relu(x), 10, kernel, padding: Padding.Of(border));
        builder.FullyConnected("classifier", builder.GlobalAveragePool(x), 5);
        AssertCorrect(Trained(builder.Build("pool first")), VectorLevels.Best);
    }

    /// <summary>Planes of millions of positions, by a thread with the smallest stack there is, become a few values or small planes.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(500)]
    public void Images_of_3000_by_3000_pixels_give_the_logits_of_their_definition(int window)
    {
        const int Side = 3000, Half = Side / 2;
        var builder = new NetworkBuilder();
        var x = builder.Relu(builder.Convolution("stem", builder.Input(Side, Side), 2, 3, stride: 2));
        x = window == 0 ? builder.GlobalAveragePool(x) : builder.GlobalAveragePool(builder.AveragePool(x, window, window, padding: Padding.Of(0)));
        builder.FullyConnected("classifier", x, 3);
        var weights = Trained(builder.Build("giant"));
        var images = new float[3 * Side * Side];
        var random = new Random(4);
        foreach (ref var value in images.AsSpan())
            value = random.NextSingle();
        var logits = new float[3];
        var thread = new Thread(
            () =>
            {
                // Of a batch of which sixteen side by side would take gigabytes.
                using var plan = new InferencePlan(weights, 16, 1);
                plan.Run(images, 1, logits);
            },
            256 << 10);
        thread.Start();
        thread.Join();

        var (kernel, means) = (weights["stem.weight"].ToArray(), new double[2]);
        for (var i = 0; i < 2 * Half * Half; i++)
        {
            var (o, y, column) = (i / (Half * Half), i / Half % Half, i % Half);
            double sum = 0;
            for (var k = 0; k < 27; k++)
            {
                var (row, at) = (2 * y + k / 3 % 3 - 1, 2 * column + k % 3 - 1);
                if (row >= 0 && row < Side && at >= 0 && at < Side)
                    sum += kernel[o * 27 + k] * images[(k / 9 * Side + row) * Side + at];
            }

            means[o] += Math.Max(0, sum) / (Half * Half);
        }

        var (matrix, bias) = (weights["classifier.weight"].ToArray(), weights["classifier.bias"].ToArray());
        Close.Assert(
            [.. Enumerable.Range(0, 3).Select(c => matrix[2 * c] * means[0] + matrix[2 * c + 1] * means[1] + bias[c])], Doubles(logits), 1e-4, "logits");
    }

    [Fact]
    public void A_fully_connected_layer_may_be_followed_by_ReLU()
    {
        var builder = new NetworkBuilder();
        var x = builder.Relu(builder.FullyConnected("hidden", builder.GlobalAveragePool(builder.Convolution("stem", builder.Input(8, 8), 8, 3)), 40));
        var weights = new Weights(builder.Build("perceptron"));
        Initialisation.Fill(weights, InitialisationKind.He, 6);
        AssertCorrect(weights, VectorLevels.Best);
    }

    [Fact]
    public void A_plan_keeps_the_weights_it_has_until_it_is_told_that_there_are_others()
    {
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v2-x0.5", imageSize: 32, classes: 10));
        var weights = Trained(network, seed: 1);
        var (images, _) = TrainingPlanTests.Batch(network, 17);
        using var plan = new InferencePlan(weights, 17, 1);
        var before = Run(plan, images, 17);

        var others = Trained(network, seed: 2);
        others.Trained.CopyTo(weights.Trained);
        others.Running.CopyTo(weights.Running);
        Assert.Equal(before, Run(plan, images, 17));

        plan.Refresh();
        using var fresh = new InferencePlan(others, 17, 1);
        Assert.Equal(Run(fresh, images, 17), Run(plan, images, 17));
        Assert.NotEqual(before, Run(plan, images, 17));
    }

    /// <summary>Weights as a training may leave them: no batch norm is the identity.</summary>
    /// <param name="network">The network.</param>
    /// <param name="seed">Of all values.</param>
    /// <param name="spread">How far from the identity's its shifts and factors lie. Large shifts hide what the layers before them did.</param>
    internal static Weights Trained(Network network, int seed = 1, double spread = 0.5)
    {
        var weights = new Weights(network);
        Initialisation.Fill(weights, InitialisationKind.He, (ulong)seed);
        var random = new Random(seed);
        foreach (var parameter in weights.Network.Parameters.Where(parameter => parameter.Kind != ParameterKind.Kernel))
        {
            var centre = parameter.Kind is ParameterKind.NormWeight or ParameterKind.RunningVariance ? 1 : 0;
            foreach (ref var value in weights[parameter.Name])
                value = (float)(centre + spread * (2 * random.NextDouble() - 1));
        }

        return weights;
    }

    private static void AssertCorrect(NetworkSpec spec, VectorLevel level) => AssertCorrect(Trained(NetworkCatalogue.Build(spec)), level);

    /// <summary>A block gives what its images give one by one; the first of them, for which there is time, is computed naively too.</summary>
    private static void AssertCorrect(Weights weights, VectorLevel level)
    {
        const int Images = Lanes.Count;
        var network = weights.Network;
        var (images, _) = TrainingPlanTests.Batch(network, Images);
        using var plan = new InferencePlan(weights, Images, 1, level);
        var block = Run(plan, images, Images);
        Close.Assert(Doubles(block), Doubles(RunOneByOne(plan, images)), Tolerance, $"{network.Name}: logits of single images");

        var naive = TrainingPlanTests.Volume(network, images[..(int)network.Input.Elements]);
        Close.Assert(NaiveNetwork.Run(weights, naive).Values, Doubles(block.AsSpan(0, network.Classes)), Tolerance, $"{network.Name}: logits of a block");
    }

    internal static float[] Run(InferencePlan plan, ReadOnlySpan<float> images, int count)
    {
        var network = plan.Weights.Network;
        var logits = new float[count * network.Classes];
        plan.Run(images[..(count * (int)network.Input.Elements)], count, logits);
        return logits;
    }

    private static float[] RunOneByOne(InferencePlan plan, float[] images)
    {
        var size = (int)plan.Weights.Network.Input.Elements;
        return [.. Enumerable.Range(0, images.Length / size).SelectMany(n => Run(plan, images.AsSpan(n * size, size), 1))];
    }

    private static double[] Doubles(ReadOnlySpan<float> values) => [.. values.ToArray().Select(value => (double)value)];
}
