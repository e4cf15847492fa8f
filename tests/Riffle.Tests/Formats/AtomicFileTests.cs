using Riffle.Formats;

namespace Riffle.Tests.Formats;

public class AtomicFileTests
{
    [Fact]
    public void A_file_is_created_and_replaced_and_nothing_else_is_left()
    {
        using var folder = new TemporaryFolder();
        string path = folder.PathOf("run.json");
        AtomicFile.WriteText(path, "first");
        AtomicFile.WriteText(path, "zweite Fassung, kürzer");
        Assert.Equal("zweite Fassung, kürzer"u8.ToArray(), File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void While_it_is_written_the_old_file_stands_and_after_a_failure_too()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Add("last.safetensors", [1, 2, 3]);
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, stream =>
        {
            stream.Write(new byte[100_000]);
            stream.Flush();
            Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
            Assert.Equal(2, Directory.GetFileSystemEntries(folder.Path).Length);
            throw new InvalidOperationException();
        }));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_full_disk_is_told_with_the_path()
    {
        using var folder = new TemporaryFolder();
        string path = folder.PathOf("best.safetensors");
        var e = Assert.Throws<RiffleException>(() => AtomicFile.Write(path, _ => throw new IOException("No space left on device.")));
        Error.Names(e.Message, $"{path}: ", "No space left on device");
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_folder_that_is_missing_or_a_file_in_its_place_is_told_with_the_path()
    {
        using var folder = new TemporaryFolder();
        folder.Add("file", []);
        Directory.CreateDirectory(folder.PathOf("folder"));
        foreach (string name in new[] { "missing/run.json", "file/run.json", "folder" })
        {
            string path = folder.PathOf(name);
            Assert.StartsWith($"{path}: ", Assert.Throws<RiffleException>(() => AtomicFile.WriteText(path, "")).Message);
        }

        Assert.Equal(2, Directory.GetFileSystemEntries(folder.Path).Length);
    }

    [Fact]
    public void Writers_at_the_same_time_leave_one_whole_file()
    {
        using var folder = new TemporaryFolder();
        string path = folder.PathOf("metrics.csv");
        Parallel.For(0, 16, i => AtomicFile.WriteText(path, new string((char)('a' + i), 10_000)));
        string text = File.ReadAllText(path);
        Assert.Equal(new string(text[0], 10_000), text);
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData("/dev/null", true)]
    [InlineData("/dev/stdout", true)]
    [InlineData("/proc/self/mem", true)]
    [InlineData("/dev/shm/model.onnx", false)]
    [InlineData("/home/dev/null", false)]
    public void Devices_are_never_replaced(string path, bool isDevice)
    {
        if (OperatingSystem.IsWindows())
            return;
        Assert.Equal(isDevice, AtomicFile.IsDevice(path));
        if (isDevice)
            Error.Names(Assert.Throws<RiffleException>(() => AtomicFile.WriteText(path, "text")).Message, $"{path}: ", "device");
    }
}
