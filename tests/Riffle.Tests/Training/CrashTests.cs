using System.Diagnostics;
using Riffle.Models;
using Riffle.Tests.Cli;

namespace Riffle.Tests.Training;

/// <summary>Trainings that are killed: run by name, for they take minutes.</summary>
[Trait("Category", "crash")]
public sealed class CrashTests(ITestOutputHelper output) : IDisposable
{
    private const int Kills = 50, Epochs = 1200;

    private readonly TinyDataset _data = new(train: 60, validation: 30);
    private readonly Random _random = new(1);

    private string Run => _data.Run("killed");

    private string Last => Path.Combine(Run, "checkpoints", "last.safetensors");

    public void Dispose() => _data.Dispose();

    /// <summary>
    /// In turn: at any moment from the start on; some moment after an epoch has ended, in steps and validations of the next ones; and as soon as a file is seen
    /// that a checkpoint is being written to.
    /// </summary>
    [UnixFact]
    public void A_run_killed_at_fifty_random_moments_ends_with_the_same_files_as_one_that_was_left_alone()
    {
        var (alone, clock) = (_data.Run("alone"), Stopwatch.StartNew());
        TimeSpan start;
        using (var process = Shell.Start("dotnet", Start(alone)))
        {
            Wait(process, () => File.Exists(Path.Combine(alone, "checkpoints", "last.safetensors")));
            start = clock.Elapsed;
            Assert.Equal(0, Shell.Finish(process).ExitCode);
        }

        int beforeCheckpoint = 0, underWay = 0, whileWriting = 0;
        for (var kill = 0; kill < Kills; kill++)
        {
            var known = LastWritten();
            using var process = Shell.Start("dotnet", File.Exists(Last) ? Shell.Arguments("train", "--resume", Run) : Start(Run));
            _ = process.StandardError.ReadToEndAsync();
            _ = process.StandardOutput.ReadToEndAsync();
            switch (kill % 3)
            {
                case 0:
                    Thread.Sleep(start * (0.2 + 1.2 * _random.NextDouble()));
                    break;
                case 1:
                    Wait(process, () => LastWritten() != known);
                    Thread.Sleep(_random.Next(300));
                    break;
                default:
                    Wait(process, () => LastWritten() != known);
                    Wait(process, LeftAside);
                    break;
            }

            Assert.False(process.HasExited, $"the run had ended after {kill} kills: it has to be longer");
            process.Kill();
            process.WaitForExit();
            beforeCheckpoint += File.Exists(Last) ? 0 : 1;
            underWay += LastWritten() != known ? 1 : 0;
            whileWriting += LeftAside() ? 1 : 0;
            if (File.Exists(Last))
                Assert.NotNull(Checkpoint.Read(Last).Training);
        }

        // At least a third is meant to; a machine that is busy may be too late for some.
        Assert.True(whileWriting >= 5, $"only {whileWriting} kills fell into the writing of a file");
        Assert.True(underWay >= Kills / 2, $"only {underWay} kills fell into a training that was under way");
        clock.Restart();
        var at = Checkpoint.Read(Last).Training!.Progress.Epochs;
        Assert.Equal(0, Shell.Riffle("train", "--resume", Run).ExitCode);
        foreach (var file in TinyDataset.ResultFiles)
            Assert.Equal(File.ReadAllBytes(Path.Combine(alone, file)), File.ReadAllBytes(Path.Combine(Run, file)));
        Assert.False(LeftAside());
        output.WriteLine(
            $"{Kills} kills, {beforeCheckpoint} of them before the first checkpoint, {underWay} after at least one more epoch, {whileWriting} while a file "
            + $"was being written; epoch {at} of {Epochs} was reached by then, the rest took {clock.Elapsed.TotalSeconds:0} s");
    }

    private static void Wait(Process process, Func<bool> condition)
    {
        for (var clock = Stopwatch.StartNew(); !condition();)
            Assert.False(process.HasExited || clock.Elapsed > TimeSpan.FromMinutes(2), "the run ended or went no further");
    }

    private DateTime LastWritten() => File.GetLastWriteTimeUtc(Last);

    private bool LeftAside() => Directory.Exists(Run)
        && Directory.EnumerateFiles(Run, ".*.tmp-*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Any();

    private string[] Start(string run) => Shell.Arguments(
        "train", "--data", _data.DataFolder, "--model", "shufflenet-v1-g3-x0.25", "--out", run, "--size", "24", "--units", "1,1,1",
        "--epochs", $"{Epochs}", "--batch", "20", "--hue", "0.02", "--brightness", "0.2", "--contrast", "0.2", "--saturation", "0.2", "--threads", "2");
}
