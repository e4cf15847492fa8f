using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Riffle.Serving.Benchmarks;

/// <summary>A server in a process of its own: its port, its processor time, its memory.</summary>
internal sealed partial class ServerProcess : IDisposable
{
    private readonly Process _process;

    /// <summary>Starts it, and waits until it prints an address.</summary>
    public ServerProcess(params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true };
        _process = Process.Start(start)!;
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (Address().Match(line) is { Success: true } match)
            {
                Port = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
                _ = _process.StandardOutput.ReadToEndAsync();
                return;
            }
        }

        throw new InvalidOperationException($"{string.Join(' ', command)}: it has ended without an address");
    }

    public int Port { get; }

    /// <summary>Processor time of all its threads, of the program and of the system for it.</summary>
    public TimeSpan Processor
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Bytes in memory.</summary>
    public long Memory
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    [GeneratedRegex(@"http://[^:]+:(\d+)")]
    private static partial Regex Address();
}
