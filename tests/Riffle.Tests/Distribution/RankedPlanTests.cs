using Riffle.Distribution;
using Riffle.Execution;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Networks;
using Riffle.Training;

namespace Riffle.Tests.Distribution;

/// <summary>Steps of a batch that ranks share have the bits of one process.</summary>
public class RankedPlanTests
{
    private const int Size = 18, Classes = 3, Steps = 2;

    public static TheoryData<string, int> Cases => new MatrixTheoryData<string, int>(SmallNetworks.Names, [120, 71]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Each_family_gives_the_same_bits_on_any_number_of_ranks(string family, int batch)
    {
        var one = Train(family, batch, ranks: null, threads: 2);
        foreach (var (count, threads) in new[] { (2, 1), (3, 2), (4, 1), (8, 1), (16, 2) })
            Assert.All(InProcessRanks.Run(count, ranks => Train(family, batch, ranks, threads)), result => Assert.Equal(one, result));
    }

    [Fact]
    public void A_frozen_network_gives_the_same_bits_too()
    {
        var one = Train("shufflenet-v2-x0.5", 50, ranks: null, threads: 1, classifierAlone: true);
        Assert.All(InProcessRanks.Run(3, ranks => Train("shufflenet-v2-x0.5", 50, ranks, 1, classifierAlone: true)), result => Assert.Equal(one, result));
    }

    /// <summary>With statistics of its own each rank still has the same weights as the others, run after run, but not those of one process.</summary>
    [Theory]
    [InlineData(2, 64)]
    [InlineData(3, 64)]
    [InlineData(6, 64)]
    public void Local_batch_norm_keeps_ranks_together(int count, int batch)
    {
        float[][] Run() => InProcessRanks.Run(count, ranks => Train("mobilenet-v1-x0.25", batch, ranks, threads: 1, localBatchNorm: true));
        var results = Run();
        Assert.All(results, result => Assert.Equal(results[0], result));
        Assert.All(results[0], value => Assert.True(float.IsFinite(value)));
        Assert.Equal(results[0], Run()[0]);
        var whole = Train("mobilenet-v1-x0.25", batch, ranks: null, threads: 1);
        Assert.NotEqual(whole, results[0]);

        // Statistics of fewer images are noisier, no more.
        var difference = Math.Sqrt(whole.Zip(results[0], (a, b) => (double)(a - b) * (a - b)).Sum() / whole.Sum(a => (double)a * a));
        Assert.InRange(difference, 1e-6, 0.2);
    }

    /// <summary>A batch of 32 has work for two ranks; the others are heard as well.</summary>
    [Theory]
    [InlineData(2, 1)]
    [InlineData(5, 0)]
    [InlineData(5, 3)]
    [InlineData(5, 4)]
    public void All_ranks_learn_that_one_asks_to_stop(int count, int asking)
    {
        var (pixels, labels) = Images(32);
        var agreed = InProcessRanks.Run(count, ranks =>
        {
            using var plan = Plan("shufflenet-v2-x0.5", 32, ranks, threads: 1);
            bool Step(bool asks)
            {
                plan.AsksToStop = asks && ranks.Rank == asking;
                plan.Step(Own(plan, pixels), labels.AsSpan(plan.OwnImages.First, plan.OwnImages.Count), Normalisation.ImageNet);
                return plan.IsStopAgreed;
            }

            return (Step(false), Step(true), Step(false));
        });
        Assert.All(agreed, steps => Assert.Equal((false, true, false), steps));
    }

    private static float[] Train(string family, int batch, Ranks? ranks, int threads, bool classifierAlone = false, bool localBatchNorm = false)
    {
        using var plan = Plan(family, batch, ranks, threads, classifierAlone, localBatchNorm);
        var weights = plan.Weights;
        var optimiser = new Optimiser(weights, OptimiserKind.Nesterov, 0.9f, 1e-4f, classifierAlone);
        var (pixels, labels) = Images(batch);
        var results = new List<float>();
        for (var step = 0; step < Steps; step++)
        {
            var result = plan.Step(Own(plan, pixels), labels.AsSpan(plan.OwnImages.First, plan.OwnImages.Count), Normalisation.ImageNet, 0.1f);
            optimiser.Apply(weights.Trained, plan.Gradients, 0.02, step);
            results.AddRange([(float)result.Loss, result.Top1, result.Top5]);
        }

        return [.. results, .. weights.Trained, .. weights.Running];
    }

    private static TrainingPlan Plan(string family, int batch, Ranks? ranks, int threads, bool classifierAlone = false, bool localBatchNorm = false)
    {
        var units = family.StartsWith("mobile", StringComparison.Ordinal) ? null : (int[])[1, 1, 1];
        var weights = new Weights(NetworkCatalogue.Build(NetworkCatalogue.Resolve(family, imageSize: Size, classes: Classes, units: units)));
        Initialisation.Fill(weights, InitialisationKind.He, seed: 5);
        return new(weights, batch, ranks, localBatchNorm, threads, classifierAlone);
    }

    private static ReadOnlySpan<byte> Own(TrainingPlan plan, byte[] pixels) =>
        pixels.AsSpan(plan.OwnImages.First * Size * Size * 3, plan.OwnImages.Count * Size * Size * 3);

    private static (byte[] Pixels, int[] Labels) Images(int count)
    {
        var random = new Random(7);
        var pixels = new byte[count * Size * Size * 3];
        random.NextBytes(pixels);
        return (pixels, [.. Enumerable.Range(0, count).Select(_ => random.Next(Classes))]);
    }
}
