using Riffle.Data;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Tests.Execution;

/// <summary>
/// What runs again and again allocates nothing. Counted by thread: the host of the tests has threads of its own, which allocate some bytes every tenth of a
/// second, so that the process's total is never quiet for longer.
/// </summary>
[Collection(nameof(Alone))]
public class AllocationTests
{
    private const int Images = 33;

    private static readonly Weights Weights = TrainingPlanTests.Create("shufflenet-v1-g3-x0.25");

    private static readonly byte[] Pixels = RandomPixels();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Training(int threads)
    {
        var labels = Enumerable.Range(0, Images).Select(n => n % Weights.Network.Classes).ToArray();
        using var plan = new TrainingPlan(Weights, Images, threads);
        AssertAllocatesNothing(() => plan.Step(Pixels, labels, Normalisation.ImageNet, 0.1f));
    }

    /// <summary>One image, blocks and a rest by the caller alone; the caller's share of them; several callers at the same time.</summary>
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(Images, 1, 1)]
    [InlineData(Images, 2, 1)]
    [InlineData(1, 1, 3)]
    [InlineData(1, 3, 1)]
    [InlineData(1, 3, 3)]
    [InlineData(Images, 1, 3)]
    [InlineData(Images, 2, 3)]
    public void Inference(int images, int threads, int callers)
    {
        using var plan = new InferencePlan(Weights, Images, threads, VectorLevels.Best, isEager: true);
        using var logits = new ThreadLocal<float[]>(() => new float[images * Weights.Network.Classes]);
        var size = images * (int)Weights.Network.Input.Elements;
        AssertAllocatesNothing(() => plan.Run(Pixels.AsSpan(0, size), images, Normalisation.ImageNet, logits.Value), callers);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Scores(int callers)
    {
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 32, classes: 10);
        var classes = Enumerable.Range(0, 10).Select(i => new DatasetClass($"class {i}", ""));
        using var classifier = new Classifier(new Checkpoint(spec, Weights, [.. classes], Normalisation.ImageNet));
        using var probabilities = new ThreadLocal<float[]>(() => new float[spec.Classes]);
        AssertAllocatesNothing(() => classifier.Score(Pixels.AsSpan(0, (int)Weights.Network.Input.Elements), probabilities.Value), callers);
    }

    [Fact]
    public void Threads_of_a_pool_that_work_wait_and_sleep()
    {
        const int Workers = 3, WarmUp = 10, Rounds = 100;
        var (before, after) = (new long[Workers], new long[Workers]);
        using var pool = new WorkerPool(Workers, worker => after[worker] = GC.GetAllocatedBytesForCurrentThread());
        for (var round = 0; round < WarmUp + Rounds; round++)
        {
            // Every few rounds long enough for all of them to fall asleep.
            if (round % 8 == 0)
                Thread.Sleep(1);
            pool.Run();
            if (round == WarmUp)
                after.CopyTo(before);
        }

        Assert.Equal(before, after);
    }

    /// <summary>The quietest of a few tries counts: at first the runtime compiles, callers meet for the first time, and a thread's first wait for a lock
    /// costs it some bytes.</summary>
    private static void AssertAllocatesNothing(Action run, int callers = 1)
    {
        const int Tries = 10, Runs = 5;
        var allocated = new long[Tries];
        using var together = new Barrier(callers);
        var threads = Enumerable.Range(0, callers).Select(_ => new Thread(() =>
        {
            for (var attempt = 0; attempt < Tries; attempt++)
            {
                together.SignalAndWait();
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < Runs; i++)
                    run();
                Interlocked.Add(ref allocated[attempt], GC.GetAllocatedBytesForCurrentThread() - before);
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Contains(0, allocated);
    }

    private static byte[] RandomPixels()
    {
        var pixels = new byte[Images * Weights.Network.Input.Elements];
        new Random(1).NextBytes(pixels);
        return pixels;
    }
}
