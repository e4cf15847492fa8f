using Riffle.Formats;

namespace Riffle.Data;

/// <summary>Where a record came from: for its errors and for its random numbers.</summary>
internal readonly record struct RecordPlace(string File, int Shard, long Index, long Offset)
{
    /// <summary>A number that no other record of the split has, whatever order the shards are read in.</summary>
    public ulong Id => ((ulong)(uint)Shard << 32) | (uint)Index;

    /// <summary>The number of a record in its split; −1 where it is not known how many records each shard has.</summary>
    /// <param name="id">Its <see cref="Id"/>.</param>
    /// <param name="firstOfShard">The number of each shard's first record.</param>
    public static int Number(ulong id, int[]? firstOfShard) => firstOfShard is null ? -1 : firstOfShard[id >> 32] + (int)(uint)id;

    /// <summary>Reads the image of a record.</summary>
    /// <exception cref="BadDataException">It holds no image of a known class.</exception>
    public ImageExample Parse(ReadOnlySpan<byte> record, int classes)
    {
        try
        {
            var example = ImageExample.Parse(record);
            return example.Label < classes ? example : throw new BadDataException(
                $"its label is {example.Label}, but {DatasetFiles.Info} has {classes} classes, counted from 0. Run riffle prepare again.");
        }
        catch (BadDataException e)
        {
            throw Damaged(e.Message, e);
        }
    }

    public BadDataException Damaged(string what, Exception? inner = null) => new($"{File}: record {Index} at byte {Offset}: {what}", inner);
}

/// <summary>The records of a split, shard after shard in a given order. All checksums and the number of records are checked.</summary>
internal sealed class ShardSequence(Dataset data, Split split, int[] order) : IDisposable
{
    private readonly IReadOnlyList<string> _files = data.Shards(split);
    private readonly int _records = data.Count(split);
    private TFRecordReader? _reader;
    private int _next, _read;

    /// <summary>Reads the next record into a buffer, which grows if need be.</summary>
    /// <returns>Length of the record.</returns>
    /// <exception cref="BadDataException">The record is damaged, or their number differs from that in <c>dataset.json</c>.</exception>
    public int Read(ref byte[] buffer, out RecordPlace place)
    {
        if (!TryRead(out var record, out place))
            throw Miscounted(data, split, $"have {_read}");
        if (buffer.Length < record.Length)
            buffer = new byte[Math.Max(record.Length, Math.Min(2L * buffer.Length, Array.MaxLength))];
        record.CopyTo(buffer);
        if (++_read == _records && TryRead(out _, out _))
            throw Miscounted(data, split, "have more");
        return record.Length;
    }

    public void Dispose() => _reader?.Dispose();

    private bool TryRead(out ReadOnlyMemory<byte> record, out RecordPlace place)
    {
        for (; ; _reader.Dispose(), _reader = null, _next++)
        {
            (record, place) = (default, default);
            if (_next == order.Length)
                return false;
            var file = _files[order[_next]];
            _reader ??= new TFRecordReader(file);
            if (_reader.TryRead(out record))
            {
                place = new(file, order[_next], _reader.Index, _reader.Offset);
                return true;
            }
        }
    }

    /// <summary>The error for shards that hold another number of records than is told.</summary>
    internal static BadDataException Miscounted(Dataset data, Split split, string what) => new(
        $"{data.Directory}: {DatasetFiles.Info} says {data.Count(split)} {split.Adjective()} images, but the shards {what}. "
        + "Run riffle prepare again.");
}
