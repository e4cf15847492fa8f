using Riffle.Models;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Training;

/// <summary>What disks do to a training: it says so, the last good checkpoint stays, and the run goes on once the disk is well, to the same files.</summary>
public sealed class DiskTests : IDisposable
{
    private readonly TinyDataset _data = new();
    private readonly string _disk;

    public DiskTests() => _disk = Directory.CreateDirectory(_data.Run("disk")).FullName;

    private string Folder => Path.Combine(_disk, "run");

    private string Last => Path.Combine(Folder, "checkpoints", "last.safetensors");

    public void Dispose() => _data.Dispose();

    /// <summary>With so much room left, as a part of a checkpoint's size, that one or another of an epoch's files is the first that does not fit.</summary>
    [MountTheory]
    [InlineData(0)]
    [InlineData(0.1)]
    [InlineData(0.4)]
    [InlineData(0.7)]
    [InlineData(0.95)]
    public void A_disk_that_fills_up_loses_no_checkpoint_and_the_run_goes_on_when_there_is_room(double left)
    {
        using var disk = Mount.Disk(_disk, 4096);
        var filler = Path.Combine(_disk, "filler");
        var message = Break(() => Fill(filler, (int)(left * new FileInfo(Last).Length)), 2);
        Assert.Contains("No space left on device", message);
        Assert.Contains(Folder, message);
        Assert.Equal((1, 0), Place());
        Assert.Empty(LeftAside());

        // It says the same while the disk is full, and harms nothing.
        if (left == 0)
        {
            Assert.Contains("No space left", Assert.Throws<RiffleException>(() => Trainer.Resume(Folder, ImageCodec.Default)).Message);
            Assert.Equal((1, 0), Place());
        }

        File.Delete(filler);
        GoOn(Folder);
    }

    [MountFact]
    public void A_run_cannot_begin_on_a_full_disk_and_begins_there_when_there_is_room()
    {
        using var disk = Mount.Disk(_disk, 4096);
        var filler = Path.Combine(_disk, "filler");
        Fill(filler, left: 0);
        Assert.Contains("No space left", Assert.Throws<RiffleException>(() => Start(Folder)).Message);
        Fill(filler, left: 12 << 10);
        Assert.Contains("No space left", Assert.Throws<RiffleException>(() => Start(Folder)).Message);
        File.Delete(filler);
        using (var trainer = Start(Folder))
            Assert.True(trainer.Run().Completed);
        AssertSameAsUndisturbed(Folder);
    }

    [MountFact]
    public void A_disk_that_becomes_read_only_loses_no_checkpoint()
    {
        Mount? disk = null;
        var message = Break(() => disk = Mount.ReadOnly(_disk), 2);
        try
        {
            Assert.Contains("Read-only file system", message);
            Assert.Contains(Folder, message);
            Assert.Equal((1, 0), Place());
            foreach (var error in new[]
            {
                Assert.Throws<RiffleException>(() => Trainer.Resume(Folder, ImageCodec.Default)).Message,
                Assert.Throws<RiffleException>(() => Start(Path.Combine(_disk, "other"))).Message,
            })
            {
                Assert.Contains("Read-only file system", error);
                Assert.DoesNotContain("another process", error);
            }
        }
        finally
        {
            disk!.Dispose();
        }

        GoOn(Folder);
    }

    [Fact]
    public void A_folder_that_is_moved_takes_its_checkpoint_along_and_goes_on_there()
    {
        var moved = Path.Combine(_disk, "moved");
        var message = Break(() => Directory.Move(Folder, moved), 2);
        Assert.Contains(Folder, message);
        Assert.False(Directory.Exists(Folder));
        GoOn(moved);
    }

    [Fact]
    public void A_folder_that_vanishes_is_an_error_and_does_not_come_back_half()
    {
        var message = Break(() => Directory.Delete(Folder, recursive: true), 2);
        Assert.Contains(Folder, message);
        Assert.False(Directory.Exists(Folder));
    }

    /// <summary>The old process must not write its checkpoints into the new one's folder.</summary>
    [Riffle.Tests.Cli.UnixFact]
    public void A_run_that_begins_where_another_was_is_left_alone_by_that_one()
    {
        Trainer? second = null;
        var message = Break(
            () =>
            {
                Directory.Delete(Folder, recursive: true);
                second = Start(Folder, seed: 99);
            },
            2);
        Error.Names(message, Folder, ".lock");
        Assert.Equal(99UL, Checkpoint.Read(Last).Training!.Seed);
        using (second)
            Assert.True(second!.Run().Completed);
        Assert.Equal(99UL, Checkpoint.Read(Last).Training!.Seed);
    }

