using System.Buffers.Binary;

namespace Riffle.Formats;

/// <summary>
/// Writes TFRecords: for each record its length (64 bits), the masked CRC-32C of the length, the bytes, the masked CRC-32C of the bytes; little-endian.
/// https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
/// </summary>
/// <param name="stream">Where the records go.</param>
/// <param name="leaveOpen">Whether the stream outlives this writer.</param>
internal sealed class TFRecordWriter(Stream stream, bool leaveOpen = false) : IDisposable
{
    internal const int HeaderSize = sizeof(ulong) + sizeof(uint);
    internal const int FooterSize = sizeof(uint);

    private bool _isDisposed;

    /// <summary>Appends one record.</summary>
    public void Write(ReadOnlySpan<byte> record)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Span<byte> header = stackalloc byte[HeaderSize];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)record.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[sizeof(ulong)..], TFRecordChecksum.Of(header[..sizeof(ulong)]));
        Span<byte> footer = stackalloc byte[FooterSize];
        BinaryPrimitives.WriteUInt32LittleEndian(footer, TFRecordChecksum.Of(record));

        stream.Write(header);
        stream.Write(record);
        stream.Write(footer);
    }

    /// <summary>Flushes the stream, and closes it unless it was to be left open.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (leaveOpen)
            stream.Flush();
        else
            stream.Dispose();
    }
}
