using System.Buffers.Binary;

namespace Riffle.Formats;

/// <summary>
/// Reads TFRecords one after the other, in the memory of the largest one. Both checksums of every record are checked, and a length is trusted
/// only within the file's size.
/// </summary>
internal sealed class TFRecordReader : IDisposable
{
    /// <summary>The most bytes of a record in a compressed file, 256 MiB: such a file can unpack to a thousand times its size.</summary>
    const long MaxUnpacked = 256L << 20;

    readonly Stream _stream;
    readonly string _name;
    readonly byte[] _header = new byte[TFRecordWriter.HeaderSize];
    readonly long _origin;
    byte[] _buffer = new byte[1 << 14];
    long _next;
    bool _isDisposed;

    /// <summary>Opens a TFRecord file that is not compressed; <see cref="TFRecordFile.Open"/> takes any.</summary>
    /// <exception cref="RiffleException">The file can't be opened.</exception>
    public TFRecordReader(string path)
        : this(TFRecordFile.OpenFile(path), path)
    {
    }

    /// <summary>Reads from a stream, which is closed with this reader; it need not be seekable.</summary>
    /// <param name="stream">The stream, positioned at the start of a record.</param>
    /// <param name="name">Its name in error messages.</param>
    public TFRecordReader(Stream stream, string name)
    {
        _stream = stream;
        _name = name;
        _origin = stream.CanSeek ? stream.Position : 0;
    }

    /// <summary>Where the current record begins (the byte offset of its length field), counted from where the reading began.</summary>
    public long Offset
    {
        get => Live(field);
        private set;
    }

    /// <summary>The number of the current record, from 0; -1 before the first.</summary>
    public long Index
    {
        get => Live(field);
        private set;
    } = -1;

    /// <summary>Reads the next record; false at the end of the file.</summary>
    /// <param name="record">The record's bytes, valid until the next call.</param>
    /// <exception cref="BadDataException">The record is cut off or damaged; the message names file, record and byte offset.</exception>
    /// <exception cref="RiffleException">The disk or the network failed.</exception>
    public bool TryRead(out ReadOnlyMemory<byte> record)
    {
        try
        {
            return Read(out record);
        }
        catch (InvalidDataException e)
        {
            // A decompressing stream throws this for damaged data.
            throw Damaged(e.Message, e);
        }
        catch (IOException e)
        {
            throw AtomicFile.CannotRead(_name, e);
        }
    }

    /// <summary>As <see cref="Resume"/>, where it is possible: not in a compressed file.</summary>
    public bool TryResume()
    {
        if (!Live(_stream).CanSeek) return false;
        Resume();
        return true;
    }

    /// <summary>
    /// After damage, finds the beginning of the next record: after the damaged one if its length is intact, else at the next 12 bytes that are the
    /// length of a record in the file with its checksum. The bytes between are lost, and count as one record. The stream must be seekable.
    /// </summary>
    /// <exception cref="RiffleException">The disk or the network failed.</exception>
    public void Resume()
    {
        try
        {
            _next = FindNext();
            _stream.Position = _origin + _next;
        }
        catch (IOException e)
        {
            throw AtomicFile.CannotRead(_name, e);
        }
    }

    long FindNext()
    {
        long end = _stream.Length - _origin;
        var window = new byte[1 << 16];
        for (long from = Offset; ; from += window.Length - (TFRecordWriter.HeaderSize - 1))
        {
            _stream.Position = _origin + from;
            int got = _stream.ReadAtLeast(window, window.Length, throwOnEndOfStream: false);
            for (int i = 0; i <= got - TFRecordWriter.HeaderSize; i++)
            {
                var header = window.AsSpan(i, TFRecordWriter.HeaderSize);
                long start = from + i, room = end - start - TFRecordWriter.HeaderSize - TFRecordWriter.FooterSize;
                ulong length = BinaryPrimitives.ReadUInt64LittleEndian(header);
                if (room < 0 || length > (ulong)room || !IsWhole(header)) continue;
                return start > Offset ? start : start + TFRecordWriter.HeaderSize + (long)length + TFRecordWriter.FooterSize;
            }

            if (got < window.Length) return end;
        }
    }

    internal static bool IsWhole(ReadOnlySpan<byte> header) =>
        BinaryPrimitives.ReadUInt32LittleEndian(header[sizeof(ulong)..]) == TFRecordChecksum.Of(header[..sizeof(ulong)]);

    bool Read(out ReadOnlyMemory<byte> record)
    {
        record = default;
        Offset = _next;
        int got = _stream.ReadAtLeast(_header, _header.Length, throwOnEndOfStream: false);
        if (got == 0) return false;
        Index++;
        if (got < _header.Length) throw Damaged($"the file ends within the record's header ({got} of {_header.Length} bytes)");
        if (!IsWhole(_header)) throw Damaged("the checksum of the record's length is wrong");

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(_header);
        if (length > (ulong)(Array.MaxLength - TFRecordWriter.FooterSize)) throw Damaged($"the record has {length} bytes, too many for memory");
        if (!_stream.CanSeek && length > MaxUnpacked)
            throw Damaged($"the record has {length} bytes, but records in compressed files may have at most {MaxUnpacked >> 20} MiB");
        int size = (int)length + TFRecordWriter.FooterSize;
        if (_stream.CanSeek && size > _stream.Length - _stream.Position)
            throw Damaged($"the record should have {length} bytes and a checksum, but the file has only {_stream.Length - _stream.Position} more");
        Fill(size, length);

        var data = _buffer.AsMemory(0, (int)length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan((int)length)) != TFRecordChecksum.Of(data.Span))
            throw Damaged("the checksum of the record's data is wrong");
        _next += _header.Length + size;
        record = data;
        return true;
    }

    /// <summary>The error for a record with intact bytes but wrong content. It names the file, the record number and the offset.</summary>
    /// <param name="what">What is wrong, without a full stop.</param>
    /// <param name="inner">The original error.</param>
    public BadDataException Damaged(string what, Exception? inner = null) => DamagedAt(_name, Index, Offset, what, inner);

    internal static BadDataException DamagedAt(string name, long record, long offset, string what, Exception? inner = null) =>
        new($"{name}: record {record} at byte {offset}: {what}. The file is damaged; copy or create it again.", inner);

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _stream.Dispose();
    }

    T Live<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return value;
    }

    /// <summary>Reads <paramref name="size"/> bytes; the buffer at most doubles before bytes have come to fill it, however much is claimed.</summary>
    void Fill(int size, ulong length)
    {
        for (int got = 0; got < size;)
        {
            int wanted = Math.Min(size, Math.Max(_buffer.Length, (int)Math.Min(2L * got, Array.MaxLength)));
            if (wanted > _buffer.Length) Array.Resize(ref _buffer, wanted);
            int read = _stream.ReadAtLeast(_buffer.AsSpan(got, wanted - got), wanted - got, throwOnEndOfStream: false);
            got += read;
            if (got < wanted) throw Damaged($"the record should have {length} bytes and a checksum, but the file ends after {got}");
        }
    }
}
