using System.Collections.Immutable;
using System.Diagnostics;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Simd;
using Riffle.Training;

namespace Riffle.Measurement;

/// <summary>What one kind of run of a network, inference or training, took on this machine.</summary>
/// <param name="Threads">The number of threads that computed; at most as many as the batch, or the work of an image, is worth.</param>
/// <param name="Batch">Images in a run.</param>
/// <param name="Timings">Times of one run.</param>
/// <param name="Gflops">Floating-point operations in 10⁹ a second at the median: two for a multiply-add in inference; in training six, two each for the
/// output and the gradients with respect to input and weights. Only multiply-adds count.</param>
/// <param name="PeakGflops">The peak of the same number of threads, measured right before and after.</param>
/// <param name="PlannedBytes">The plan's memory outside the managed heap; null for inference, whose plan does not report it.</param>
/// <param name="PeakResidentBytes">The largest resident memory of the process up to the end of the measurement, including all that it did before.</param>
/// <param name="Layers">Time by layer; empty unless requested.</param>
public sealed record Performance(
    int Threads, int Batch, Timings Timings, double Gflops, double PeakGflops, long? PlannedBytes, long PeakResidentBytes, ImmutableArray<LayerTime> Layers)
{
    /// <summary>At the median time.</summary>
    public double ImagesPerSecond => Batch / (Timings.Median / 1000);

    /// <summary>Part of the peak that was reached; close to 1 is all that the machine can do.</summary>
    public double ShareOfPeak => Gflops / PeakGflops;
}

/// <summary>Measures one network on images of noise, which take as long as any others.</summary>
/// <param name="weights">The network; training changes its values.</param>
/// <param name="budget">Time for the samples of each measurement, after a warm-up.</param>
/// <param name="layers">Whether to also time each layer, in separate runs, because reading the clock often takes time.</param>
public sealed class NetworkBenchmark(Weights weights, TimeSpan budget, bool layers = false)
{
    private const int OperationsOfInference = 2;
    private const int OperationsOfTraining = 6;
    private const float Momentum = 0.9f, WeightDecay = 1e-4f;
    private const double LearningRate = 0.01;
    private const ulong Seed = 1;

    // "Time"; the data pipeline has the streams from 2^32 on.
    private const ulong Stream = 0x5469_6D65;

    private readonly long _macs = Complexity.Of(weights.Network).Macs;

    /// <summary>The network's weights.</summary>
    internal Weights Weights => weights;

    /// <summary>Bits of the vectors that the kernels use here.</summary>
    public static int VectorBits => VectorLevels.Best.Bits;

    /// <summary>A benchmark of a network with first weights.</summary>
    /// <param name="network">The network.</param>
    /// <param name="budget">Time for the samples of each measurement.</param>
    /// <param name="layers">Whether to also time each layer.</param>
    public static NetworkBenchmark Of(Network network, TimeSpan budget, bool layers = false)
    {
        var weights = new Weights(network);
        Initialisation.Fill(weights, InitialisationKind.He, Seed);
        return new(weights, budget, layers);
    }

    /// <summary>Measures inference: from normalised images to logits.</summary>
    /// <param name="batch">Images in a run, at least 1.</param>
    /// <param name="threads">0: one per core.</param>
    /// <param name="cancel">Checked between runs.</param>
    /// <exception cref="ArgumentException">The batch is too large for an array.</exception>
    /// <exception cref="RiffleException">There is not enough memory.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Performance Inference(int batch, int threads = 1, CancellationToken cancel = default)
    {
        var images = Noise(batch);
        var logits = Floats(batch, weights.Network.Classes);
        using var plan = new InferencePlan(weights, batch, threads);
        void Run() => plan.Run(images, batch, logits);
        var measured = Measure(Run, plan.Threads, batch, OperationsOfInference, cancel);
        return layers ? measured with { Layers = ByLayer(Run, plan.Threads, times => plan.Times = times, cancel) } : measured;
    }

