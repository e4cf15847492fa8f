using System.Diagnostics;
using System.Globalization;
using Riffle.Distribution.Mpi;
using Riffle.Models;
using Riffle.Tests.Cli;
using Riffle.Tests.Training;

namespace Riffle.Tests.Distribution;

/// <summary>Trainings that <c>mpirun</c> starts, on this machine. Run by name; a library of MPI that is not there is skipped.</summary>
[Trait("Category", "mpi")]
public sealed class MpiTests : IDisposable
{
    private static readonly string[] Options = ["--size", "24", "--batch", "40", "--threads", "1", "--checkpoint-minutes", "0.002"];

    private readonly TinyDataset _data = new(train: 160, validation: 150);

    public static TheoryData<string> Libraries => [.. Launcher.Known.Select(launcher => launcher.Library)];

    public static TheoryData<string, string, int> Trainings
    {
        get
        {
            var trainings = new TheoryData<string, string, int>();
            foreach (var launcher in Launcher.Known)
            {
                foreach (var (model, ranks) in new[] { ("shufflenet-v1-g3-x0.25", 4), ("shufflenet-v2-x0.5", 2), ("mobilenet-v1-x0.25", 2) })
                    trainings.Add(launcher.Library, model, ranks);
            }

            return trainings;
        }
    }

    public void Dispose() => _data.Dispose();

    [Theory]
    [MemberData(nameof(Trainings))]
    public void Each_family_leaves_the_files_of_one_process(string library, string model, int ranks)
    {
        var launcher = Launcher.Of(library);
        string[] Train(string run) => ["train", "--data", _data.DataFolder, "--out", _data.Run(run), "--model", model, "--epochs", "3", .. Options];
        Assert.Equal(0, Shell.Riffle(Train("alone")).ExitCode);
        var result = launcher.Run(ranks, Train("together"));
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains($"{ranks} ranks on 1 machine", result.Error);
        Assert.Single(result.Output.Split('\n'), line => line.StartsWith("Best: ", StringComparison.Ordinal));
        AssertSame("alone", "together");
    }

