using System.Diagnostics;
using Riffle.Models;
using Riffle.Tests.Cli;
using Riffle.Tests.Training;

namespace Riffle.Tests.Soak;

/// <summary>Hours in small: memory stays flat. Run by name, for they take minutes.</summary>
[Trait("Category", "soak")]
[Collection(nameof(Alone))]
public class SoakTests(ITestOutputHelper output)
{
    private const int Predictions = 1_000_000;
    private static readonly TimeSpan TrainingTime = TimeSpan.FromMinutes(3);

    /// <summary>Epochs of 25 steps with augmentation, validation, events and checkpoints, again and again, in a process of its own.</summary>
    [Fact]
    public void Memory_of_a_training_is_flat()
    {
        using var data = new TinyDataset(train: 800, validation: 200);
        var run = data.Run("run");
        var clock = Stopwatch.StartNew();
        using var process = Shell.Start("dotnet", Shell.Arguments(
            "train", "--data", data.DataFolder, "--model", "shufflenet-v1-g3-x0.25", "--out", run, "--size", "28", "--epochs", "100000", "--batch", "32",
            "--hue", "0.02", "--brightness", "0.2", "--contrast", "0.2", "--saturation", "0.2", "--checkpoint-minutes", "0.01", "--threads", "2"));
        _ = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        var watch = new MemoryWatch(process);
        try
        {
            while (clock.Elapsed < TrainingTime)
            {
                Thread.Sleep(1000);
                Assert.False(process.HasExited);
                watch.Sample();
            }
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }

        var progress = Checkpoint.Read(Path.Combine(run, "checkpoints", "last.safetensors")).Training!.Progress;
        output.WriteLine($"{progress.Epochs} epochs of 25 steps of 32 images, each with validation and checkpoints, in {clock.Elapsed.TotalSeconds:0} s");
        watch.RequireFlat(output, "Resident memory of a training", "seconds");
    }

    /// <summary>A million pictures, from JPEG to probabilities, by two threads that share a classifier.</summary>
    [Fact]
    public void Memory_of_a_million_predictions_is_flat()
    {
        using var classifier = Classifier.Load(Path.Combine(Shell.Root, "models", "shufflenet-v1-g3-x0.25.safetensors"));
        var jpegs = Enumerable.Range(0, 16).Select(i => TinyDataset.Jpeg(i % 3, seed: i)).ToArray();
        var expected = jpegs.Select(jpeg => classifier.Classify(jpeg, "first")[0]).ToArray();
        using var process = Process.GetCurrentProcess();
        var (watch, clock, done) = (new MemoryWatch(process), Stopwatch.StartNew(), 0);
        var wrong = 0;
        Thread[] threads = [new(Predict), new(Predict)];
        foreach (var thread in threads)
            thread.Start();
        while (!threads[0].Join(500) || !threads[1].Join(0))
            watch.Sample();
        Assert.Equal(0, wrong);
        output.WriteLine($"{Predictions:N0} predictions in {clock.Elapsed.TotalSeconds:0} s");
        watch.RequireFlat(output, "Resident memory of a million predictions", "half seconds");

        void Predict()
        {
            for (int i; (i = Interlocked.Increment(ref done)) <= Predictions;)
            {
                if (classifier.Classify(jpegs[i % jpegs.Length], "again")[0] != expected[i % jpegs.Length])
                    Interlocked.Increment(ref wrong);
            }
        }
    }
}
