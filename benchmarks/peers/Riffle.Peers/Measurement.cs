using System.Diagnostics;

namespace Riffle.Peers;

/// <summary>What a peer takes for one run of a batch.</summary>
/// <param name="Peer">The peer and its version.</param>
/// <param name="Threads">Threads that compute.</param>
/// <param name="Batch">Images in a run.</param>
/// <param name="MedianMs">Median of all runs, in milliseconds.</param>
/// <param name="P95Ms">Time of all runs but the slowest 5 %, in milliseconds.</param>
/// <param name="ImagesPerSecond">Throughput at the median.</param>
/// <param name="Format">The memory format that was faster; null where the peer has no choice.</param>
/// <param name="Parameters">Number of parameters that training changes; null where the peer does not say.</param>
internal sealed record Measurement(
    string Peer, int Threads, int Batch, double MedianMs, double P95Ms, double ImagesPerSecond, string? Format = null, long? Parameters = null)
{
    private const int LeastWarmUps = 2;
    private const int LeastRuns = 5;

    /// <summary>
    /// Times as <c>riffle benchmark</c> does: a warm-up of a quarter of the time and at least two runs, then runs until the time is used up and at least five;
    /// percentiles are interpolated between the two nearest runs.
    /// </summary>
    public static Measurement Of(string peer, int threads, int batch, double seconds, Action run)
    {
        Repeat(run, seconds / 4, LeastWarmUps);
        var sorted = Repeat(run, seconds, LeastRuns);
        sorted.Sort();
        var median = Percentile(sorted, 50);
        return new(peer, threads, batch, median, Percentile(sorted, 95), 1000 * batch / median);
    }

    private static List<double> Repeat(Action run, double seconds, int least)
    {
        var milliseconds = new List<double>();
        for (var begin = Stopwatch.GetTimestamp(); milliseconds.Count < least || Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds;)
        {
            var start = Stopwatch.GetTimestamp();
            run();
            milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return milliseconds;
    }

    private static double Percentile(List<double> sorted, double percent)
    {
        var place = percent / 100 * (sorted.Count - 1);
        var below = (int)place;
        var above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
}
