namespace Riffle.Data;

/// <summary>Keeps records, which come in any order, in one file on disk; in memory is only where each lies.</summary>
internal sealed class SpillFile(string path, int positions) : IRecordSink, IDisposable
{
    private readonly FileStream _file = new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 20, FileOptions.DeleteOnClose);
    private readonly long[] _offsets = new long[positions];
    private readonly int[] _lengths = new int[positions];

    public void Add(int position, ReadOnlyMemory<byte> record)
    {
        (_offsets[position], _lengths[position]) = (_file.Position, record.Length);
        _file.Write(record.Span);
    }

    /// <summary>Returns all records in the order of their positions.</summary>
    public void CopyTo(IRecordSink sink, Action<int> progress)
    {
        _file.Flush();
        var buffer = Array.Empty<byte>();
        for (var position = 0; position < _lengths.Length; position++)
        {
            progress(position);
            var length = _lengths[position];
            if (length == 0)
                continue;
            if (buffer.Length < length)
                buffer = new byte[Math.Max(length, 2 * buffer.Length)];
            Read(buffer.AsSpan(0, length), _offsets[position]);
            sink.Add(position, buffer.AsMemory(0, length));
        }
    }

    public void Dispose() => _file.Dispose();

    private void Read(Span<byte> destination, long offset)
    {
        while (destination.Length > 0)
        {
            var read = RandomAccess.Read(_file.SafeFileHandle, destination, offset);
            if (read == 0)
                throw new EndOfStreamException($"{_file.Name} was truncated while it was in use");
            destination = destination[read..];
            offset += read;
        }
    }
}
