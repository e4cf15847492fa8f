using Riffle.Kernels;

namespace Riffle.Execution;

/// <summary>Steps that threads who share a block of images compute without meeting: each its share of the output of every step.</summary>
/// <param name="steps">The steps, with the number of each in the compiled network, where their outputs may be cut, and what they take on one thread, in
/// nanoseconds.</param>
internal sealed unsafe class InferenceStage((int Index, InferenceStep Step, int[] Edges, double Work)[] steps)
{
    /// <summary>Nanoseconds that a thread has to get of a stage to be worth a meeting.</summary>
    private const double LeastWork = 2000;

    /// <summary>Nanoseconds that a meeting takes, for each thread that comes.</summary>
    private const double Meeting = 200;

    /// <summary>Threads that it is worth.</summary>
    public int MostThreads { get; } = (int)Math.Clamp(steps.Sum(step => step.Work) / LeastWork, 1, steps.Max(step => step.Edges.Length - 1));

    /// <summary>Nanoseconds that it takes on so many threads: as long as the one with the largest share, roughly.</summary>
    public double WorkOn(int threads)
    {
        var parts = Math.Min(threads, MostThreads);
        var longest = Enumerable.Range(0, parts).Max(part => steps.Sum(step =>
        {
            var share = ShareOf(step.Edges, part, parts);
            return step.Work * (share.To - share.From) / step.Edges[^1];
        }));
        return longest + (parts == 1 ? 0 : parts * Meeting);
    }

    /// <summary>Computes one of several parts.</summary>
    /// <param name="part">Its number.</param>
    /// <param name="parts">Their number.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="scratch">The thread's own.</param>
    /// <param name="times">Receives the time of each step, where they are counted.</param>
    /// <param name="worker">The thread's number there.</param>
    public void Run(int part, int parts, float* data, float* scratch, LayerTimes? times, int worker)
    {
        foreach (var (index, step, edges, _) in steps)
        {
            var share = ShareOf(edges, part, parts);
            if (share.From < share.To)
                step.Run(data, scratch, share);
            times?.Lap(worker, index);
        }
    }

    private static Share ShareOf(int[] edges, int part, int parts)
    {
        var units = edges.Length - 1;
        return new(edges[units * part / parts], edges[units * (part + 1) / parts]);
    }
}
