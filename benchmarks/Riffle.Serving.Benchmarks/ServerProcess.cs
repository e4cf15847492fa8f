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

    /// <summary>Processor time of all its threads and of the processes that it has started, of the programs and of the system for them.</summary>
    public TimeSpan Processor
    {
        get
        {
            var all = Process.GetProcesses();
            return all.Where(process => process.Id == _process.Id || ParentOf(process) == _process.Id).Aggregate(TimeSpan.Zero, (sum, process) => sum + process.TotalProcessorTime);
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

    /// <summary>Linux has it behind the program's name, which stands in brackets, and the state.</summary>
    private static int ParentOf(Process process)
    {
        try
        {
            var status = File.ReadAllText($"/proc/{process.Id}/stat");
            return int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    [GeneratedRegex(@"http://[^:]+:(\d+)")]
    private static partial Regex Address();
}
