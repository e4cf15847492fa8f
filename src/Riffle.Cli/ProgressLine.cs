using Riffle.Study;

namespace Riffle.Cli;

/// <summary>
/// The progress of a long task on standard error: one live line on a terminal, otherwise a plain line every five seconds. Several threads may report.
/// </summary>
internal sealed class ProgressLine : IProgressLine
{
    private readonly string _label;
    private readonly long _total;
    private readonly string _unit;
    private readonly long _start;
    private readonly TextWriter _output;
    private readonly LiveLine? _live;
    private readonly TimeProvider _clock;
    private readonly long _began;
    private readonly Lock _lock = new();
    private TimeSpan _shown;
    private long _done;
    private string? _note;

    /// <summary>Starts the clock.</summary>
    /// <param name="label">The task, for example <c>prepare train</c>.</param>
    /// <param name="total">The total count; 0 if unknown.</param>
    /// <param name="unit">What is counted, for example <c>images</c>.</param>
    /// <param name="start">How many were done before; they are not part of the rate or the time.</param>
    public ProgressLine(string label, long total, string unit, long start = 0)
        : this(label, total, unit, start, Console.Error, LiveLine.IsPossible ? LiveLine.TerminalColumns : null, TimeProvider.System)
    {
    }

    // Without columns, the output is not a terminal.
    internal ProgressLine(string label, long total, string unit, long start, TextWriter output, Func<int>? columns, TimeProvider clock)
    {
        (_label, _total, _unit, _start, _done) = (label, total, unit, start, start);
        (_output, _live, _clock) = (output, columns is null ? null : new LiveLine(output, columns), clock);
        _began = clock.GetTimestamp();
    }

    private TimeSpan Interval => _live is not null ? TimeSpan.FromSeconds(0.1) : TimeSpan.FromSeconds(5);

    /// <summary>Updates the progress, and shows it if the interval has passed.</summary>
    /// <param name="done">The total done, including what was done before.</param>
    /// <param name="note">An addition to the line, for example <c>loss 1.234</c>.</param>
    public void Report(long done, string? note = null)
    {
        lock (_lock)
        {
            (_done, _note) = (done, note);
            var elapsed = _clock.GetElapsedTime(_began);
            if (elapsed - _shown < Interval)
                return;
            _shown = elapsed;
            Show(elapsed, last: false);
        }
    }

    /// <summary>Writes the final line.</summary>
    public void Dispose()
    {
        lock (_lock)
            Show(_clock.GetElapsedTime(_began), last: true);
    }

    private void Show(TimeSpan elapsed, bool last)
    {
        var line = Describe(elapsed, last);
        _live?.Draw(line);
        if (_live is null)
            _output.WriteLine(line);
        else if (last)
            _output.WriteLine();
    }

    private string Describe(TimeSpan elapsed, bool last)
    {
        var rate = (_done - _start) / Math.Max(elapsed.TotalSeconds, 1e-3);
        var count = _total > 0 ? Text($"{_done:N0} of {_total:N0} {_unit}") : Text($"{_done:N0} {_unit}");
        var speed = rate < 10 ? Text($"{rate:0.0} {_unit}/s") : Text($"{rate:N0} {_unit}/s");
        var time = (last, _total > 0 && rate > 0) switch
        {
            (true, _) => $", {DurationText.Of(elapsed)}",
            (false, true) => $", {DurationText.Of(TimeSpan.FromSeconds(Math.Min((_total - _done) / rate, 1e7)))} left",
            _ => "",
        };
        return $"{_label}: {count}, {speed}{time}{(_note is null ? "" : ", " + _note)}";
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
