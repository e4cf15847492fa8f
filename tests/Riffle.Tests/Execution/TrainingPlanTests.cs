using Riffle.Execution;
using Riffle.Networks;
using Riffle.Simd;
using Riffle.Tests.Kernels;
using Riffle.Tests.Networks;

namespace Riffle.Tests.Execution;

public class TrainingPlanTests
{
    public static TheoryData<string, string> Cases => VectorWidths.With<string>([.. SmallNetworks.Names, "shufflenet-v1-g8-x0.25"]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void SameBitsForAnyNumberOfThreads(string width, string name)
    {
        var level = VectorWidths.Count(width);
        var one = Train(name, level, threads: 1, batch: 41);
        Assert.Contains(one, value => value != 0);
        Assert.Equal(one, Train(name, level, threads: 2, batch: 41));
        Assert.Equal(one, Train(name, level, threads: 3, batch: 41));
        Assert.Equal(one, Train(name, level, threads: 1, batch: 41));

        // More threads than blocks: two, five and four to a block.
        Assert.Equal(one, Train(name, level, threads: 7, batch: 41));
        Assert.Equal(one, Train(name, level, threads: 16, batch: 41));
        Assert.Equal(Train(name, level, threads: 1, batch: 30), Train(name, level, threads: 8, batch: 30));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheClassifierAloneIsTrainedOnWhatInferenceSees(string width, string name)
    {
        const int Images = 19;
        var level = VectorWidths.Count(width);
        var weights = Create(name);
        var (images, labels) = Batch(weights.Network, Images);
        using (var whole = new TrainingPlan(weights, Images, 1))
            whole.Step(images, labels); // statistics that are not those it began with
        var running = weights.Running.ToArray();
        using var plan = new TrainingPlan(weights, Images, 2, level, classifierAlone: true);
        plan.Step(images, labels);

        var classes = weights.Network.Classes;
        float[] inferred = new float[Images * classes], logits = new float[Images * classes];
        using (var inference = new InferencePlan(weights, Images, 1))
            inference.Run(images, Images, inferred);
        plan.ReadLogits(logits);
        Assert.All(inferred.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-3f));
        Assert.Equal(running, weights.Running.ToArray());

        // The bias's gradient is what the probabilities are above the labels, in the mean.
        var bias = weights.Network.Layers[^1].Parameters[1];
        var expected = new double[classes];
        for (var i = 0; i < Images; i++)
        {
            var powers = logits.Skip(i * classes).Take(classes).Select(logit => Math.Exp(logit)).ToArray();
            for (var c = 0; c < classes; c++)
                expected[c] += (powers[c] / powers.Sum() - (labels[i] == c ? 1 : 0)) / Images;
        }

        var gradients = plan.Gradients.ToArray();
        Assert.All(expected.Zip(gradients[weights.OffsetOf(bias)..]), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        Assert.All(gradients[..weights.OffsetOf(weights.Network.Layers[^1].Parameters[0])], gradient => Assert.Equal(0, gradient));
    }

    [Fact]
    public void BytesAndFloatsAreTheSameImages()
    {
        var weights = Create("shufflenet-v2-x0.5");
        var network = weights.Network;
        var positions = network.Input.Height * network.Input.Width;
        var pixels = new byte[5 * 3 * positions];
        new Random(2).NextBytes(pixels);
        var floats = new float[pixels.Length];
        RgbTriple mean = Normalisation.ImageNet.Mean, deviation = Normalisation.ImageNet.Deviation;
        for (var i = 0; i < pixels.Length; i++)
        {
            var (n, p, c) = (i / (3 * positions), i / 3 % positions, i % 3);
            var (m, d) = c switch { 0 => (mean.Red, deviation.Red), 1 => (mean.Green, deviation.Green), _ => (mean.Blue, deviation.Blue) };
            floats[(n * 3 + c) * positions + p] = (pixels[i] / 255f - m) / d;
        }

        using var plan = new InferencePlan(weights, 16, 1);
        float[] fromBytes = new float[5 * network.Classes], fromFloats = new float[5 * network.Classes];
        plan.Run(pixels, 5, Normalisation.ImageNet, fromBytes);
        plan.Run(floats, 5, fromFloats);
        Close.Assert([.. fromFloats.Select(v => (double)v)], [.. fromBytes.Select(v => (double)v)], 1e-4, "logit");
    }

    [Fact]
    public void AnImagesLogitsDoNotDependOnItsNeighbours()
    {
        var weights = Create("shufflenet-v1-g3-x0.25");
        var network = weights.Network;
        var (images, _) = Batch(network, 37);
        var all = new float[37 * network.Classes];
        using var plan = new InferencePlan(weights, 37, 3);
        plan.Run(images, 37, all);

        // With other images in all other places, these keep their logits to the bit; alone they are computed in another order.
        var others = images.Select(value => 0.5f - value).ToArray();
        var kept = new int[] { 0, 15, 16, 36 };
        var size = (int)network.Input.Elements;
        foreach (var n in kept)
            images.AsSpan(n * size, size).CopyTo(others.AsSpan(n * size));
        var among = new float[37 * network.Classes];
        plan.Run(others, 37, among);
        using var single = new InferencePlan(weights, 1, 1);
        var one = new float[network.Classes];
        foreach (var n in kept)
        {
            var range = (n * network.Classes)..((n + 1) * network.Classes);
            Assert.Equal(all[range], among[range]);
            single.Run(images.AsSpan(n * size, size), 1, one);
            Close.Assert([.. one.Select(v => (double)v)], [.. all[range].Select(v => (double)v)], 1e-4, "logit");
        }
    }

    [Fact]
    public void OnePlanServesManyThreads()
    {
        var weights = Create("shufflenet-v2-x0.5");
        var network = weights.Network;
        var (images, _) = Batch(network, 21);
        var size = (int)network.Input.Elements;
        using var plan = new InferencePlan(weights, 21, 2);
        var expected = new float[21 * network.Classes];
        plan.Run(images, 21, expected);
        using var alone = new InferencePlan(weights, 1, 1);
        Parallel.For(0, 60, new ParallelOptions { MaxDegreeOfParallelism = 6 }, i =>
        {
            if (i % 3 == 0)
            {
                var all = new float[21 * network.Classes];
                plan.Run(images, 21, all);
                Assert.Equal(expected, all);
                return;
            }

            float[] shared = new float[network.Classes], own = new float[network.Classes];
            plan.Run(images.AsSpan(i % 21 * size, size), 1, shared);
            lock (alone)
                alone.Run(images.AsSpan(i % 21 * size, size), 1, own);
            Assert.Equal(own, shared);
        });
    }

    [Fact]
    public void WhatDoesNotFitIsRefused()
    {
        var weights = Create("shufflenet-v1-g3-x0.25");
        var (images, labels) = Batch(weights.Network, 4);
        using var plan = new TrainingPlan(weights, 4, 1);
        Assert.Throws<ArgumentException>(() => plan.Step(images.AsSpan(1), labels));
        Assert.Throws<ArgumentException>(() => plan.Step(images, labels, 1));
        labels[2] = weights.Network.Classes;
        Assert.Contains("label 10", Assert.Throws<ArgumentException>(() => plan.Step(images, labels)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => plan.Step([], (int[])[]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingPlan(weights, 0));
        using var inference = new InferencePlan(weights, 4, 1);
        Assert.Throws<ArgumentException>(() => inference.Run(images, 4, new float[3]));
    }

    [Fact]
    public void ANetworkThatThePlanCannotRunIsNamed()
    {
        var b = new NetworkBuilder();
        var x = b.Input(8, 8);
        x = b.Convolution("wide", x, 4, 5);
        var network = b.Build("odd");
        Assert.Contains("wide", Assert.Throws<NotSupportedException>(() => new TrainingPlan(new Weights(network), 1)).Message, StringComparison.Ordinal);

        b = new NetworkBuilder();
        b.Convolution("far", b.Input(9, 9), 4, 3, stride: 3);
        var strided = new Weights(b.Build("strided"));
        Assert.Contains("far", Assert.Throws<NotSupportedException>(() => new TrainingPlan(strided, 1)).Message, StringComparison.Ordinal);

        b = new NetworkBuilder();
        x = b.Convolution("stem", b.Input(8, 8), 4, 3);
        b.Add(x, b.Relu(x));
        network = b.Build("both sides of ReLU");
        Assert.Contains("stem", Assert.Throws<NotSupportedException>(() => new InferencePlan(new Weights(network), 1)).Message, StringComparison.Ordinal);
    }

    private static float[] Train(string name, VectorLevel level, int threads, int batch)
    {
        var weights = Create(name);
        using var plan = new TrainingPlan(weights, batch, threads, level);
        for (var step = 0; step < 2; step++)
        {
            // The second batch is smaller than the plan, as an epoch's last may be.
            var (images, labels) = Batch(weights.Network, batch - 20 * step);
            plan.Step(images, labels, 0.1f);
            for (var i = 0; i < plan.Gradients.Length; i++)
                weights.Trained[i] -= 0.05f * plan.Gradients[i];
        }

        return [.. weights.Trained, .. weights.Running];
    }

    internal static Weights Create(string name)
    {
        var weights = new Weights(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name, imageSize: 32, classes: 10)));
        var random = new Random(11);
        foreach (var parameter in weights.Network.Parameters.Where(parameter => parameter.Kind == ParameterKind.Kernel))
        {
            var deviation = MathF.Sqrt(6f / (parameter.Count / parameter.Shape[0]));
            foreach (ref var value in weights[parameter.Name])
                value = (float)(random.NextDouble() * 2 - 1) * deviation;
        }

        return weights;
    }

    /// <summary>Images as the oracle takes them.</summary>
    internal static Volume Volume(Network network, float[] images)
    {
        var volume = new Volume(images.Length / (int)network.Input.Elements, network.Input.Channels, network.Input.Height, network.Input.Width);
        for (var i = 0; i < images.Length; i++)
            volume.Values[i] = images[i];
        return volume;
    }

    internal static (float[] Images, int[] Labels) Batch(Network network, int count)
    {
        var random = new Random(13);
        var images = new float[count * network.Input.Elements];
        foreach (ref var value in images.AsSpan())
            value = (float)(random.NextDouble() * 4 - 2);
        return (images, [.. Enumerable.Range(0, count).Select(n => n * 7 % network.Classes)]);
    }
}
