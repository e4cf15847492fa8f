using System.Diagnostics;
using Riffle.Distribution;
using Riffle.Execution;

namespace Riffle.Measurement;

/// <summary>What a step of training takes when ranks share its batch, beside what each rank's part takes alone.</summary>
/// <param name="Ranks">Ranks.</param>
/// <param name="Threads">Threads of each.</param>
/// <param name="Batch">Images of each rank in a step.</param>
/// <param name="Alone">A step of one rank by itself, while the others do the same.</param>
/// <param name="Together">A step of all ranks with the bits of one process: batch norm has the statistics of the whole batch.</param>
/// <param name="Local">A step of all ranks where each has its own statistics.</param>
/// <param name="Waits">What a step of all ranks waits on average in milliseconds, in rank 0: for sums of batch norm, and for gradients after backward.</param>
/// <param name="LocalWait">The same with local batch norm, for gradients.</param>
public sealed record RankedPerformance(
    int Ranks, int Threads, int Batch, Timings Alone, Timings Together, Timings Local, (double Sums, double Gradients) Waits, double LocalWait)
{
    /// <summary>Images a second of all ranks together, at the median.</summary>
    public double ImagesPerSecond => Ranks * Batch / (Together.Median / 1000);

    /// <summary>How much of its speed alone each rank keeps: 1 if the network costs nothing.</summary>
    public double Efficiency => Alone.Median / Together.Median;

    /// <summary>The same with local batch norm.</summary>
    public double LocalEfficiency => Alone.Median / Local.Median;
}

/// <summary>Measures the training of one network by several ranks. All ranks make the same calls.</summary>
/// <param name="benchmark">The network.</param>
/// <param name="ranks">The ranks.</param>
public sealed class RankedBenchmark(NetworkBenchmark benchmark, Ranks ranks)
{
    /// <summary>The three kinds of step are measured in turn, so that what else the machines do meets all of them.</summary>
    private const int Rounds = 3;

    private const int WarmUps = 2;

    /// <summary>Measures steps of training.</summary>
    /// <param name="batch">Images of each rank in a step: a multiple of sixteen, so that all ranks have as many.</param>
    /// <param name="threads">Threads of each rank; 0: one per core.</param>
    /// <param name="budget">Time for the samples of each kind of step.</param>
    /// <param name="cancel">Checked between kinds.</param>
    /// <exception cref="ArgumentException">The batch is no multiple of sixteen.</exception>
    /// <exception cref="RiffleException">There is not enough memory, or a rank can't be reached.</exception>
    public RankedPerformance Training(int batch, int threads, TimeSpan budget, CancellationToken cancel = default)
    {
        if (batch % 16 != 0)
            throw new ArgumentException($"a batch of {batch} images a rank can't be shared evenly; ranks have whole blocks of 16");
        var (alone, together, local) = (new List<double>(), new List<double>(), new List<double>());
        var (whole, used) = (batch * ranks.Count, 0);
        (double Sums, double Gradients) waits = default, localWaits = default;
        for (var round = 0; round <= Rounds; round++)
        {
            // The first round is for the compiler, which compiles anew what runs often.
            if (round == 1)
                new[] { alone, together, local }.ToList().ForEach(samples => samples.Clear());
            Add(alone, () => new(benchmark.Weights, batch, threads));
            waits = Add(together, () => new(benchmark.Weights, whole, ranks, localBatchNorm: false, threads));
            localWaits = Add(local, () => new(benchmark.Weights, whole, ranks, localBatchNorm: true, threads));
        }

        return new(ranks.Count, used, batch, new(alone), new(together), new(local), waits, localWaits.Gradients);

        (double Sums, double Gradients) Add(List<double> samples, Func<TrainingPlan> create)
        {
            cancel.ThrowIfCancellationRequested();
            using var plan = create();
            used = plan.Threads;
            var step = benchmark.StepOf(plan, batch);
            ranks.Meet();
            var clock = Stopwatch.StartNew();
            for (var i = 0; i < WarmUps; i++)
                step();

            // All ranks have to take as many steps, so the first decides.
            var own = (int)Math.Clamp(budget / Rounds / (clock.Elapsed / WarmUps), 2, 10_000);
            var steps = BitConverter.ToInt32(ranks.FromFirst(BitConverter.GetBytes(own)));
            var before = plan.Waited;
            for (var i = 0; i < steps; i++)
            {
                var began = Stopwatch.GetTimestamp();
                step();
                samples.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            return ((plan.Waited.Sums - before.Sums).TotalMilliseconds / steps, (plan.Waited.Gradients - before.Gradients).TotalMilliseconds / steps);
        }
    }
}
