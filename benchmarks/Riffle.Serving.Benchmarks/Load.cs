using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Riffle.Serving.Benchmarks;

/// <summary>What came of a load.</summary>
/// <param name="Seconds">How long it lasted.</param>
/// <param name="Accepted">Milliseconds of each request that was answered with 200, in ascending order.</param>
/// <param name="Refused">Milliseconds of each request that was answered with 503, in ascending order.</param>
/// <param name="Closed">Requests whose connection was closed before an answer: a server has only so many.</param>
internal sealed record LoadResult(double Seconds, double[] Accepted, double[] Refused, int Closed)
{
    public double Rate => Accepted.Length / Seconds;

    public static double Quantile(double[] sorted, double share) => sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
}

/// <summary>Sends requests.</summary>
internal static class Load
{
    private const int Closed = -1;

    /// <summary>Each client sends its next request when it has the answer to the last.</summary>
    public static async Task<LoadResult> ClosedAsync(int port, byte[] request, int clients, TimeSpan time)
    {
        var times = new ConcurrentBag<(int Status, double Milliseconds)>();
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            using var connection = new Connection(port, request);
            while (Stopwatch.GetElapsedTime(began) < time)
            {
                var sent = Stopwatch.GetTimestamp();
                var status = await connection.SendAsync();
                times.Add((status, Stopwatch.GetElapsedTime(sent).TotalMilliseconds));
            }
        })));
        return Result(times, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>
    /// Requests come at random times (a Poisson process), whether earlier ones are answered or not, as those of many users do, so that a server that is late is late for all
    /// (no coordinated omission). A request's time counts from when it is sent: how late its client was, which shares the cores, is not the server's fault.
    /// </summary>
    public static async Task<LoadResult> PoissonAsync(int port, byte[] request, double rate, TimeSpan time, int seed)
    {
        // On a thread of its own, that sleeps to the moment: a timer of .NET is a millisecond late, and would let requests come in bunches.
        var (times, pending, free) = (new ConcurrentBag<(int Status, double Milliseconds)>(), new List<Task>(), new ConcurrentStack<Connection>());
        var began = Stopwatch.GetTimestamp();
        await Task.Factory.StartNew(SendAll, TaskCreationOptions.LongRunning);
        await Task.WhenAll(pending);
        foreach (var connection in free)
            connection.Dispose();
        return Result(times, Stopwatch.GetElapsedTime(began).TotalSeconds);

        void SendAll()
        {
            var random = new Random(seed);
            for (var due = 0.0; (due += -Math.Log(1 - random.NextDouble()) / rate) < time.TotalSeconds;)
            {
                var wait = (long)(1e9 * (due - Stopwatch.GetElapsedTime(began).TotalSeconds));
                if (wait > 0)
                    _ = nanosleep([wait / 1_000_000_000, wait % 1_000_000_000], 0);
                pending.Add(Task.Run(async () =>
                {
                    var at = Stopwatch.GetTimestamp();
                    try
                    {
                        var connection = free.TryPop(out var found) ? found : new(port, request);
                        var status = await connection.SendAsync();
                        times.Add((status, Stopwatch.GetElapsedTime(at).TotalMilliseconds));
                        free.Push(connection);
                    }
                    catch (Exception e) when (e is IOException or SocketException)
                    {
                        times.Add((Closed, 0));
                    }
                }));
            }
        }
    }

    private static LoadResult Result(IEnumerable<(int Status, double Milliseconds)> times, double seconds)
    {
        double[] Of(int status) => [.. times.Where(one => one.Status == status).Select(one => one.Milliseconds).Order()];
        return times.FirstOrDefault(one => one.Status is not (200 or 503 or Closed)) is { Status: not 0 } other ? throw new IOException($"an answer with status {other.Status}")
            : new(seconds, Of(200), Of(503), Of(Closed).Length);
    }

    [DllImport("libc")]
    private static extern int nanosleep(long[] secondsAndNanoseconds, nint rest);
}
