using System.Diagnostics;
using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>What a plan does besides its steps.</summary>
internal enum OtherWork
{
    /// <summary>Bringing weights into the kernels' order.</summary>
    Weights,

    /// <summary>Bringing images into lanes.</summary>
    Images,

    /// <summary>What batch norm needs of the whole batch.</summary>
    BatchNorm,

    /// <summary>Loss and its gradient in training, reading the logits in inference.</summary>
    Loss,

    /// <summary>Adding the parts of the gradients.</summary>
    Gradients,

    /// <summary>Changing the weights, which the plan's caller does.</summary>
    Update,

    /// <summary>Waiting for other threads.</summary>
    Waiting,
}

/// <summary>
/// Where a plan's threads spend their time. A thread calls <see cref="Start"/> and then laps: all that it did since its last lap belongs to one place, so that
/// nothing between the first lap and the last is lost. Each thread has its own counters.
/// </summary>
internal sealed class LayerTimes
{
    private static readonly int Others = Enum.GetValues<OtherWork>().Length;

    private readonly long[] _last;
    private readonly long[][] _ticks;

    /// <param name="network">The plan's network.</param>
    /// <param name="threads">The plan's threads.</param>
    public LayerTimes(Network network, int threads)
    {
        Layers = [.. new LoweredNetwork(network).Steps.SkipLast(1).Select(step => step.Layer!)];
        _last = new long[threads];
        _ticks = [.. Enumerable.Range(0, threads).Select(_ => new long[2 * (Layers.Length + Others)])];
    }

    /// <summary>The layer of each step.</summary>
    public Layer[] Layers { get; }

    /// <summary>Sum of all times of all threads.</summary>
    public TimeSpan Total => Span(_ticks.Sum(ticks => ticks.Sum()));

    /// <summary>A thread begins to work.</summary>
    public void Start(int worker) => _last[worker] = Stopwatch.GetTimestamp();

    /// <summary>What the thread did since its last lap was a step's.</summary>
    public void Lap(int worker, int step, bool backward = false)
    {
        var now = Stopwatch.GetTimestamp();
        _ticks[worker][Slot(step, backward)] += now - _last[worker];
        _last[worker] = now;
    }

    /// <summary>What the thread did since its last lap was no step's.</summary>
    public void Lap(int worker, OtherWork work, bool backward = false) => Lap(worker, Layers.Length + (int)work, backward);

    /// <summary>Time of all threads in a step.</summary>
    public TimeSpan Of(int step, bool backward) => Span(_ticks.Sum(ticks => ticks[Slot(step, backward)]));

    /// <summary>Time of all threads in what is no step.</summary>
    public TimeSpan Of(OtherWork work, bool backward) => Of(Layers.Length + (int)work, backward);

    private static TimeSpan Span(long ticks) => Stopwatch.GetElapsedTime(0, ticks);

    private int Slot(int place, bool backward) => backward ? Layers.Length + Others + place : place;
}
