using Riffle.Execution;
using Riffle.Networks;
using Riffle.Simd;
using Riffle.Tests.Kernels;
using Riffle.Training;

namespace Riffle.Tests.Execution;

/// <summary>Both forms of networks in inference, of one image and of sixteen, against the naive ones and each other; <see cref="ParityTests"/> holds them
/// against PyTorch.</summary>
public class InferencePlanTests
{
    /// <summary>Of the logits' scale: what sums in another order may differ by.</summary>
    private const double Tolerance = 1e-4;

    private const int Most = 33;

    private static readonly string[] Names = ["shufflenet-v1-g3-x0.25", "shufflenet-v2-x0.5", "mobilenet-v1-x0.25"];

    public static TheoryData<string, string> Cases => VectorWidths.With(Names);

    public static TheoryData<string, int> ImageSizes => VectorWidths.With([24, 33, 49]);

    /// <summary>No block, all single; one block with empty lanes, with a rest, full; blocks and single images.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Batches_of_every_kind_give_the_logits_of_single_images_the_same_bits_for_any_number_of_threads(string width, string name)
    {
        var level = VectorWidths.Count(Enum.Parse<VectorLevel>(width));
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
        var level = VectorWidths.Count(Enum.Parse<VectorLevel>(width));
        foreach (var name in Names)
            AssertCorrect(NetworkCatalogue.Resolve(name, imageSize: size, classes: 7), level);
    }

    [Fact]
    public void Networks_of_the_imagenet_preset_give_the_naive_network_s_logits_alone_and_among_sixteen() =>
        AssertCorrect(NetworkCatalogue.Resolve("shufflenet-v2-x0.5", Preset.ImageNet), VectorLevels.Best);

    /// <summary>Whatever the builder allows and a plan does not refuse, at a width of its own for each.</summary>
    [Fact]
    public void Networks_made_at_random_give_the_naive_network_s_logits_alone_and_among_sixteen()
    {
        const int Networks = 60;
        for (var seed = 0; seed < Networks; seed++)
            AssertCorrect(Trained(RandomNetwork(new Random(seed), $"network {seed}"), seed), VectorLevels.Available[seed % VectorLevels.Available.Count]);
    }

