namespace Riffle.Data;

/// <summary>
/// The images of a split read anew in each epoch, for data sets larger than memory. The records, shard after shard in shuffled order, are cut into blocks,
/// and the images of a block are shuffled. Two blocks are in memory: one fills while the other is used.
/// </summary>
internal sealed class StreamedImages : ImageSource
{
    /// <summary>A block has no more images than this (or than a batch), because the first batch waits for a whole block.</summary>
    private const int MostPerBlock = 4096;

    private readonly Dataset _data;
    private readonly Split _split;
    private readonly bool _shuffle;
    private readonly ulong _seed;
    private readonly int _images, _perBlock;
    private readonly Block[] _blocks;
    private readonly Lock _reading = new();

    private ShardSequence? _records;
    private int _epoch, _needed, _reserved, _read, _end;

    public StreamedImages(Dataset data, Split split, int side, int batchSize, long memoryBudget, bool shuffle, ulong seed)
    {
        (_data, _split, _shuffle, _seed) = (data, split, shuffle, seed);
        _images = data.Count(split);
        var affordable = Math.Clamp(memoryBudget / 2 / StoredImages.BytesOf(side), batchSize, Math.Max(MostPerBlock, batchSize));
        _perBlock = (int)Math.Min(affordable, _images);
        var first = new Block(_perBlock, side);
        try
        {
            _blocks = [first, new(_perBlock, side)];
        }
        catch
        {
            first.Images.Dispose();
            throw;
        }
    }

    public override void StartEpoch(int epoch, int first, int end)
    {
        var start = first / _perBlock * _perBlock;
        (_epoch, _needed, _reserved, _read) = (epoch, first, start, start);
        _end = (int)Math.Min(_images, ((long)end + _perBlock - 1) / _perBlock * _perBlock);
        foreach (var block in _blocks)
            block.Forget();

        var shards = new int[_data.Shards(_split).Count];
        EpochRandom.FillOrder(shards, _shuffle, _seed, epoch, list: 0);
        _records?.Dispose();
        _records = new(_data, _split, shards);
        var passedOver = new byte[1 << 14];
        for (var i = 0; i < start; i++)
            _ = _records.Read(ref passedOver, out _);
    }

    public override bool Has(int first, int end)
    {
        for (var number = first / _perBlock; number <= (end - 1) / _perBlock; number++)
        {
            if (!_blocks[number % 2].Holds(number))
                return false;
        }

        return true;
    }

    public override (StoredImages Images, int Slot) At(int position)
    {
        var block = _blocks[position / _perBlock % 2];
        return (block.Images, block.Order[position % _perBlock]);
    }

    public override void Release(int position) => _needed = position;

    public override bool TryReserveWork()
    {
        var number = _reserved / _perBlock;
        if (_reserved >= _end || number >= (_needed / _perBlock) + 2)
            return false;
        if (_reserved % _perBlock == 0)
            _blocks[number % 2].Begin(number, Math.Min(_perBlock, _images - _reserved), _shuffle, _seed, _epoch);
        _reserved++;
        return true;
    }

    public override int Work(ref byte[] buffer)
    {
        int record, length;
        RecordPlace place;
        lock (_reading)
        {
            record = _read++;
            length = _records!.Read(ref buffer, out place);
        }

        _blocks[record / _perBlock % 2].Images.Decode(record % _perBlock, buffer.AsSpan(0, length), place, _data.Info.Classes.Length);
        return record;
    }

    public override void Done(int work) => _blocks[work / _perBlock % 2].Decoded++;

    public override void Dispose()
    {
        _records?.Dispose();
        foreach (var block in _blocks)
            block.Images.Dispose();
    }

    private sealed class Block(int capacity, int side)
    {
        private int _number, _count;

        public StoredImages Images { get; } = new(capacity, side);

        /// <summary>The slots in the order in which they are used.</summary>
        public int[] Order { get; } = new int[capacity];

        public int Decoded { get; set; }

        public void Forget() => _number = -1;

        public void Begin(int number, int count, bool shuffle, ulong seed, int epoch)
        {
            (_number, _count, Decoded) = (number, count, 0);

            // List 0 is the order of the shards.
            EpochRandom.FillOrder(Order.AsSpan(0, count), shuffle, seed, epoch, list: (ulong)number + 1);
        }

        public bool Holds(int number) => _number == number && Decoded == _count;
    }
}