    /// <summary>Measures training: forward, loss, backward and a Nesterov step on a ready batch.</summary>
    /// <param name="batch">Images in a step, at least 1.</param>
    /// <param name="threads">0: one per core.</param>
    /// <param name="cancel">Checked between steps.</param>
    /// <exception cref="ArgumentException">The batch is too large for an array.</exception>
    /// <exception cref="RiffleException">There is not enough memory.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Performance Training(int batch, int threads = 0, CancellationToken cancel = default)
    {
        using var plan = new TrainingPlan(weights, batch, threads);
        var run = StepOf(plan, batch);
        var measured = Measure(run, plan.Threads, batch, OperationsOfTraining, cancel) with { PlannedBytes = plan.Memory };
        return layers ? measured with { Layers = ByLayer(run, plan.Threads, times => plan.Times = times, cancel) } : measured;
    }

    /// <summary>Measures a step of training layer by layer, and what several ranks would exchange.</summary>
    /// <param name="batch">Images of each rank in a step, at least 1.</param>
    /// <param name="threads">Threads of each rank; 0: one per core.</param>
    /// <param name="cancel">Checked between steps.</param>
    /// <exception cref="ArgumentException">The batch is too large for an array.</exception>
    /// <exception cref="RiffleException">There is not enough memory.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public ScalingModel Scaling(int batch, int threads = 0, CancellationToken cancel = default)
    {
        using var plan = new TrainingPlan(weights, batch, threads);
        var run = StepOf(plan, batch);
        var timings = Timings.Measure(run, budget, cancel);
        var times = new LayerTimes(weights.Network, plan.Threads);
        plan.Times = times;
        var runs = Timings.Repeat(run, budget, cancel).Count;
        double PerRun(int step, bool backward) => times.Of(step, backward).TotalMilliseconds / runs / plan.Threads;
        return new(
            [.. plan.Exchanged.Index().Select(step => new ScalingModel.Step(
                PerRun(step.Index, false), PerRun(step.Index, true), step.Item.Weights, step.Item.ForwardSums, step.Item.BackwardSums))],
            timings.Median);
    }

    /// <summary>A step of training on images of noise.</summary>
    /// <param name="plan">Of the network's weights.</param>
    /// <param name="images">Images that the plan computes here.</param>
    internal Action StepOf(TrainingPlan plan, int images)
    {
        var pixels = Noise(images);
        var labels = Enumerable.Range(0, images).Select(image => image % weights.Network.Classes).ToArray();
        var optimiser = new Optimiser(weights, OptimiserKind.Nesterov, Momentum, WeightDecay);
        var steps = 0;
        return () =>
        {
            plan.Step(pixels, labels);
            plan.Times?.Start(0);
            optimiser.Apply(weights.Trained, plan.Gradients, LearningRate, steps++);
            plan.Times?.Lap(0, OtherWork.Update, backward: true);
        };
    }

    private Performance Measure(Action run, int threads, int batch, int operations, CancellationToken cancel)
    {
        var before = PeakFlops.Measure(threads);
        var timings = Timings.Measure(run, budget, cancel);
        var peak = Math.Max(before, PeakFlops.Measure(threads));
        var gflops = operations * _macs * batch / (timings.Median / 1000) / 1e9;
        using var process = Process.GetCurrentProcess();
        return new(threads, batch, timings, gflops, peak, PlannedBytes: null, process.PeakWorkingSet64, Layers: []);
    }

    private ImmutableArray<LayerTime> ByLayer(Action run, int threads, Action<LayerTimes> count, CancellationToken cancel)
    {
        // No warm-up: these runs come after those that were timed.
        var times = new LayerTimes(weights.Network, threads);
        count(times);
        return LayerTime.Of(times, weights.Network, Timings.Repeat(run, budget, cancel).Count);
    }

    private float[] Noise(int batch)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        var random = Random64.Create(Seed, Stream);
        var images = Floats(batch, weights.Network.Input.Elements);
        foreach (ref var value in images.AsSpan())
            value = random.NextFloat() * 2 - 1;
        return images;
    }

    private static float[] Floats(int batch, long perImage) => batch * perImage <= Array.MaxLength
        ? new float[batch * perImage]
        : throw new ArgumentException($"a batch of {batch} images is too large for an array; choose a smaller one");
}