    /// <summary>What the networks of others have: biases, ReLU6, windows of any size with borders of any kind, groups of any kind.</summary>
    [Fact]
    public void Networks_of_every_form_of_layer_made_at_random_give_the_naive_network_s_logits_alone_and_among_sixteen()
    {
        const int Networks = 120;
        for (var seed = 0; seed < Networks; seed++)
            AssertCorrect(Trained(AnyNetwork(new Random(seed), $"network {seed}"), seed), VectorLevels.Available[seed % VectorLevels.Available.Count]);
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
    private static Weights Trained(Network network, int seed = 1)
    {
        var weights = new Weights(network);
        Initialisation.Fill(weights, InitialisationKind.He, (ulong)seed);
        var random = new Random(seed);
        foreach (var parameter in weights.Network.Parameters.Where(parameter => parameter.Kind != ParameterKind.Kernel))
        {
            var centre = parameter.Kind is ParameterKind.NormWeight or ParameterKind.RunningVariance ? 1 : 0;
            foreach (ref var value in weights[parameter.Name])
                value = (float)(centre + random.NextDouble() - 0.5);
        }

        return weights;
    }

    private static Network RandomNetwork(Random random, string name)
    {
        var builder = new NetworkBuilder();
        var layers = 0;
        Value Normed(Value value) => random.Next(2) == 0 ? value : builder.BatchNorm($"norm{layers++}", value);
        Value Rectified(Value value) => random.Next(2) == 0 ? value : builder.Relu(value);
        Value Convolution(Value x, int outputs, int kernel, int stride, int groups) =>
            Normed(builder.Convolution($"convolution{layers++}", x, outputs, kernel, stride, groups));
        var x = Rectified(Convolution(builder.Input(random.Next(1, 34), random.Next(1, 34)), 2 * random.Next(1, 9), 3, random.Next(1, 3), 1));
        for (var unit = random.Next(1, 7); unit > 0; unit--)
        {
            var (channels, groups) = (x.Channels, random.Next(1, 3));
            switch (random.Next(8))
            {
                case 0: x = Rectified(Convolution(x, 2 * random.Next(1, 17), 1, 1, groups)); break;
                case 1: x = Rectified(Convolution(x, channels, 3, random.Next(1, 3), channels)); break;
                case 2: x = builder.MaxPool(x, 3, random.Next(1, 3)); break;
                case 3: x = Rectified(builder.AveragePool(x, 3, random.Next(1, 3))); break;
                case 4: x = builder.ChannelShuffle(x, 2); break;
                case 5: x = Rectified(builder.Add(Convolution(x, channels, 1, 1, groups), x)); break;
                case 6: x = builder.Concat(Rectified(Convolution(x, 2 * random.Next(1, 5), 1, 1, groups)), x); break;
                default:
                    var branch = Rectified(Convolution(builder.Slice(x, channels / 2, channels - channels / 2), channels / 2, 1, 1, 1));
                    x = builder.ChannelShuffle(builder.Concat(builder.Slice(x, 0, channels / 2), branch), channels % 4 == 0 ? 2 : 1);
                    break;
            }
        }

        builder.FullyConnected("classifier", Rectified(builder.GlobalAveragePool(x)), random.Next(1, 50));
        return builder.Build(name);
    }

    private static Network AnyNetwork(Random random, string name)
    {
        var builder = new NetworkBuilder();
        var layers = 0;
        Padding Border(int kernel) => new(random.Next(kernel), random.Next(kernel), random.Next(kernel), random.Next(kernel));
        Value Activated(Value value) =>
            random.Next(3) switch { 0 => value, 1 => builder.Relu(value), _ => builder.Relu(value, ceiling: random.NextSingle() + 0.1f) };
        (int Kernel, int Stride, Padding Border) Window(Value x)
        {
            while (true)
            {
                var (kernel, stride) = (random.Next(1, 8), random.Next(1, 4));
                var border = Border(kernel);
                if (x.Shape.Height + border.Top + border.Bottom >= kernel && x.Shape.Width + border.Left + border.Right >= kernel)
                    return (kernel, stride, border);
            }
        }

        Value Convolution(Value x, int outputs, int groups)
        {
            var (kernel, stride, border) = Window(x);
            var value = builder.Convolution($"convolution{layers++}", x, outputs, kernel, stride, groups, border, bias: random.Next(2) == 0);
            return random.Next(3) == 0 ? builder.BatchNorm($"norm{layers++}", value, epsilon: 1e-3f) : value;
        }

        // A window that sees nothing but padding has no largest value.
        (int Kernel, int Stride, Padding Border) Pool(Value x)
        {
            while (true)
            {
                var (kernel, stride, border) = Window(x);
                bool Sees(int length, int before, int behind) => (length + before + behind - kernel) / stride * stride - before < length;
                if (Sees(x.Shape.Height, border.Top, border.Bottom) && Sees(x.Shape.Width, border.Left, border.Right))
                    return (kernel, stride, border);
            }
        }

        var x = Activated(Convolution(builder.Input(random.Next(5, 34), random.Next(5, 34)), 2 * random.Next(1, 9), 1));
        for (var unit = random.Next(1, 6); unit > 0; unit--)
        {
            switch (random.Next(7))
            {
                case 0: x = Activated(Convolution(x, 2 * random.Next(1, 17), random.Next(1, 3))); break;
                case 1: x = Activated(Convolution(x, x.Channels, x.Channels)); break;
                case 2: x = Activated(Convolution(x, 2 * x.Channels, x.Channels)); break;
                case 3:
                    var (kernel, stride, border) = Pool(x);
                    x = Activated(builder.MaxPool(x, kernel, stride, border));
                    break;
                case 4:
                    (kernel, stride, border) = Pool(x);
                    x = Activated(builder.AveragePool(x, kernel, stride, border, countsPadding: random.Next(2) == 0));
                    break;
                case 5: x = builder.ChannelShuffle(x, 2); break;
                default:
                    x = Activated(builder.Add(builder.Convolution($"branch{layers++}", x, x.Channels, 1, bias: true), x));
                    break;
            }
        }

        builder.FullyConnected("classifier", Activated(builder.GlobalAveragePool(x)), random.Next(1, 50));
        return builder.Build(name);
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

        var naive = new Volume(1, network.Input.Channels, network.Input.Height, network.Input.Width);
        for (var i = 0; i < naive.Values.Length; i++)
            naive.Values[i] = images[i];
        Close.Assert(NaiveNetwork.Run(weights, naive).Values, Doubles(block.AsSpan(0, network.Classes)), Tolerance, $"{network.Name}: logits of a block");
    }

    private static float[] Run(InferencePlan plan, ReadOnlySpan<float> images, int count)
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