    /// <summary>All ranks end within seconds, whichever is killed and whenever; other numbers of ranks go on, and nothing is lost.</summary>
    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_job_whose_ranks_are_killed_again_and_again_ends_with_the_same_files(string library)
    {
        const int Kills = 15;
        var launcher = Launcher.Of(library);
        string[] start = ["train", "--data", _data.DataFolder, "--model", "shufflenet-v1-g3-x0.25", "--epochs", "150", .. Options];
        Assert.Equal(0, Shell.Riffle([.. start, "--out", _data.Run("alone")]).ExitCode);
        var (random, run, longest) = (new Random(3), _data.Run("run"), TimeSpan.Zero);
        for (var kill = 0; kill < Kills; kill++)
        {
            var ranks = random.Next(2, 4);
            using var job = launcher.Start(ranks, kill == 0 ? [.. start, "--out", run] : ["train", "--resume", run, "--threads", "1", "--checkpoint-minutes", "0.002"]);
            _ = job.StandardOutput.ReadToEndAsync();
            _ = job.StandardError.ReadToEndAsync();
            var since = kill == 0 ? DateTime.MinValue : File.GetLastWriteTimeUtc(Last("run"));
            WaitFor(job, () => File.Exists(Last("run")) && File.GetLastWriteTimeUtc(Last("run")) > since);
            Thread.Sleep(random.Next(60));
            var victims = RanksOf(run);
            Assert.Equal(ranks, victims.Length);
            var clock = Stopwatch.StartNew();
            Assert.Equal(0, Shell.Run("kill", ["-KILL", $"{victims[random.Next(ranks)]}"]).ExitCode);
            Assert.True(job.WaitForExit(TimeSpan.FromSeconds(20)), "the job goes on without one of its ranks");
            Assert.NotEqual(0, job.ExitCode);
            while (RanksOf(run).Length > 0)
                Assert.InRange(clock.Elapsed.TotalSeconds, 0, 20);
            longest = clock.Elapsed > longest ? clock.Elapsed : longest;
        }

        Assert.InRange(Checkpoint.Read(Last("run")).Training!.Progress.Epochs, 0, 149);
        Assert.Equal(0, launcher.Run(4, ["train", "--resume", run, "--threads", "1"]).ExitCode);
        AssertSame("alone", "run");
        TestContext.Current.TestOutputHelper?.WriteLine($"{library}: {Kills} kills, the longest took {longest.TotalSeconds:0.0} s to end all ranks");
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_rank_with_other_options_is_named_and_ends_the_job(string library)
    {
        var launcher = Launcher.Of(library);
        string[] Train(string seed) => ["train", "--data", _data.DataFolder, "--out", _data.Run("run"), "--model", "shufflenet-v1-g3-x0.25", "--seed", seed, .. Options];
        var clock = Stopwatch.StartNew();
        var result = launcher.Run(1, [.. Train("1"), ":", "-n", "1", "dotnet", .. Shell.Arguments(Train("2"))]);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Matches(@"^riffle: rank 0 \(.*\): rank 1 \(.*\) has another seed than rank 0 \(.*\): 2 instead of 1\.", Assert.Single(Errors(result)));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 30);
        Assert.False(Directory.Exists(_data.Run("run")));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void An_error_of_one_rank_alone_names_it_and_ends_the_job(string library)
    {
        var launcher = Launcher.Of(library);
        string[] Train(string data) => ["train", "--data", data, "--out", _data.Run("run"), "--model", "shufflenet-v1-g3-x0.25", .. Options];
        var result = launcher.Run(1, [.. Train(_data.DataFolder), ":", "-n", "1", "dotnet", .. Shell.Arguments(Train(_data.Run("nowhere")))]);
        Assert.NotEqual(0, result.ExitCode);
        var error = Assert.Single(Errors(result));
        Assert.StartsWith("riffle: rank 1 (", error);
        Assert.Contains(_data.Run("nowhere"), error);
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Wrong_usage_is_told_once(string library)
    {
        var launcher = Launcher.Of(library);
        var result = launcher.Run(3, ["train", "--epoks", "3"]);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Single(result.Error.Split('\n'), line => line.Contains("--epoks", StringComparison.Ordinal));
        result = launcher.Run(3, ["summary"]);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("'riffle summary' runs in one process", Assert.Single(Errors(result)));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_reproduction_with_a_teacher_gives_the_same_networks(string library)
    {
        var launcher = Launcher.Of(library);
        string[] Reproduce(string name) =>
        [
            "reproduce", "--data", _data.DataFolder, "--out", _data.Run(name), "--models", "shufflenet-v1-g2-x0.25", "--teacher", "shufflenet-v1-g3-x0.25",
            "--epochs", "1", "--recipe", "best", "--threads", "1",
        ];
        Assert.Equal(0, Shell.Riffle(Reproduce("alone")).ExitCode);
        var result = launcher.Run(2, Reproduce("together"));
        Assert.True(result.ExitCode == 0, result.Error);
        foreach (var file in new[] { "models/teachers/shufflenet-v1-g3-x0.25.safetensors", "models/shufflenet-v1-g2-x0.25.safetensors", "soft-labels/soft-labels.json" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(_data.Run("alone"), file)), File.ReadAllBytes(Path.Combine(_data.Run("together"), file)));

        // Rank 0 alone verifies, and does not leave the other waiting.
        Assert.Contains("shufflenet-v1-g2-x0.25", launcher.Run(2, [.. Reproduce("together"), "--verify"]).Output);
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_benchmark_measures_all_ranks_together(string library)
    {
        var result = Launcher.Of(library).Run(2, ["benchmark", "shufflenet-v1-g3-x0.25", "--train-batch", "16", "--threads", "1", "--seconds", "0.3", "--size", "24"]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Matches(@"shufflenet-v1-g3-x0\.25 +2 +1 +16 +[\d.]+ +[\d.]+ +[\d.]+ \+ [\d.]+ +[\d,]+ +[\d.]+ % +[\d.]+ +[\d.]+ +[\d.]+ %", result.Output);
    }

    private static string[] Errors(Shell.Result result) =>
        [.. result.Error.Split('\n').Where(line => line.StartsWith("riffle: ", StringComparison.Ordinal))];

    private string Last(string run) => RunFolder.LastOf(_data.Run(run));

    private void AssertSame(string expected, string actual)
    {
        foreach (var file in TinyDataset.ResultFiles)
            Assert.Equal(File.ReadAllBytes(Path.Combine(_data.Run(expected), file)), File.ReadAllBytes(Path.Combine(_data.Run(actual), file)));
    }

    /// <summary>The processes that train in a run folder, without their launchers.</summary>
    private static int[] RanksOf(string run) =>
    [
        .. Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!, CultureInfo.InvariantCulture)).Where(id =>
        {
            try
            {
                return File.ReadAllText($"/proc/{id}/cmdline").Split('\0') is ["dotnet" or [.., '/', 'd', 'o', 't', 'n', 'e', 't'], ..] words && words.Contains(run);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return false; // it has just ended
            }
        }),
    ];

    private static void WaitFor(Process process, Func<bool> underWay)
    {
        for (var waited = Stopwatch.StartNew(); !underWay(); Thread.Sleep(5))
            Assert.False(process.HasExited || waited.Elapsed > TimeSpan.FromMinutes(1), "the run did not begin");
    }

    /// <summary>A launcher of MPI.</summary>
    private sealed record Launcher(string Library, string[] Programs, string[] Arguments)
    {
        public static Launcher[] Known { get; } =
        [
            new("Open MPI", ["mpirun.openmpi", "mpirun"], ["--allow-run-as-root", "--oversubscribe"]),
            new("MPICH", ["mpirun.mpich", "mpirun"], []),
        ];

        private static Dictionary<string, string?> Found { get; } = Known.ToDictionary(launcher => launcher.Library, launcher => launcher.Find());

        public static Launcher Of(string library)
        {
            if (Found[library] is null)
                Assert.Skip($"{library} is not installed (Debian: apt-get install {(library == "MPICH" ? "mpich" : "openmpi-bin")})");
            return Known.Single(launcher => launcher.Library == library);
        }

        public Shell.Result Run(int ranks, string[] args)
        {
            using var process = Start(ranks, args);
            return Shell.Finish(process);
        }

        public Process Start(int ranks, string[] args) => Shell.Start(
            Found[Library]!, [.. Arguments, "-n", $"{ranks}", "dotnet", .. Shell.Arguments(args)], environment: new Dictionary<string, string> { [Launch.LibraryVariable] = "" });

        private string? Find()
        {
            foreach (var program in Programs)
            {
                try
                {
                    var version = Shell.Run(program, ["--version"]);
                    if (version.ExitCode == 0 && version.Output.Contains(Library == "MPICH" ? "HYDRA" : Library, StringComparison.Ordinal))
                        return program;
                }
                catch (System.ComponentModel.Win32Exception)
                {
                    // It is not there.
                }
            }

            return null;
        }
    }
}
