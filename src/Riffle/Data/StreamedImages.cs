using Riffle.Formats;

namespace Riffle.Data;

/// <summary>
/// The images of a split, read when they are wanted: for data sets larger than memory, and for a share of each batch. The order is that of
/// <see cref="ResidentImages"/>. Each image is read from its position in its shard. A few batches are in memory, in slots that are used in turn; or, if there is
/// memory for all images, each that was read once is kept.
/// </summary>
internal sealed class StreamedImages : ImageSource
{
    private readonly TFRecordIndex[] _shards;
    private readonly (int Shard, int Index)[] _records;
    private readonly StoredImages _images;
    private readonly EpochOrder _order;
    private readonly int[] _held;
    private readonly bool _keeps;
    private readonly int _classes;
    private readonly IReadOnlyList<string> _files;

    private int _needed, _reserved, _taken, _end;

    /// <summary>Finds where the images lie.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="split">The split.</param>
    /// <param name="side">Side of the squares that the images become.</param>
    /// <param name="fit">How they become squares.</param>
    /// <param name="slots">The number of images in memory, at least as many as are requested at the same time; null: each image is kept once it was read.</param>
    /// <param name="order">The order of the images.</param>
    /// <param name="isShuffled">Whether it differs from that of the shards.</param>
    /// <param name="threads">The number of threads that index the shards.</param>
    /// <param name="cancel">Stops it.</param>
    public StreamedImages(
        Dataset data, Split split, int side, FitKind fit, int? slots, EpochOrder order, bool isShuffled, int threads, CancellationToken cancel)
    {
        (_files, _classes, _order, _keeps) = (data.Shards(split), data.Info.Classes.Length, order, slots is null);
        _shards = Open(_files, inOrder: !isShuffled, threads, cancel);
        try
        {
            _records = [.. _shards.Index().SelectMany(shard => Enumerable.Range(0, shard.Item.Count).Select(index => (shard.Index, index)))];
            if (_records.Length != data.Count(split))
                throw ShardSequence.Miscounted(data, split, $"have {_records.Length}");
            _held = new int[Math.Min(slots ?? _records.Length, _records.Length)];
            Array.Fill(_held, -1);
            _images = new(_held.Length, side, data.Codec, fit);
        }
        catch
        {
            Close(_shards);
            throw;
        }
    }

    public override void StartEpoch(int epoch, int first, int end)
    {
        _order.Fill(epoch);
        (_needed, _reserved, _taken, _end) = (first, first, first, end);
        if (!_keeps)
            Array.Fill(_held, -1);
    }

    public override bool Has(int first, int end)
    {
        for (var position = first; position < end; position++)
        {
            if (!IsHeld(position))
                return false;
        }

        return true;
    }

    public override (StoredImages Images, int Slot) At(int position) => (_images, Slot(position));

    public override void Release(int position) => _needed = position;

    public override bool TryReserveWork()
    {
        if (_reserved >= _end || _reserved - _needed >= _held.Length)
            return false;
        _reserved++;
        return true;
    }

    public override int Work(ref byte[] buffer)
    {
        var position = Interlocked.Increment(ref _taken) - 1;
        if (IsHeld(position))
            return position;
        var (shard, index) = _records[_order[position]];
        var content = _shards[shard].Read(index, ref buffer);
        _images.Decode(Slot(position), buffer.AsSpan(content), new(_files[shard], shard, index, _shards[shard].Offset(index)), _classes);
        return position;
    }

    public override void Done(int work) => _held[Slot(work)] = Held(work);

    public override void Dispose()
    {
        Close(_shards);
        _images.Dispose();
    }

    private int Slot(int position) => _keeps ? _order[position] : position % _held.Length;

    /// <summary>What stands for a position in its slot once its image is there: an image that is kept is the same in every epoch.</summary>
    private int Held(int position) => _keeps ? _order[position] : position;

    private bool IsHeld(int position) => _held[Slot(position)] == Held(position);

    /// <summary>Opens all shards. Of several damaged ones the first is told, whichever thread is first.</summary>
    private static TFRecordIndex[] Open(IReadOnlyList<string> files, bool inOrder, int threads, CancellationToken cancel)
    {
        var shards = new TFRecordIndex[files.Count];
        var failures = new RiffleException?[files.Count];
        try
        {
            Parallel.For(0, files.Count, new() { MaxDegreeOfParallelism = threads, CancellationToken = cancel }, shard =>
            {
                try
                {
                    shards[shard] = new(files[shard], inOrder);
                }
                catch (RiffleException e)
                {
                    failures[shard] = e;
                }
            });
            return Array.Find(failures, failure => failure is not null) is { } first ? throw first : shards;
        }
        catch
        {
            Close(shards);
            throw;
        }
    }

    private static void Close(IEnumerable<TFRecordIndex?> opened)
    {
        foreach (var shard in opened)
            shard?.Dispose();
    }
}
