using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Models;

/// <summary>The content of <c>run.json</c>: every setting of a run, and the place of its data set.</summary>
/// <param name="Riffle">Version of Riffle.</param>
/// <param name="Dotnet">Version of the runtime.</param>
/// <param name="System">Operating system and processor architecture.</param>
/// <param name="DataDirectory">The data set folder, as a full path.</param>
/// <param name="Data">The identity of the data set.</param>
/// <param name="Network">The network.</param>
/// <param name="Recipe">The recipe that it began with.</param>
/// <param name="Seed">The seed of everything random.</param>
/// <param name="Threads">The requested number of threads; 0: one per core. Does not change the result.</param>
/// <param name="From">The run or checkpoint that is fine-tuned; null: new weights.</param>
/// <param name="SoftLabels">The soft labels; null: none.</param>
/// <param name="SoftLabelsFolder">The folder of the soft labels, as a full path.</param>
internal sealed record RunDescription(
    string Riffle, string Dotnet, string System, string DataDirectory, DatasetIdentity Data, NetworkSpec Network, Recipe Recipe, ulong Seed, int Threads,
    string? From = null, SoftLabelsIdentity? SoftLabels = null, string? SoftLabelsFolder = null)
{
    /// <summary>Reads <c>run.json</c> of a run folder.</summary>
    /// <exception cref="RiffleException">The file does not exist or can't be read.</exception>
    public static RunDescription Read(string run)
    {
        var path = Path.Combine(run, RunFolder.DescriptionName);
        try
        {
            return JsonSerializer.Deserialize(InputFile.ReadDocument(path), ModelJson.Indented.Of<RunDescription>()) ?? throw new JsonException("it is null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or ArgumentException or NotSupportedException
            or BadDataException)
        {
            throw new RiffleException($"{path}: can't read the file: {e.Message}", e);
        }
    }

    internal static RunDescription Of(string dataDirectory, string? softLabels, TrainingRecord training, NetworkSpec network, int threads) => new(
        RiffleVersion.Text, RuntimeInformation.FrameworkDescription, RuntimeInformation.RuntimeIdentifier,
        Path.GetFullPath(dataDirectory), training.Data, network with { Layers = null },
        training.Recipe with { Epochs = training.PlannedEpochs ?? training.Recipe.Epochs }, training.Seed, threads, training.From, training.SoftLabels,
        softLabels is null ? null : Path.GetFullPath(softLabels));
}

/// <summary>A run folder, locked by one process at a time. Has the paths of its files and writes those that are not checkpoints.</summary>
internal sealed class RunFolder : IDisposable
{
    internal const string DescriptionName = "run.json";

    /// <summary>The folder of a data set that belongs to the run.</summary>
    internal const string DataName = "data";

    /// <summary>The folder of imported weights that the run may start from.</summary>
    internal const string StartsName = "starts";

    private const string BestName = "best.safetensors", LastName = "last.safetensors";

    private readonly FileStream _lock;
    private readonly string? _place;

    private RunFolder(string path, FileStream @lock) => (Directory, _lock, _place) = (path, @lock, PlaceOf(@lock));

    /// <summary>The folder, as the user named it.</summary>
    public string Directory { get; }

    public string Best => BestOf(Directory);

    public string Last => LastOf(Directory);

    public string Metrics => Path.Combine(Directory, "metrics.csv");

    private string Description => Path.Combine(Directory, DescriptionName);

    /// <summary>Creates and locks the folder of a new run.</summary>
    /// <exception cref="RiffleException">The folder is not empty, can't be created, or is locked by another process.</exception>
    public static RunFolder Create(string path)
    {
        if (File.Exists(path))
            throw new RiffleException($"{path}: this is a file, but a run needs a folder.") { CommandLineAdvice = "Give another --out." };
        try
        {
            System.IO.Directory.CreateDirectory(path);
            var folder = Hold(path);

            if (!folder.IsUnbegun())
            {
                folder.Dispose();
                throw File.Exists(folder.Last)
                    ? new RiffleException($"{path}: the folder already contains a run.")
                    {
                        CommandLineAdvice = $"Continue it with riffle train --resume {ShellWord.Path(path)}, or give another --out.",
                    }
                    : new RiffleException($"{path}: the folder is not empty.") { CommandLineAdvice = "Give another --out, or empty it." };
            }

            return folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RiffleException($"{path}: can't create the run folder: {e.Message}", e) { CommandLineAdvice = "Give another --out." };
        }
    }

    /// <summary>Locks the folder of an existing run.</summary>
    /// <exception cref="RiffleException">There is no run, or another process has locked it.</exception>
    public static RunFolder Open(string path)
    {
        if (!System.IO.Directory.Exists(path))
        {
            throw Path.GetDirectoryName(path) is { } checkpoints && Path.GetFileName(checkpoints) == "checkpoints"
                && Path.GetDirectoryName(checkpoints) is { Length: > 0 } run
                ? new RiffleException($"{path}: this is a checkpoint file, but a run folder is needed here.")
                {
                    CommandLineAdvice = $"Give the run folder: riffle train --resume {ShellWord.Path(run)}",
                }
                : new RiffleException($"{path}: no such folder.") { CommandLineAdvice = "Give --resume the folder that was --out of 'riffle train'." };
        }

        if (!IsRun(path))
        {
            throw new RiffleException(
                $"{path}: not a run, because it has no {Path.Combine("checkpoints", LastName)}.")
            {
                CommandLineAdvice = "Start one with 'riffle train --out', and with --from to start from other weights.",
            };
        }

        return Hold(path);
    }

    /// <summary>The file of a run's best checkpoint.</summary>
    public static string BestOf(string run) => Path.Combine(Checkpoints(run), BestName);

    /// <summary>The file of a run's last checkpoint.</summary>
    public static string LastOf(string run) => Path.Combine(Checkpoints(run), LastName);

    /// <summary>Whether a folder has a training that can be continued.</summary>
    public static bool IsRun(string path) => File.Exists(LastOf(path));

    /// <summary>Resolves a run folder or a file to a checkpoint: a run's best one or, before its first epoch has ended, its last.</summary>
    /// <exception cref="RiffleException">There is none.</exception>
    public static string FindCheckpoint(string runOrFile)
    {
        if (File.Exists(runOrFile))
            return runOrFile;
        if (!System.IO.Directory.Exists(runOrFile))
        {
            throw new RiffleException($"{InputFile.Missing(runOrFile)} or folder")
            {
                CommandLineAdvice = "Give a checkpoint file, or the folder that was --out of 'riffle train'.",
            };
        }

        string[] candidates = [BestOf(runOrFile), LastOf(runOrFile)];
        return candidates.FirstOrDefault(File.Exists) ?? throw ForeignFile.Folder(runOrFile);
    }

    /// <summary>The last checkpoint of a run, with the history of all its epochs; null if the path is no run, or one that was imported.</summary>
    public static string? FindLast(string run) => LastOf(run) is var last && File.Exists(last) ? last : null;

    /// <summary>The folder of the run's data set, from run.json.</summary>
    /// <exception cref="RiffleException">run.json is missing, damaged or has no such entry.</exception>
    public string ReadDataDirectory() => Read(description => description.DataDirectory, "the data set is", "data");

    /// <summary>The folder of the run's soft labels, from run.json.</summary>
    /// <exception cref="RiffleException">run.json is missing, damaged or has no such entry.</exception>
    public string ReadSoftLabelsFolder() => Read(description => description.SoftLabelsFolder, "the soft labels are", "soft-labels");

    /// <summary>Writes run.json and creates the checkpoints folder.</summary>
    public void Write(RunDescription description)
    {
        AtomicFile.WriteText(Description, JsonSerializer.Serialize(description, ModelJson.Indented.Of<RunDescription>()) + "\n");
        System.IO.Directory.CreateDirectory(Checkpoints(Directory));
    }

    /// <summary>Writes an imported checkpoint, the only content of the folder.</summary>
    public void WriteBest(Checkpoint checkpoint)
    {
        System.IO.Directory.CreateDirectory(Checkpoints(Directory));
        checkpoint.Save(Best);
    }

    /// <summary>Writes metrics.csv. It contains no times, so that an interrupted run gives the same file as an uninterrupted one.</summary>
    public void WriteMetrics(ImmutableArray<EpochMetrics> history) => AtomicFile.Write(Metrics, stream =>
    {
        using var text = new StreamWriter(stream, leaveOpen: true);
        text.Write("epoch,learning_rate,train_loss,train_top1,train_top5,validation_loss,validation_top1,validation_top5,l2_term,train_cost\n");
        foreach (var epoch in history)
        {
            text.Write(string.Create(CultureInfo.InvariantCulture, $"{epoch.Epoch},{epoch.LearningRate:0.########},"));
            text.Write(string.Create(CultureInfo.InvariantCulture, $"{epoch.Train.Loss:F6},{epoch.Train.Top1:F4},{epoch.Train.Top5:F4},"));
            text.Write(string.Create(CultureInfo.InvariantCulture, $"{epoch.Validation.Loss:F6},{epoch.Validation.Top1:F4},{epoch.Validation.Top5:F4},"));

            // Empty for epochs of a version that did not record them.
            text.Write(string.Create(CultureInfo.InvariantCulture, $"{epoch.L2:F6},{epoch.Cost:F6}\n"));
        }
    });

    /// <summary>Checks that the path still leads to the locked folder; another process may have started a run there.</summary>
    /// <exception cref="RiffleException">The folder was moved or deleted.</exception>
    public void RequireInPlace()
    {
        if (PlaceOf(_lock) is { } place && place != _place)
        {
            throw new RiffleException(
                $"{Directory}: the run folder, or the .lock file in it, was moved or deleted during the training. If the folder was moved, the last checkpoint "
                + "is in its new place.")
            {
                CommandLineAdvice = "Continue with 'riffle train --resume' and that folder.",
            };
        }
    }

    /// <summary>Unlocks the folder.</summary>
    public void Dispose() => _lock.Dispose();

    private string Read(Func<RunDescription, string?> entry, string what, string option)
    {
        try
        {
            return entry(RunDescription.Read(Directory)) ?? throw new RiffleException($"{Description}: the entry is missing");
        }
        catch (RiffleException e)
        {
            throw new RiffleException($"{e.Message}. So it is unknown where {what}.", e) { CommandLineAdvice = $"Give the folder with --{option}." };
        }
    }

    /// <summary>Whether a run can start here without losing anything: the folder is empty, or left by a process that was killed before its first
    /// checkpoint.</summary>
    private bool IsUnbegun()
    {
        // Hidden files are the lock and unfinished temporary files.
        static IEnumerable<string> Entries(string path) =>
            System.IO.Directory.EnumerateFileSystemEntries(path).Where(entry => !Path.GetFileName(entry).StartsWith('.'));
        var checkpoints = Checkpoints(Directory);
        return !Entries(Directory).Except([Description, Metrics, checkpoints, Path.Combine(Directory, DataName), Path.Combine(Directory, StartsName)]).Any()
            && (!System.IO.Directory.Exists(checkpoints) || !Entries(checkpoints).Except(File.Exists(Description) ? [Best] : []).Any());
    }

    private static string Checkpoints(string run) => Path.Combine(run, "checkpoints");

    private static RunFolder Hold(string path)
    {
        try
        {
            // The system releases the lock when the process ends, however it ends. The file stays, because deleting it could delete another process's lock.
            var held = new FileStream(Path.Combine(path, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            foreach (var folder in new[] { path, Checkpoints(path) }.Where(System.IO.Directory.Exists))
                AtomicFile.DiscardLeftovers(folder);
            return new(path, held);
        }
        catch (IOException e) when (IsHeldByAnother(e))
        {
            throw new RiffleException($"{path}: another process is training in this folder ({e.Message}); wait for it, or stop it.", e) { CommandLineAdvice = "Or give another --out." };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotWrite(path, e);
        }
    }

    /// <summary>EWOULDBLOCK on Linux and macOS, and the sharing and lock violations on Windows; other errors are failures of the disk.</summary>
    private static bool IsHeldByAnother(IOException e) => (uint)e.HResult is 11 or 35 or 0x80070020 or 0x80070021;

    /// <summary>The current path of an open file, if the system knows it.</summary>
    private static string? PlaceOf(FileStream file) =>
        OperatingSystem.IsLinux() ? new FileInfo($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}").LinkTarget : null;
}
