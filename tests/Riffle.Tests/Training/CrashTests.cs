using System.Diagnostics;
using Riffle.Tests.Cli;
using Riffle.Training;
using Xunit.Abstractions;

namespace Riffle.Tests.Training;

/// <summary>Trainings that are killed: run by name, for they take minutes.</summary>
[Trait("Category", "crash")]
public sealed class CrashTests(ITestOutputHelper output) : IDisposable
{
    private const int Kills = 50, Epochs = 1200;

    private readonly TinyDataset _data = new(train: 60, validation: 30);

    public void Dispose() => _data.Dispose();

    /// <summary>A checkpoint is written after each of the short epochs, so that many kills fall into one.</summary>
    [UnixFact]
    public void A_run_killed_at_fifty_random_moments_ends_with_the_same_files_as_one_that_was_left_alone()
    {
        var (alone, killed) = (_data.Run("alone"), _data.Run("killed"));
        Assert.Equal(0, Shell.Run("dotnet", Start(alone)).ExitCode);

        var random = new Random(1);
        int kills = 0, beforeCheckpoint = 0, whileWriting = 0;
        var last = Path.Combine(killed, "checkpoints", "last.safetensors");
        while (kills < Kills)
        {
            using var process = Shell.Start("dotnet", File.Exists(last) ? Shell.Arguments("train", "--resume", killed) : Start(killed));
            _ = process.StandardError.ReadToEndAsync();
            _ = process.StandardOutput.ReadToEndAsync();
            Thread.Sleep(random.Next(200, 1500));
            Assert.False(process.HasExited, $"the run had ended after {kills} kills: it has to be longer");
            process.Kill();
            process.WaitForExit();
            kills++;
            beforeCheckpoint += File.Exists(last) ? 0 : 1;
            whileWriting += LeftAside(killed) ? 1 : 0;
            if (File.Exists(last))
                Assert.NotNull(Checkpoint.Read(last).Training);
        }

        var clock = Stopwatch.StartNew();
        var at = Checkpoint.Read(last).Training!.Progress.Epochs;
        Assert.Equal(0, Shell.Riffle("train", "--resume", killed).ExitCode);
        foreach (var file in TinyDataset.ResultFiles)
            Assert.Equal(File.ReadAllBytes(Path.Combine(alone, file)), File.ReadAllBytes(Path.Combine(killed, file)));
        Assert.False(LeftAside(killed));
        output.WriteLine(
            $"{kills} kills, {beforeCheckpoint} of them before the first checkpoint, {whileWriting} while a file was being written; "
            + $"epoch {at} of {Epochs} was reached by then, the rest took {clock.Elapsed.TotalSeconds:0} s");
    }

    private static bool LeftAside(string run) => Directory.Exists(run)
        && Directory.EnumerateFiles(run, ".*.tmp-*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Any();

    private string[] Start(string run) => Shell.Arguments(
        "train", "--data", _data.DataFolder, "--model", "shufflenet-v1-g3-x0.25", "--out", run, "--size", "24", "--units", "1,1,1",
        "--epochs", $"{Epochs}", "--batch", "20", "--hue", "0.02", "--brightness", "0.2", "--contrast", "0.2", "--saturation", "0.2", "--threads", "2");
}
