using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>What <c>run.json</c> tells: every choice behind a run, and where its data set is.</summary>
/// <param name="Riffle">Version of Riffle.</param>
/// <param name="Dotnet">Version of the runtime.</param>
/// <param name="System">Operating system and processor architecture.</param>
/// <param name="DataDirectory">The data set folder, as a full path.</param>
/// <param name="Data">Which data set it is.</param>
/// <param name="Network">What is trained.</param>
/// <param name="Recipe">How.</param>
/// <param name="Seed">Decides everything random.</param>
/// <param name="Threads">Threads asked for; 0: one per core. The result does not depend on it.</param>
/// <param name="From">The run or checkpoint that is fine-tuned; null where the weights began anew.</param>
/// <param name="SoftLabels">What counts beside the labels; null where nothing does.</param>
/// <param name="SoftLabelsFolder">The folder they are in, as a full path.</param>
public sealed record RunDescription(
    string Riffle, string Dotnet, string System, string DataDirectory, DatasetIdentity Data, NetworkSpec Network, Recipe Recipe, ulong Seed, int Threads,
    string? From = null, SoftLabelsIdentity? SoftLabels = null, string? SoftLabelsFolder = null)
{
    /// <summary>Reads what <c>run.json</c> of a run folder tells.</summary>
    /// <exception cref="RiffleException">There is none, or it can't be read.</exception>
    public static RunDescription Read(string run)
    {
        var path = Path.Combine(run, RunFolder.DescriptionName);
        try
        {
            return JsonSerializer.Deserialize<RunDescription>(InputFile.ReadDocument(path), TrainingJson.Indented) ?? throw new JsonException("it is null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or ArgumentException or NotSupportedException
            or BadDataException)
        {
            throw new RiffleException($"{path}: can't read the file: {e.Message}", e);
        }
    }

    internal static RunDescription Of(string dataDirectory, string? softLabels, TrainingRecord training, NetworkSpec network, int threads) => new(
        RiffleVersion.Text, RuntimeInformation.FrameworkDescription, RuntimeInformation.RuntimeIdentifier,
        Path.GetFullPath(dataDirectory), training.Data, network, training.Recipe, training.Seed, threads, training.From, training.SoftLabels,
        softLabels is null ? null : Path.GetFullPath(softLabels));
}

/// <summary>The folder of a run, held by one process at a time: where its files are, and writing those that are not checkpoints.</summary>
internal sealed class RunFolder : IDisposable
{
    internal const string DescriptionName = "run.json";

    private const string BestName = "best.safetensors", LastName = "last.safetensors";

    private readonly FileStream _lock;
    private readonly string? _place;

    private RunFolder(string path, FileStream @lock) => (Directory, _lock, _place) = (path, @lock, PlaceOf(@lock));

    /// <summary>The folder, as it was given.</summary>
    public string Directory { get; }

    public string Best => Path.Combine(Checkpoints(Directory), BestName);

    public string Last => Path.Combine(Checkpoints(Directory), LastName);

    public string Metrics => Path.Combine(Directory, "metrics.csv");

    private string Description => Path.Combine(Directory, DescriptionName);

    /// <summary>Makes the folder of a new run, and holds it.</summary>
    /// <exception cref="RiffleException">It has files in it, can't be made, or another process holds it.</exception>
    public static RunFolder Create(string path)
    {
        if (File.Exists(path))
            throw new RiffleException($"{path}: this is a file, but a run needs a folder; give another --out");
        try
        {
            System.IO.Directory.CreateDirectory(path);
            var folder = Hold(path);

            if (!folder.IsUnbegun())
            {
                folder.Dispose();
                throw new RiffleException(File.Exists(folder.Last)
                    ? $"{path}: the folder already contains a run; continue it with riffle train --resume {ShellWord.Path(path)}, or give another --out"
                    : $"{path}: the folder is not empty; give another --out, or empty it");
            }

            return folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RiffleException($"{path}: can't create the run folder: {e.Message} Give another --out.", e);
        }
    }

    /// <summary>Holds the folder of an existing run.</summary>
    /// <exception cref="RiffleException">There is none, or another process holds it.</exception>
    public static RunFolder Open(string path)
    {
        if (!System.IO.Directory.Exists(path))
        {
            throw new RiffleException(Path.GetDirectoryName(path) is { } checkpoints && Path.GetFileName(checkpoints) == "checkpoints"
                && Path.GetDirectoryName(checkpoints) is { Length: > 0 } run
                ? $"{path}: this is a checkpoint file; give the run folder: riffle train --resume {ShellWord.Path(run)}"
                : $"{path}: no such folder; give --resume the folder that was --out of 'riffle train'");
        }

        if (!File.Exists(Path.Combine(Checkpoints(path), LastName)))
        {
            throw new RiffleException(
                $"{path}: not a run, because it has no {Path.Combine("checkpoints", LastName)}; start one with 'riffle train --out', and with --from "
                + "to start from other weights");
        }

        return Hold(path);
    }

    /// <summary>The checkpoint that a user means by a run folder or a file: a run's best one, or, before its first epoch has ended, its last.</summary>
    /// <exception cref="RiffleException">There is none.</exception>
    public static string FindCheckpoint(string runOrFile)
    {
        if (File.Exists(runOrFile))
            return runOrFile;
        if (!System.IO.Directory.Exists(runOrFile))
        {
            throw new RiffleException(
                $"{InputFile.Missing(runOrFile)} or folder; give a checkpoint file, or the folder that was --out of 'riffle train'");
        }

        string[] candidates = [Path.Combine(Checkpoints(runOrFile), BestName), Path.Combine(Checkpoints(runOrFile), LastName)];
        return candidates.FirstOrDefault(File.Exists) ?? throw ForeignFile.Folder(runOrFile);
    }

    /// <summary>Where the run's data set was, as far as run.json tells.</summary>
    /// <exception cref="RiffleException">It does not.</exception>
    public string ReadDataDirectory() => Read(description => description.DataDirectory, "the data set is", "give its folder with --data");

    /// <summary>Where the run's soft labels were, as far as run.json tells.</summary>
    /// <exception cref="RiffleException">It does not.</exception>
    public string ReadSoftLabelsFolder() => Read(description => description.SoftLabelsFolder, "the soft labels are", "give their folder with --soft-labels");

    /// <summary>Writes run.json, and makes the folder of the checkpoints.</summary>
    public void Write(RunDescription description)
    {
        AtomicFile.WriteText(Description, JsonSerializer.Serialize(description, TrainingJson.Indented) + "\n");
        System.IO.Directory.CreateDirectory(Checkpoints(Directory));
    }

    /// <summary>Writes a checkpoint from elsewhere, which is all there is in the folder.</summary>
    public void WriteBest(Checkpoint checkpoint)
    {
        System.IO.Directory.CreateDirectory(Checkpoints(Directory));
        checkpoint.Save(Best);
    }

    /// <summary>Writes the whole of metrics.csv. No times are in it, so a run that was interrupted gives the same file as one that was not.</summary>
    public void WriteMetrics(ImmutableArray<EpochMetrics> history) => AtomicFile.Write(Metrics, stream =>
    {
        using var text = new StreamWriter(stream, leaveOpen: true);
        text.Write("epoch,learning_rate,train_loss,train_top1,train_top5,validation_loss,validation_top1,validation_top5\n");
        foreach (var epoch in history)
        {
            text.Write(string.Create(CultureInfo.InvariantCulture, $"{epoch.Epoch},{epoch.LearningRate:0.########},"));
            text.Write(string.Create(CultureInfo.InvariantCulture, $"{epoch.Train.Loss:F6},{epoch.Train.Top1:F4},{epoch.Train.Top5:F4},"));
            text.Write(string.Create(CultureInfo.InvariantCulture, $"{epoch.Validation.Loss:F6},{epoch.Validation.Top1:F4},{epoch.Validation.Top5:F4}\n"));
        }
    });

    /// <summary>Makes sure that the path still leads to the folder that is held: another process may have begun a run where this one was.</summary>
    /// <exception cref="RiffleException">It was moved or deleted.</exception>
    public void RequireInPlace()
    {
        if (PlaceOf(_lock) is { } place && place != _place)
        {
            throw new RiffleException(
                $"{Directory}: the run folder, or the .lock file in it, was moved or deleted during the training. If the folder was moved, the last checkpoint "
                + "is in its new place; continue with 'riffle train --resume' and that folder");
        }
    }

    /// <summary>Gives the folder up to other processes.</summary>
    public void Dispose() => _lock.Dispose();

    private string Read(Func<RunDescription, string?> entry, string what, string wayOut)
    {
        try
        {
            return entry(RunDescription.Read(Directory)) ?? throw new RiffleException($"{Description}: the entry is missing");
        }
        catch (RiffleException e)
        {
            throw new RiffleException($"{e.Message}. So it is unknown where {what}; {wayOut}", e);
        }
    }

    /// <summary>Whether nothing is lost by beginning a run here: nothing is there, or what a process left that was killed before its first
    /// checkpoint.</summary>
    private bool IsUnbegun()
    {
        // Hidden files are the lock, and what was being written aside.
        static IEnumerable<string> Entries(string path) =>
            System.IO.Directory.EnumerateFileSystemEntries(path).Where(entry => !Path.GetFileName(entry).StartsWith('.'));
        var checkpoints = Checkpoints(Directory);
        return !Entries(Directory).Except([Description, Metrics, checkpoints]).Any()
            && (!System.IO.Directory.Exists(checkpoints) || !Entries(checkpoints).Any());
    }

    private static string Checkpoints(string run) => Path.Combine(run, "checkpoints");

    private static RunFolder Hold(string path)
    {
        try
        {
            // The system lets go of it when the process ends, however it ends. The file stays: taking it away could take another process's lock.
            var held = new FileStream(Path.Combine(path, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            foreach (var folder in new[] { path, Checkpoints(path) }.Where(System.IO.Directory.Exists))
                AtomicFile.DiscardLeftovers(folder);
            return new(path, held);
        }
        catch (IOException e) when (IsHeldByAnother(e))
        {
            throw new RiffleException($"{path}: another process is training in this folder ({e.Message}); wait for it, stop it, or give another --out", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotWrite(path, e);
        }
    }

    /// <summary>EWOULDBLOCK of Linux and of macOS, and the sharing and lock violations of Windows: a disk may fail in other ways.</summary>
    private static bool IsHeldByAnother(IOException e) => (uint)e.HResult is 11 or 35 or 0x80070020 or 0x80070021;

    /// <summary>Where an open file is now, as far as the system tells.</summary>
    private static string? PlaceOf(FileStream file) =>
        OperatingSystem.IsLinux() ? new FileInfo($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}").LinkTarget : null;
}
