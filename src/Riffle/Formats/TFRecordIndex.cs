using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Riffle.Formats;

/// <summary>
/// An uncompressed TFRecord file, whose records are read in any order by any number of threads. Their offsets are found once, from their lengths
/// only, and take eight bytes per record. All checksums are checked.
/// </summary>
internal sealed class TFRecordIndex : IDisposable
{
    private const int Around = TFRecordWriter.HeaderSize + TFRecordWriter.FooterSize;

    private readonly string _name;
    private readonly SafeFileHandle _file;
    private readonly List<long> _offsets = [];

    /// <summary>Opens a file and finds its records.</summary>
    /// <param name="path">The file.</param>
    /// <param name="inOrder">Whether most records are read one after the other, so that reading ahead pays off.</param>
    /// <exception cref="BadDataException">It is cut off, or a length is damaged; the message names file, record and byte offset.</exception>
    /// <exception cref="RiffleException">It can't be opened or read.</exception>
    public TFRecordIndex(string path, bool inOrder)
    {
        _name = path;
        try
        {
            _file = File.OpenHandle(
                path, FileMode.Open, FileAccess.Read, FileShare.Read, inOrder ? FileOptions.SequentialScan : FileOptions.RandomAccess);
            FindRecords();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _file?.Dispose();
            throw AtomicFile.CannotRead(path, e);
        }
        catch
        {
            _file?.Dispose();
            throw;
        }
    }

    /// <summary>Number of records.</summary>
    public int Count => _offsets.Count - 1;

    /// <summary>Where a record begins.</summary>
    public long Offset(int record) => _offsets[record];

    /// <summary>Reads a record.</summary>
    /// <param name="record">From 0 to <see cref="Count"/> − 1.</param>
    /// <param name="buffer">Memory of the calling thread. It is replaced if it is too small.</param>
    /// <returns>The range of the record's bytes in the buffer.</returns>
    /// <exception cref="BadDataException">It is damaged.</exception>
    /// <exception cref="RiffleException">The disk or the network failed.</exception>
    public Range Read(int record, ref byte[] buffer)
    {
        var size = checked((int)(_offsets[record + 1] - _offsets[record]));
        if (buffer.Length < size)
            buffer = new byte[Math.Max(size, Math.Min(2L * buffer.Length, Array.MaxLength))];
        var bytes = buffer.AsSpan(0, size);
        try
        {
            if (Fill(bytes, _offsets[record]) < size)
                throw Damaged(record, "the file ends within the record");
        }
        catch (IOException e)
        {
            throw AtomicFile.CannotRead(_name, e);
        }

        var header = bytes[..TFRecordWriter.HeaderSize];
        if (!TFRecordReader.IsWhole(header) || BinaryPrimitives.ReadUInt64LittleEndian(header) != (ulong)(size - Around))
            throw Damaged(record, "the record's length has changed");
        var content = TFRecordWriter.HeaderSize..(size - TFRecordWriter.FooterSize);
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[content.End..]) != TFRecordChecksum.Of(bytes[content]))
            throw Damaged(record, "the checksum of the record's data is wrong");
        return content;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private void FindRecords()
    {
        Span<byte> header = stackalloc byte[TFRecordWriter.HeaderSize];
        var end = RandomAccess.GetLength(_file);
        long offset = 0;
        for (; offset < end; _offsets.Add(offset), offset += Around + (long)BinaryPrimitives.ReadUInt64LittleEndian(header))
        {
            var got = Fill(header, offset);
            if (got < header.Length)
                throw Damaged(_offsets.Count, $"the file ends within the record's header ({got} of {header.Length} bytes)", offset);
            if (!TFRecordReader.IsWhole(header))
                throw Damaged(_offsets.Count, "the checksum of the record's length is wrong", offset);
            var (length, room) = (BinaryPrimitives.ReadUInt64LittleEndian(header), end - offset - Around);
            if (room < 0 || length > (ulong)room)
                throw Damaged(_offsets.Count, $"the record should have {length} bytes and a checksum, but the file has only {end - offset - header.Length} more", offset);
            if (length > (ulong)(Array.MaxLength - Around))
                throw Damaged(_offsets.Count, $"the record has {length} bytes, too many for memory", offset);
        }

        _offsets.Add(offset);
    }

    private int Fill(Span<byte> bytes, long offset)
    {
        var got = 0;
        for (int read; got < bytes.Length && (read = RandomAccess.Read(_file, bytes[got..], offset + got)) > 0;)
            got += read;
        return got;
    }

    private BadDataException Damaged(int record, string what, long? offset = null) =>
        TFRecordReader.DamagedAt(_name, record, offset ?? _offsets[record], what);
}
