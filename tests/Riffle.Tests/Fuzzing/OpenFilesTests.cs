using Riffle.Formats;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Fuzzing;

/// <summary>What fails leaves no file open: counted at once, without waiting for a finaliser. What is counted is the process's.</summary>
[Collection(nameof(Alone))]
public class OpenFilesTests
{
    public static TheoryData<string> Targets => [.. FuzzTargets.Names];

    [LinuxTheory]
    [MemberData(nameof(Targets))]
    public void A_reader_that_refuses_a_file_leaves_none_open(string name)
    {
        using var folder = new TemporaryFolder();
        var target = FuzzTargets.Make(name);
        target.Run(folder.Path, seed: 11, first: 0, count: 5);
        var before = Open(folder.Path);
        var (failure, refused) = target.Run(folder.Path, seed: 11, first: 5, count: 60);
        Assert.Null(failure);
        Assert.True(refused > 0 || name is "data set", "nothing was refused");
        Assert.Equal(before, Open(folder.Path));
    }

    [MountFact]
    public void Events_that_cannot_be_written_leave_no_file_open_and_none_behind()
    {
        using var folder = new TemporaryFolder();
        using var disk = Mount.Disk(folder.Path, 64);
        File.WriteAllBytes(folder.PathOf("filler"), new byte[64 << 10]);
        for (var i = 0; i < 5; i++)
            Assert.Contains("No space left", Assert.Throws<RiffleException>(() => new EventFileWriter(folder.Path)).Message);
        Assert.Empty(Open(folder.Path));
        Assert.Equal([folder.PathOf("filler")], Directory.GetFiles(folder.Path));
    }

    [LinuxFact]
    public void A_run_that_cannot_go_on_leaves_no_file_open()
    {
        using var data = new TinyDataset();
        using (var trainer = Trainer.Start(data.Open(), data.Spec(), TinyDataset.Recipe(), data.Run("run")))
            Assert.NotEmpty(Open(data.Folder));
        var shard = Directory.GetFiles(data.DataFolder, "train-*")[0];
        File.WriteAllBytes(shard, File.ReadAllBytes(shard)[..^5]);
        Assert.Throws<BadDataException>(() => Trainer.Resume(data.Run("run"), ImageCodec.Default));
        File.WriteAllBytes(Path.Combine(data.Run("run"), "checkpoints", "last.safetensors"), [1, 2, 3]);
        Assert.Throws<BadDataException>(() => Trainer.Resume(data.Run("run"), ImageCodec.Default));
        Assert.Empty(Open(data.Folder));
    }

    /// <summary>Open files below a folder.</summary>
    private static string[] Open(string folder) =>
    [
        .. Directory.GetFiles("/proc/self/fd").Select(fd => new FileInfo(fd).LinkTarget ?? "")
            .Where(path => path.StartsWith(folder, StringComparison.Ordinal)),
    ];
}
