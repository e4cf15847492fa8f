using Riffle.Kernels;

namespace Riffle.Execution;

/// <summary>Steps that threads who share a block of images compute without meeting: each its share of the output of every step.</summary>
/// <param name="steps">The steps, with the number of each in the compiled network, where their outputs may be cut, and what they take on one thread, in
/// nanoseconds.</param>
internal sealed unsafe class InferenceStage((int Index, InferenceStep Step, int[] Edges, double Work)[] steps)
{
    /// <summary>Nanoseconds that a meeting takes, for each thread that comes.</summary>
    private const double Meeting = 250;

    /// <summary>By a number of threads, from 1, how many of them are worth it, and what it takes then.</summary>
    private readonly List<(int Parts, double Work)> _on = [(1, steps.Sum(step => step.Work))];

    /// <summary>Threads that have something to do.</summary>
    private readonly int _units = steps.Max(step => step.Edges.Length - 1);

    /// <summary>Nanoseconds that it takes on so many threads, roughly: as long as the one with the largest share, and the meeting.</summary>
    public double WorkOn(int threads) => On(threads).Work;

    /// <summary>How many of so many threads it is worth. Known for all that were asked for before it runs.</summary>
    public int PartsOn(int threads) => IsEager ? Math.Min(threads, _units) : On(threads).Parts;

    /// <summary>Whether it takes all threads that have something to do, worth it or not.</summary>
    public bool IsEager { get; set; }

    private (int Parts, double Work) On(int threads)
    {
        while (_on.Count < threads)
        {
            var parts = _on.Count + 1;
            if (_on[0].Work / parts + parts * Meeting >= _on[^1].Work)
            {
                _on.Add(_on[^1]);
                continue;
            }

            var longest = Enumerable.Range(0, parts).Max(part => steps.Sum(step => step.Work * Share.Of(step.Edges, part, parts).Size / step.Edges[^1]));
            var work = longest + parts * Meeting;
            _on.Add(work < _on[^1].Work ? (parts, work) : _on[^1]);
        }

        return _on[threads - 1];
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
            var share = Share.Of(edges, part, parts);
            if (share.Size > 0)
                step.Run(data, scratch, share);
            times?.Lap(worker, index);
        }
    }
}
