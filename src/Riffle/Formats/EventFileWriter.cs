using System.Buffers.Binary;
using Google.Protobuf;
using Riffle.Formats.Protos;

namespace Riffle.Formats;

/// <summary>
/// Writes scalars for TensorBoard as TensorFlow 2 does: a file of TFRecords, each an Event; the first says the version. Every writer begins a file of its
/// own, and TensorBoard shows the files of a folder as one curve, so a resumed run goes on in a new file.
/// </summary>
public sealed class EventFileWriter : IDisposable
{
    static int _count;

    readonly FileStream _stream;
    readonly TFRecordWriter _records;

    /// <summary>Begins an events file in a folder, which is made where it is missing.</summary>
    /// <exception cref="RiffleException">The folder or the file can't be written.</exception>
    public EventFileWriter(string directory)
    {
        var now = DateTimeOffset.UtcNow;
        int number = Interlocked.Increment(ref _count) - 1;
        Path = System.IO.Path.Combine(
            directory, $"events.out.tfevents.{now.ToUnixTimeSeconds():D10}.{Environment.MachineName}.{Environment.ProcessId}.{number}.v2");
        try
        {
            Directory.CreateDirectory(directory);
            _stream = new FileStream(Path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
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
    public string Path { get; }

    /// <summary>Adds one point of a curve; it is in the file after the next <see cref="Flush"/>.</summary>
    /// <param name="tag">The curve's name.</param>
    /// <param name="step">The step or epoch.</param>
    /// <param name="value">The value.</param>
    /// <param name="wallTime">When, in seconds since 1970.</param>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public void Scalar(string tag, long step, float value, double wallTime)
    {
        var content = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(content, value);
        Write(new Event
        {
            WallTime = wallTime,
            Step = step,
            Summary = new Summary
            {
                Value =
                {
                    new Summary.Types.Value
                    {
                        Tag = tag,
                        Tensor = new TensorProto
                        {
                            Dtype = DataType.DtFloat,
                            TensorShape = new TensorShapeProto(),
                            TensorContent = UnsafeByteOperations.UnsafeWrap(content),
                        },
                        Metadata = new SummaryMetadata
                        {
                            PluginData = new SummaryMetadata.Types.PluginData { PluginName = "scalars" },
                            DataClass = DataClass.Scalar,
                        },
                    },
                },
            },
        });
    }

    /// <summary>Hands what was added to the system, where TensorBoard sees it.</summary>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public void Flush() => Guard(_stream.Flush);

    /// <summary>Flushes and closes the file.</summary>
    public void Dispose() => Guard(_records.Dispose);

    /// <summary>Leaves no file behind that has nothing in it. The first error is the one to tell.</summary>
    void Abandon()
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

    void Write(Event e) => Guard(() => _records.Write(e.ToByteArray()));

    void Guard(Action action)
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
