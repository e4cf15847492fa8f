using Riffle.Training;

namespace Riffle.Tests.Training;

[Collection(nameof(Alone))]
public sealed class StreamingThreadsTests : IDisposable
{
    private readonly TinyDataset _data = new();

    public void Dispose() => _data.Dispose();

    /// <summary>Linux tells the names of a process's threads.</summary>
    [Fact]
    public void Images_that_are_read_anew_are_decoded_by_as_many_threads_as_compute()
    {
        if (!OperatingSystem.IsLinux())
            return;
        Assert.Equal(0, Loading());
        using (Trainer.Start(_data.Open(), _data.Spec(), TinyDataset.Recipe(), _data.Run("run"), new() { Threads = 7, ImageMemory = 0 }))
            Assert.Equal(7 + 7, Loading());

        // Batches of images in memory are made in a moment.
        using (Trainer.Resume(_data.Run("run"), ImageCodec.Default, threads: 7))
            Assert.Equal(4 + 4, Loading());
        using (Trainer.Resume(_data.Run("run"), ImageCodec.Default, threads: 1, imageMemory: 0))
            Assert.Equal(1 + 1, Loading());

        static int Loading() => Directory.GetDirectories("/proc/self/task").Count(task => File.ReadAllText(Path.Combine(task, "comm")) == "Riffle batches\n");
    }
}
