using System.Security.Cryptography;
using System.Text;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>Takes records by position.</summary>
internal interface IRecordSink
{
    /// <summary>Stores one record.</summary>
    void Add(int position, ReadOnlyMemory<byte> record);
}

/// <summary>Writes records, which come in order of their positions, into shards. A position may be left out.</summary>
internal sealed class ShardWriter(string directory, IReadOnlyList<PlannedShard> planned) : IRecordSink, IDisposable
{
    private readonly List<DatasetShard> _done = [];
    private OpenShard? _open;

    /// <summary>The finished shards.</summary>
    public IReadOnlyList<DatasetShard> Done => _done;

    /// <summary>Number of shards of a split.</summary>
    public int Count(Split split) => planned.Count(shard => shard.Split == split);

    public void Add(int position, ReadOnlyMemory<byte> record)
    {
        while (position >= planned[_done.Count].End)
            CloseShard();
        (_open ??= new OpenShard(directory, planned[_done.Count].Name)).Write(record.Span);
    }

    /// <summary>Closes the last shard, and writes those for which no record came.</summary>
    public void Complete()
    {
        while (_done.Count < planned.Count)
            CloseShard();
    }

    /// <summary>SHA-256 over one line for each shard, as sha256sum writes it.</summary>
    public static string Fingerprint(IEnumerable<DatasetShard> shards)
    {
        var lines = string.Concat(shards.Select(shard => $"{shard.Sha256}  {shard.Name}\n"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines)));
    }

    public void Dispose() => _open?.Dispose();

    private void CloseShard()
    {
        using var shard = _open ?? new OpenShard(directory, planned[_done.Count].Name);
        _done.Add(shard.Finish());
        _open = null;
    }

    private sealed class OpenShard : IDisposable
    {
        private readonly string _name;
        private readonly FileStream _file;
        private readonly SHA256 _hash = SHA256.Create();
        private readonly CryptoStream _hashing;
        private readonly BufferedStream _buffer;
        private readonly TFRecordWriter _records;
        private int _count;

        public OpenShard(string directory, string name)
        {
            _name = name;
            _file = new FileStream(Path.Combine(directory, name), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            _hashing = new CryptoStream(_file, _hash, CryptoStreamMode.Write);
            _buffer = new BufferedStream(_hashing, 1 << 20);
            _records = new TFRecordWriter(_buffer, leaveOpen: true);
        }

        public void Write(ReadOnlySpan<byte> record)
        {
            _records.Write(record);
            _count++;
        }

        public DatasetShard Finish()
        {
            _records.Dispose();
            _hashing.FlushFinalBlock();
            _file.Flush(flushToDisk: true);
            return new DatasetShard(_name, _count, _file.Length, Convert.ToHexStringLower(_hash.Hash!));
        }

        public void Dispose()
        {
            // Close the file first, so that the buffers of an unfinished shard are not written.
            _file.Dispose();
            _hash.Dispose();
        }
    }
}
