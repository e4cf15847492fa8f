using System.Collections.Immutable;
using System.Diagnostics;

namespace Riffle.Measurement;

/// <summary>How long the same work took, again and again.</summary>
public sealed class Timings
{
    private const int LeastWarmUps = 2;
    private const int LeastSamples = 5;

    /// <summary>Share of a budget that goes to the warm-up: the JIT compiles anew what runs often, and caches and branch predictors fill.</summary>
    private const double WarmUpFraction = 0.25;

    /// <summary>Timings of the given samples.</summary>
    /// <param name="milliseconds">One or more, in any order.</param>
    /// <exception cref="ArgumentException">There are none.</exception>
    internal Timings(IEnumerable<double> milliseconds)
    {
        Milliseconds = [.. milliseconds.Order()];
        if (Milliseconds.IsEmpty)
            throw new ArgumentException("no times were measured");
    }

    /// <summary>Every sample, the shortest first.</summary>
    public ImmutableArray<double> Milliseconds { get; }

    /// <summary>As many samples were longer as were shorter; in milliseconds.</summary>
    public double Median => Percentile(50);

    /// <summary>Runs work until a budget of time is spent, after a warm-up that comes on top of it.</summary>
    /// <param name="work">The work to time.</param>
    /// <param name="budget">Time for the samples. A minimum number of samples is taken even if they need more.</param>
    /// <param name="cancel">Checked between runs.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal static Timings Measure(Action work, TimeSpan budget, CancellationToken cancel = default)
    {
        Repeat(work, budget * WarmUpFraction, LeastWarmUps, cancel);
        return new(Repeat(work, budget, cancel));
    }

    /// <summary>The time that a share of the samples does not exceed, in milliseconds, interpolated between the two samples beside it.</summary>
    /// <param name="percent">From 0, the shortest, to 100, the longest.</param>
    public double Percentile(double percent)
    {
        if (percent is not (>= 0 and <= 100))
            throw new ArgumentOutOfRangeException(nameof(percent), percent, "a percentile must be from 0 to 100");
        var place = percent / 100 * (Milliseconds.Length - 1);
        var below = (int)place;
        var above = Math.Min(below + 1, Milliseconds.Length - 1);
        return Milliseconds[below] + (place - below) * (Milliseconds[above] - Milliseconds[below]);
    }

    /// <summary>Milliseconds of each run until a budget is spent, without a warm-up.</summary>
    internal static List<double> Repeat(Action work, TimeSpan budget, CancellationToken cancel) => Repeat(work, budget, LeastSamples, cancel);

    private static List<double> Repeat(Action work, TimeSpan budget, int least, CancellationToken cancel)
    {
        var samples = new List<double>();
        for (var start = Stopwatch.GetTimestamp(); samples.Count < least || Stopwatch.GetElapsedTime(start) < budget;)
        {
            cancel.ThrowIfCancellationRequested();
            var began = Stopwatch.GetTimestamp();
            work();
            samples.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return samples;
    }
}
