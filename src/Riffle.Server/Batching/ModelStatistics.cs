using System.Diagnostics;

namespace Riffle.Server.Batching;

/// <summary>What a model has done since the server began, also over reloads. Durations are in ticks of <see cref="Stopwatch"/>.</summary>
internal sealed class ModelStatistics
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _failures = new() { ["REJECTED"] = 0, ["CANCELED"] = 0, ["BACKEND"] = 0, ["OTHER"] = 0 };
    private readonly SortedDictionary<int, Spent> _batches = [];
    private Spent _success, _failed, _queue, _input, _infer, _output;
    private long _inferences, _last;

    /// <summary>A batch was computed.</summary>
    public void Executed(int images, long ticks)
    {
        lock (_gate)
        {
            _batches[images] = _batches.GetValueOrDefault(images).Plus(ticks);
            _inferences += images;
        }
    }

    /// <summary>A request was answered with results.</summary>
    /// <param name="all">From its arrival to its answer.</param>
    /// <param name="input">For decoding.</param>
    /// <param name="queue">In the queue.</param>
    /// <param name="infer">In the engine.</param>
    /// <param name="output">For its answer.</param>
    public void Succeeded(long all, long input, long queue, long infer, long output)
    {
        lock (_gate)
        {
            (_success, _input, _queue) = (_success.Plus(all), _input.Plus(input), _queue.Plus(queue));
            (_infer, _output) = (_infer.Plus(infer), _output.Plus(output));
            _last = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        }
    }

    /// <summary>A request was not.</summary>
    public void Failed(string reason, long ticks)
    {
        lock (_gate)
        {
            _failures[reason]++;
            _failed = _failed.Plus(ticks);
        }
    }

    /// <summary>All of it at one moment.</summary>
    public Snapshot Read()
    {
        lock (_gate)
            return new(_success, _failed, _queue, _input, _infer, _output, _inferences, _batches.Sum(batch => batch.Value.Count), _last, new(_failures), new(_batches));
    }

    /// <summary>How often, and how long in all.</summary>
    public readonly record struct Spent(long Count, long Ticks)
    {
        private static readonly double NanosecondsOfTick = 1e9 / Stopwatch.Frequency;

        public long Nanoseconds => (long)(Ticks * NanosecondsOfTick);

        public Spent Plus(long ticks) => new(Count + 1, Ticks + ticks);
    }

    public sealed record Snapshot(
        Spent Success, Spent Fail, Spent Queue, Spent Input, Spent Infer, Spent Output, long Inferences, long Executions, long LastInference, Dictionary<string, long> Failures,
        SortedDictionary<int, Spent> Batches);
}
