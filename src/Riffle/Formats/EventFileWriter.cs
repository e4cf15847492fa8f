using Google.Protobuf;
using Riffle.Formats.Protos;

namespace Riffle.Formats;

/// <summary>
/// Writes events for TensorBoard like TensorFlow 2: a file of TFRecords, each an Event; the first states the version. Every writer begins its
/// own file, and TensorBoard shows the files of a folder as one curve, so a resumed run continues in a new file.
/// </summary>
internal sealed class EventFileWriter : IDisposable
{
    private static int _count;

    private readonly FileStream _stream;
    private readonly TFRecordWriter _records;
    private bool _isDisposed;

    /// <summary>Begins an events file in a folder, which is made where it is missing.</summary>
    /// <exception cref="RiffleException">The folder or the file can't be written.</exception>
    public EventFileWriter(string directory)
    {
        var now = DateTimeOffset.UtcNow;
        var number = Interlocked.Increment(ref _count) - 1;
        Path = System.IO.Path.Combine(
            directory, $"events.out.tfevents.{now.ToUnixTimeSeconds():D10}.{Environment.MachineName}.{Environment.ProcessId}.{number}.v2");
        try
        {
            Directory.CreateDirectory(directory);
            _stream = new FileStream(Path, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotWrite(Path, e);
        }

        _records = new TFRecordWriter(_stream);
        try
        {
            Write(new Event { WallTime = now.ToUnixTimeMilliseconds() / 1000.0, FileVersion = "brain.Event:2" });
            Flush();
        }
        catch
        {
            Abandon();
            throw;
        }
    }

    /// <summary>The events file.</summary>
    public string Path
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return field;
        }
    }

    /// <summary>Adds one point of a curve; it is in the file after the next <see cref="Flush"/>.</summary>
    /// <param name="tag">The curve's name.</param>
    /// <param name="step">The step or epoch.</param>
    /// <param name="value">The value.</param>
    /// <param name="wallTime">The time in seconds since 1970.</param>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public void Scalar(string tag, long step, float value, double wallTime) => Write(step, wallTime, EventValues.Scalar(tag, value));

    /// <summary>Adds how values are distributed: thirty buckets of the same width from the least to the largest.</summary>
    /// <param name="tag">Its name.</param>
    /// <param name="step">The step or epoch.</param>
    /// <param name="values">The values, all finite.</param>
    /// <param name="wallTime">The time in seconds since 1970.</param>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public void Histogram(string tag, long step, ReadOnlySpan<float> values, double wallTime) => Write(step, wallTime, EventValues.Histogram(tag, values));

    /// <summary>Adds images of one size.</summary>
    /// <param name="tag">Their name.</param>
    /// <param name="step">The step or epoch.</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="encoded">JPEG or PNG files.</param>
    /// <param name="wallTime">The time in seconds since 1970.</param>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public void Images(string tag, long step, int width, int height, IEnumerable<byte[]> encoded, double wallTime) =>
        Write(step, wallTime, EventValues.Images(tag, width, height, encoded));

    /// <summary>Adds a text in Markdown.</summary>
    /// <param name="tag">Its name.</param>
    /// <param name="step">The step or epoch.</param>
    /// <param name="text">The text.</param>
    /// <param name="wallTime">The time in seconds since 1970.</param>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public void Text(string tag, long step, string text, double wallTime) => Write(step, wallTime, EventValues.Text(tag, text));

    /// <summary>Adds the hyper-parameters of a training, once at its begin.</summary>
    /// <param name="values">Each a bool, a double or a string.</param>
    /// <param name="group">The same for trainings with the same ones.</param>
    /// <param name="wallTime">When it began, in seconds since 1970.</param>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public void HyperParameters(IReadOnlyDictionary<string, object> values, string group, double wallTime) =>
        Write(0, wallTime, EventValues.SessionStart(values, group, wallTime));

    /// <summary>Adds that a training has come to its end.</summary>
    /// <param name="wallTime">The time in seconds since 1970.</param>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public void Completed(double wallTime) => Write(0, wallTime, EventValues.SessionEnd(wallTime));

    /// <summary>Hands what was added to the system, where TensorBoard sees it.</summary>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public void Flush() => Guard(_stream.Flush);

    /// <summary>Flushes and closes the file.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        Guard(_records.Dispose);
        _isDisposed = true;
    }

    private void Write(long step, double wallTime, Summary.Types.Value value) =>
        Write(new Event { WallTime = wallTime, Step = step, Summary = new Summary { Value = { value } } });

    /// <summary>Deletes the file if it is empty. Reports the first error.</summary>
    private void Abandon()
    {
        try
        {
            _stream.Dispose();
        }
        catch (IOException)
        {
        }

        AtomicFile.Discard(Path);
    }

    private void Write(Event e) => Guard(() => _records.Write(e.ToByteArray()));

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (IOException e)
        {
            throw AtomicFile.CannotWrite(Path, e);
        }
    }
}
