using System.Diagnostics;
using Riffle.Cli;
using Riffle.Models;
using Riffle.Tests.Cli;

namespace Riffle.Tests.Training;

/// <summary>Ctrl+C, SIGTERM and SIGHUP to a training that runs as a process. Some take as long as slow steps do: run by name.</summary>
[Trait("Category", "crash")]
public sealed class SignalTests : IDisposable
{
    private static readonly string[] Tiny = ["--model", "shufflenet-v1-g3-x0.25", "--size", "24", "--units", "1,1,1", "--batch", "20"];

    /// <summary>Plain code and a wide network: a step takes seconds, in which there is time for a second signal.</summary>
    private static readonly string[] Slow = ["--model", "mobilenet-v1-x1.0", "--size", "48", "--batch", "60", "--epochs", "2"];

    private static readonly Dictionary<string, string> PlainCode = new() { ["RIFFLE_VECTOR"] = "1" };

    private readonly TinyDataset _data = new(train: 60, validation: 30);

    public void Dispose() => _data.Dispose();

    [UnixTheory]
    [InlineData("INT", ExitCode.Interrupted)]
    [InlineData("TERM", ExitCode.Terminated)]
    [InlineData("HUP", ExitCode.HungUp)]
    public void A_run_that_is_interrupted_again_and_again_ends_with_the_same_files(string signal, int expected)
    {
        string[] options = [.. Tiny, "--epochs", "400"];
        Assert.Equal(0, Shell.Riffle(Start("alone", options)).ExitCode);
        var (run, random, interrupted) = (_data.Run("run"), new Random(4), 0);
        while (interrupted < 6)
        {
            using var process = Shell.Start("dotnet", Shell.Arguments(interrupted == 0 ? Start("run", options) : ["train", "--resume", run]));

            // Epochs, not seconds: however slow the machine is just now, it has learnt something and is not through. Then anywhere within an epoch.
            var next = random.Next(1, 40) + (interrupted == 0 ? 0 : Place("run").Epochs);
            WaitFor(process, () => File.Exists(Last("run")) && Place("run").Epochs >= next);
            Thread.Sleep(random.Next(30));
            Send(signal, process);
            var result = Shell.Finish(process);
            Assert.Equal(expected, result.ExitCode);
            Assert.Equal("", result.Output);
            interrupted++;
        }

        Assert.InRange(Place("run").Epochs, 1, 399);
        Assert.Equal(0, Shell.Riffle("train", "--resume", run).ExitCode);
        AssertSame("alone", "run");
    }

    /// <summary>The first asks, and the step goes on; the second is obeyed at once. What was saved before is good, and the run goes on from there.</summary>
    [UnixTheory]
    [InlineData("INT", ExitCode.Interrupted)]
    [InlineData("TERM", ExitCode.Terminated)]
    [InlineData("HUP", ExitCode.HungUp)]
    public void A_second_signal_while_the_step_goes_on_ends_it_at_once_without_harm(string signal, int expected)
    {
        using var process = Shell.Start("dotnet", Shell.Arguments(Start("run", Slow)), environment: PlainCode);
        WaitFor(process, () => File.Exists(Last("run")));
        var before = File.ReadAllBytes(Last("run"));
        Thread.Sleep(300);
        Send(signal, process);
        Thread.Sleep(400);
        Assert.False(process.HasExited, "the step had ended already: it has to be longer");
        var clock = Stopwatch.StartNew();
        Send(signal, process);
        var result = Shell.Finish(process);
        Assert.Equal(expected, result.ExitCode);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 1.5);
        Assert.DoesNotContain("everything is saved", result.Error);
        Assert.Equal(before, File.ReadAllBytes(Last("run")));

        Assert.Equal(0, Shell.Run("dotnet", Shell.Arguments("train", "--resume", _data.Run("run")), environment: PlainCode).ExitCode);
        Assert.Equal(0, Shell.Run("dotnet", Shell.Arguments(Start("alone", Slow)), environment: PlainCode).ExitCode);
        AssertSame("alone", "run");
    }

    [UnixFact]
    public void A_second_process_on_the_same_run_is_refused_and_the_first_is_not_disturbed()
    {
        string[] options = [.. Tiny, "--epochs", "300"];
        Assert.Equal(0, Shell.Riffle(Start("alone", options)).ExitCode);
        using var process = Shell.Start("dotnet", Shell.Arguments(Start("run", options)));
        WaitFor(process, () => File.Exists(Last("run")));
        foreach (var second in (string[][])[["train", "--resume", _data.Run("run")], Start("run", options)])
        {
            var refused = Shell.Riffle(second);
            Assert.Equal(ExitCode.Failed, refused.ExitCode);
            Assert.Contains($"{_data.Run("run")}: another process is training in this folder", refused.Error);
        }

        Assert.False(process.HasExited, "the first run had ended already: it has to be longer");
        Assert.Equal(0, Shell.Finish(process).ExitCode);
        AssertSame("alone", "run");
    }

    private string[] Start(string run, string[] options) => ["train", "--data", _data.DataFolder, "--out", _data.Run(run), "--threads", "2", .. options];

    private string Last(string run) => Path.Combine(_data.Run(run), "checkpoints", "last.safetensors");

    private Progress Place(string run) => Checkpoint.Read(Last(run)).Training!.Progress;

    private void AssertSame(string expected, string actual)
    {
        foreach (var file in TinyDataset.ResultFiles)
            Assert.Equal(File.ReadAllBytes(Path.Combine(_data.Run(expected), file)), File.ReadAllBytes(Path.Combine(_data.Run(actual), file)));
    }

    private static void WaitFor(Process process, Func<bool> underWay)
    {
        for (var waited = Stopwatch.StartNew(); !underWay(); Thread.Sleep(20))
            Assert.False(process.HasExited || waited.Elapsed > TimeSpan.FromMinutes(2), "the run did not begin");
    }

    private static void Send(string signal, Process process) => Assert.Equal(0, Shell.Run("kill", ["-" + signal, $"{process.Id}"]).ExitCode);
}