    [Fact]
    public void What_a_process_that_was_killed_left_half_written_is_gone_after_a_resume()
    {
        Start(Folder).Dispose();
        File.Copy(Last, Path.Combine(Folder, "checkpoints", ".last.safetensors.tmp-4242-7"));
        File.WriteAllText(Path.Combine(Folder, ".metrics.csv.tmp-4242-6"), "epoch,");
        Assert.Equal(2, LeftAside().Count());
        GoOn(Folder);
        Assert.Empty(LeftAside());
    }

    [Fact]
    public void A_data_set_that_is_moved_while_it_is_streamed_is_read_on_and_asked_for_by_a_resume()
    {
        var away = _data.Run("away");
        using (var trainer = Trainer.Start(_data.Open(), _data.Spec(), TinyDataset.Recipe(), Folder, new() { Seed = 3, Threads = 1, ImageMemory = 0 }))
            Assert.True(trainer.Run(new After(1, () => Directory.Move(_data.DataFolder, away))).Completed);
        Assert.Contains(_data.DataFolder, Assert.Throws<RiffleException>(() => Trainer.Resume(Folder, ImageCodec.Default)).Message);
        using (var trainer = Trainer.Resume(Folder, ImageCodec.Default, away, imageMemory: 0))
            Assert.True(trainer.Run().Completed);
    }

    [Fact]
    public void A_data_set_that_is_damaged_while_it_is_streamed_is_an_error_that_names_it()
    {
        string[] shards = [.. Directory.GetFiles(_data.DataFolder, "train-*")];
        byte[][] whole = [.. shards.Select(File.ReadAllBytes)];
        void Damage() => Array.ForEach(shards, shard => File.WriteAllBytes(shard, new byte[new FileInfo(shard).Length]));
        using (var trainer = Trainer.Start(_data.Open(), _data.Spec(), TinyDataset.Recipe(), Folder, new() { Seed = 3, Threads = 2, ImageMemory = 0 }))
            Assert.Contains(_data.DataFolder, Assert.Throws<BadDataException>(() => trainer.Run(new After(1, Damage))).Message);
        Assert.Equal((1, 0), Place());
        foreach (var (shard, bytes) in shards.Zip(whole))
            File.WriteAllBytes(shard, bytes);
        using (var trainer = Trainer.Resume(Folder, ImageCodec.Default, imageMemory: 0))
            Assert.True(trainer.Run().Completed);
    }

    private static TrainingRecord Read(string last) => Checkpoint.Read(last).Training!;

    private (int Epochs, int Steps) Place() => (Read(Last).Progress.Epochs, Read(Last).Progress.Steps);

    private Trainer Start(string folder, ulong seed = 3) => Trainer.Start(_data.Open(), _data.Spec(), TinyDataset.Recipe(), folder, new() { Seed = seed, Threads = 1 });

    /// <summary>Trains until the end of the first epoch, lets something happen, and returns what the training says to it.</summary>
    private string Break(Action happening, int threads)
    {
        using var trainer = Trainer.Start(_data.Open(), _data.Spec(), TinyDataset.Recipe(), Folder, new() { Seed = 3, Threads = threads });
        return Assert.Throws<RiffleException>(() => trainer.Run(new After(1, happening))).Message;
    }

    private void GoOn(string folder)
    {
        using (var trainer = Trainer.Resume(folder, ImageCodec.Default, threads: 1))
            Assert.True(trainer.Run().Completed);
        AssertSameAsUndisturbed(folder);
    }

    private void AssertSameAsUndisturbed(string folder)
    {
        using (var trainer = Start(_data.Run("undisturbed")))
            Assert.True(trainer.Run().Completed);
        foreach (var file in TinyDataset.ResultFiles)
            Assert.Equal(File.ReadAllBytes(Path.Combine(_data.Run("undisturbed"), file)), File.ReadAllBytes(Path.Combine(folder, file)));
    }

    private IEnumerable<string> LeftAside() =>
        Directory.EnumerateFiles(Folder, ".*.tmp-*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 });

    /// <summary>Writes a file until the disk is full, and takes so many bytes of it back.</summary>
    private static void Fill(string file, int left)
    {
        using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var piece = new byte[4096];
        try
        {
            while (true)
                stream.Write(piece);
        }
        catch (IOException)
        {
            stream.SetLength(Math.Max(0, stream.Length - left));
        }
    }

    private sealed class After(int epoch, Action happening) : ITrainingObserver
    {
        public void EpochEnded(EpochReport report)
        {
            if (report.Metrics.Epoch == epoch)
                happening();
        }
    }
}
