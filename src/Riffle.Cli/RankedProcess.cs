using Riffle.Distribution;
using Riffle.Distribution.Mpi;

namespace Riffle.Cli;

/// <summary>
/// The process as one of several that <c>mpirun</c> or <c>srun</c> has started. Rank 0 alone shows anything; another speaks up only when it fails alone, and then
/// ends all, because the others would wait for it.
/// </summary>
internal static class RankedProcess
{
    /// <summary>The commands that several ranks run together.</summary>
    private static readonly string[] Together = ["train", "teach", "reproduce", "benchmark"];

    /// <summary>Time for rank 0 to tell of an error that all ranks have.</summary>
    private static readonly TimeSpan Courtesy = TimeSpan.FromSeconds(2);

    /// <summary>What each further rank waits in addition.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(0.1);

    /// <summary>Time to leave the others.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(10);

    private static TextWriter? _error;

    /// <summary>The ranks that this process has joined; null: it is alone.</summary>
    public static MpiRanks? Ranks { get; private set; }

    /// <summary>Whether this process was started as one of several.</summary>
    private static Launch? Launched => Launch.Find() is { Count: not 1 } launch ? launch : null;

    /// <summary>Keeps all but rank 0 silent.</summary>
    /// <exception cref="ArgumentException">The command is not for several ranks.</exception>
    public static void Begin(IReadOnlyList<string> args)
    {
        if (Launched is not { } launch)
            return;

        // Open MPI gives each rank a terminal of its own, which .NET would send control sequences.
        Environment.SetEnvironmentVariable("TERM", "dumb");
        if (launch.Rank > 0)
        {
            _error = Console.Error;
            Console.SetOut(TextWriter.Null);
            Console.SetError(TextWriter.Null);
        }

        if (args is [var command, ..] && !command.StartsWith('-') && !Together.Contains(command))
            throw new ArgumentException($"'riffle {command}' runs in one process, but {launch.Launcher} has started several. Run it alone; only {string.Join(", ", Together.Select(name => $"'riffle {name}'"))} can be run so.");
    }

    /// <summary>Joins the others, if there are any.</summary>
    /// <param name="cancel">Asks this process to stop.</param>
    public static Ranks? Join(CancellationToken cancel)
    {
        Ranks = MpiRanks.Join(cancel);
        if (Ranks is { IsFirst: true } ranks)
            Console.Error.WriteLine($"{ranks.Count} ranks on {ranks.Hosts.Distinct().Count()} machine{(ranks.Hosts.Distinct().Count() == 1 ? "" : "s")} ({ranks.Library})");
        return Ranks;
    }

    /// <summary>Leaves the others at the end of a command, when all have come to it.</summary>
    /// <param name="code">The exit code.</param>
    public static void Leave(int code)
    {
        if (Ranks is not { } ranks)
            return;
        ranks.Meet();

        // MPICH under Slurm stays in MPI_Finalize for ever if the others have closed their connections a moment before. All work is done then.
        using var patience = new Timer(_ => LibC.ExitNow(code), null, Farewell, Timeout.InfiniteTimeSpan);
        ranks.Dispose();
        Ranks = null;
    }

    /// <summary>Shows an error. If others depend on this process, ends all of them.</summary>
    public static void Fail(int code, string message)
    {
        if (Ranks is not { } ranks)
        {
            Console.Error.WriteLine($"riffle: {message}");
            return;
        }

        if (!ranks.IsFirst)
            Thread.Sleep(Courtesy + Turn * Math.Min(ranks.Rank, 20));
        if (ranks.IsFirst || code != ExitCode.Interrupted)
            (_error ?? Console.Error).WriteLine($"riffle: {ranks.Name}: {message}");
        ranks.Abort(code);
    }
}
