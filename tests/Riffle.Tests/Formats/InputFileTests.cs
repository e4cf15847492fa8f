using Riffle.Data.Sources;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Tests.Cli;

namespace Riffle.Tests.Formats;

public sealed class InputFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(10_000)]
    public void A_stream_is_read_to_its_end_and_no_further_than_was_said(int length)
    {
        var bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        foreach (var seeks in (bool[])[true, false])
        {
            Assert.Equal(bytes, InputFile.ReadAll(new Pipe(bytes, seeks), 10_000));
            Assert.Equal(bytes, InputFile.ReadAll(new Pipe(bytes, seeks), length));
            if (length > 0)
                Assert.Null(InputFile.ReadAll(new Pipe(bytes, seeks), length - 1));

            var stream = new Pipe(bytes, seeks);
            var start = InputFile.ReadStart(stream, 100);
            Assert.Equal(bytes[..Math.Min(100, length)], start);
            Assert.Equal(bytes, InputFile.ReadAll(stream, length, start));
        }
    }

    [LinuxFact]
    public void What_never_ends_is_read_to_the_limit() =>
        Assert.Contains("100 MB", Assert.Throws<BadDataException>(() => InputFile.ReadDocument("/dev/zero")).Message);

    [UnixFact]
    public void A_pipe_is_waited_for_until_it_is_stopped()
    {
        var pipe = _folder.PathOf("pipe");
        Shell.Run("mkfifo", [pipe]);
        using var stop = new CancellationTokenSource(50);
        Assert.ThrowsAny<OperationCanceledException>(() => InputFile.Open(pipe, stop.Token));
    }

    /// <summary>A pipe into which nobody writes held up whoever opened it without end, and Ctrl+C did not help.</summary>
    [UnixFact]
    public void Readers_of_sources_records_and_weights_do_not_wait_for_a_pipe_without_end()
    {
        var pipe = _folder.PathOf("pipe");
        Shell.Run("mkfifo", [pipe]);
        Action[] readers =
        [
            () => SourceContainer.Open(pipe), () => TFRecordFile.Open(pipe), () => TensorFile.Read(pipe), () => Checkpoint.Load(pipe), () => OnnxFile.Read(pipe),
        ];
        Parallel.ForEach(readers, reader => Assert.Contains("pipe", Assert.ThrowsAny<RiffleException>(reader).Message));
    }

    [Fact]
    public void A_folder_is_called_one() => Assert.Contains("a folder", Assert.Throws<IOException>(() => InputFile.Open(_folder.Path)).Message);

    /// <summary>Gives at most seven bytes at a time.</summary>
    private sealed class Pipe(byte[] bytes, bool seeks) : MemoryStream(bytes)
    {
        public override bool CanSeek => seeks;

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 7));

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 7)]);
    }
}
