using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace Riffle.Data;

/// <summary>
/// Prepares batches of a split on its own threads, for one consumer thread. Their content and order depend only on the data set, the options, the seed and the
/// epoch, never on threads or timing.
/// </summary>
/// <remarks>
/// Images are decoded once and kept in memory as squares of <see cref="ImageFit.StoredSide(int, DatasetInfo)"/>. If they don't fit into the memory
/// budget, each is read from disk and decoded again in each epoch. Either way an epoch is the same shuffle of all images, and has each image once (except those
/// of a dropped last batch).
/// </remarks>
internal sealed class BatchLoader : IDisposable
{
    /// <summary>The maximum number of batches prepared at the same time. Further threads only decode, because a batch of decoded images is quick to make.</summary>
    private const int MostMakers = 4;

    private readonly object _gate = new();
    private readonly ImageSource _source;
    private readonly Augmentation _augmentation;
    private readonly ulong _seed;
    private readonly int _imageSize, _batchSize, _positions;
    private readonly Batch[] _ring;
    private readonly int[] _made;
    private readonly int[]? _firstOfShard;
    private readonly List<Thread> _threads = [];

    private int _epoch = -1, _nextToMake, _nextToTake, _allMadeBefore, _released, _working, _end;
    private AugmentedAs _augmentedAs;
    private long _waited;
    private ExceptionDispatchInfo? _failure;
    private volatile bool _abandoned;
    private bool _isDisposed;

    /// <summary>Opens a split and, if its images fit into memory, decodes them all on all cores.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="split">The split.</param>
    /// <param name="imageSize">Height and width of the network's input, from 1.</param>
    /// <param name="batchSize">Images in a batch, from 1; the last batch of an epoch may have fewer.</param>
    /// <param name="augmentation">The augmentation; null: the centre, unchanged.</param>
    /// <param name="shuffle">Whether to shuffle in each epoch, instead of using the order of the shards.</param>
    /// <param name="dropLast">Whether to drop a last batch that is not full.</param>
    /// <param name="seed">The seed of the order and the augmentation.</param>
    /// <param name="threads">Threads that make batches and, if images are not kept in memory, decode them; from 1.</param>
    /// <param name="memoryBudgetBytes">The maximum memory for decoded images; null: half of what the machine or container has. Does not change any
    /// batch.</param>
    /// <param name="fit">How images become squares.</param>
    /// <param name="progress">Receives the number of decoded images, while the constructor decodes them.</param>
    /// <param name="cancel">Stops the constructor.</param>
    /// <exception cref="BadDataException">A shard is damaged; the message names it and the offset.</exception>
    /// <exception cref="RiffleException">A shard can't be read, or with <paramref name="dropLast"/> there is no full batch.</exception>
    public BatchLoader(
        Dataset data,
        Split split,
        int imageSize,
        int batchSize,
        Augmentation? augmentation,
        bool shuffle,
        bool dropLast,
        ulong seed,
        int threads = 1,
        long? memoryBudgetBytes = null,
        FitKind fit = FitKind.Crop,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancel = default)
        : this(
            data, split, imageSize, ImageFit.StoredSide(imageSize, data.Info), fit, batchSize, augmentation, shuffle, dropLast, seed, threads,
            memoryBudgetBytes, progress, cancel)
    {
    }

    /// <summary>The same for images that are kept as squares of a given side, and for a part of the images.</summary>
    /// <remarks>With a <c>share</c>, batches have that part of each full batch; such a loader drops the last. With <c>readsPart</c>, epochs are not read as a
    /// whole. Either way images are read when they are first wanted, instead of all at the start.</remarks>
    internal BatchLoader(
        Dataset data,
        Split split,
        int imageSize,
        int side,
        FitKind fit,
        int batchSize,
        Augmentation? augmentation,
        bool shuffle,
        bool dropLast,
        ulong seed,
        int threads,
        long? memoryBudgetBytes,
        IProgress<WorkProgress>? progress,
        CancellationToken cancel,
        BatchShare? share = null,
        bool readsPart = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(imageSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        (_imageSize, _batchSize, _augmentation, _seed) = (imageSize, share?.Count ?? batchSize, augmentation ?? Augmentation.None, seed);
        (Images, _firstOfShard) = (data.Count(split), data.FirstOfShard(split));
        BatchesPerEpoch = dropLast ? Images / batchSize : (int)(((long)Images + batchSize - 1) / batchSize);
        if (dropLast && Images > 0 && BatchesPerEpoch == 0)
            throw new RiffleException($"{data.Directory}: {Images} images don't fill a batch of {batchSize}; a smaller batch is needed.") { CommandLineAdvice = "Use a smaller --batch." };

        var makers = Math.Min(threads, MostMakers);
        var budget = memoryBudgetBytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;
        InMemory = (long)Images * StoredImages.BytesOf(side) <= budget;
        _positions = share is var (_, own) ? BatchesPerEpoch * own : Images;
        var order = new EpochOrder(Images, shuffle, seed, batchSize, share);
        _source = InMemory && share is null && !readsPart
            ? ResidentImages.Load(data, split, side, fit, order, progress, cancel)
            : new StreamedImages(data, split, side, fit, InMemory ? null : SlotsFor(_batchSize, threads), order, shuffle, threads, cancel);

        try
        {
            // The consumer has one batch, one is ready, and each producer has one.
            _ring = new Batch[makers + 2];
            _made = new int[_ring.Length];
            for (var i = 0; i < _ring.Length; i++)
                _ring[i] = new(_batchSize, imageSize);
            for (var i = 0; i < (_source is ResidentImages ? makers : threads); i++)
            {
                var thread = new Thread(Run) { IsBackground = true, Name = "Riffle batches" };
                thread.Start();
                _threads.Add(thread);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Images in the split.</summary>
    public int Images => Live(field);

    /// <summary>Batches in an epoch.</summary>
    public int BatchesPerEpoch => Live(field);

    /// <summary>Whether the images are kept in memory instead of being read again in each epoch.</summary>
    public bool InMemory => Live(field);

    /// <summary>The total time that <see cref="TryNext"/> has waited for batches.</summary>
    public TimeSpan Waited => Stopwatch.GetElapsedTime(0, Live(_waited));

    /// <summary>Starts an epoch, abandoning the current one. The current batch becomes invalid.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="skipBatches">The number of batches of the epoch to skip, from 0 to <see cref="BatchesPerEpoch"/>; the later batches don't change.</param>
    /// <param name="augmentedAs">The augmentation to use; null: that of the loader's seed and this epoch.</param>
    /// <param name="endBatch">The first of the later batches that are not wanted; null: all are.</param>
    /// <exception cref="BadDataException">A shard is damaged.</exception>
    public void StartEpoch(int epoch, int skipBatches = 0, AugmentedAs? augmentedAs = null, int? endBatch = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(skipBatches);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(skipBatches, BatchesPerEpoch);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            Abandon();
            (_epoch, _augmentedAs, _failure, _end) = (epoch, augmentedAs ?? new(_seed, epoch), null, endBatch ?? BatchesPerEpoch);
            try
            {
                if (skipBatches < _end)
                    _source.StartEpoch(epoch, First(skipBatches), End(_end - 1));
            }
            catch (Exception e)
            {
                _failure = ExceptionDispatchInfo.Capture(e);
                throw;
            }

            _nextToMake = _nextToTake = _allMadeBefore = _released = skipBatches;
            Array.Fill(_made, -1);
            _abandoned = false;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits for the next batch of the epoch and returns it. The batch is valid until the next call.</summary>
    /// <returns>False at the end of the epoch.</returns>
    /// <exception cref="BadDataException">A shard is damaged; the message names it and the offset.</exception>
    /// <exception cref="InvalidOperationException">No epoch has been started.</exception>
    public bool TryNext([NotNullWhen(true)] out Batch? batch)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_epoch < 0)
                throw new InvalidOperationException("Call StartEpoch before TryNext.");
            batch = null;
            _released = _nextToTake;
            Monitor.PulseAll(_gate);
            _failure?.Throw();
            if (_nextToTake == _end)
                return false;

            var place = _nextToTake % _ring.Length;
            var since = Stopwatch.GetTimestamp();
            while (_made[place] != _nextToTake)
            {
                Monitor.Wait(_gate);
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                _failure?.Throw();
            }

            _waited += Stopwatch.GetTimestamp() - since;
            _nextToTake++;
            batch = _ring[place];
            return true;
        }
    }

    /// <summary>Stops the threads, even during an epoch, and frees the memory. Batches become invalid.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            Abandon();
            _isDisposed = true;
            Monitor.PulseAll(_gate);
        }

        foreach (var thread in _threads)
            thread.Join();
        _source.Dispose();
    }

    private T Live<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return value;
    }

    /// <summary>The number of loader threads for a plan with a given number of threads; 0: one per core.</summary>
    internal static int ThreadsFor(int threads) => threads == 0 ? Environment.ProcessorCount : threads;

    /// <summary>Decoded images of one batch that is made, and of the next; of small batches so many that no thread waits for another.</summary>
    private static int SlotsFor(int batchSize, int threads) => (int)Math.Min(Array.MaxLength, batchSize + Math.Max((long)batchSize, 4L * threads));

    private int First(int batch) => batch * _batchSize;

    private int End(int batch) => (int)Math.Min(_positions, ((long)batch + 1) * _batchSize);

    /// <summary>Waits until no thread works and none will begin to.</summary>
    private void Abandon()
    {
        _abandoned = true;
        while (_working > 0)
            Monitor.Wait(_gate);
    }

    private void Run()
    {
        var buffer = new byte[1 << 14];
        while (TryReserve(out var batch))
        {
            var work = -1;
            ExceptionDispatchInfo? failure = null;
            try
            {
                if (batch >= 0)
                    Make(batch);
                else
                    work = _source.Work(ref buffer);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }

            lock (_gate)
            {
                _working--;
                if (failure is not null)
                    (_failure, _abandoned) = (_failure ?? failure, true);
                else if (batch >= 0)
                    BatchDone(batch);
                else
                    _source.Done(work);
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Waits for something to do: a batch to make (the first one whose images are there) or, with −1, work of the image source. False:
    /// stop.</summary>
    private bool TryReserve(out int batch)
    {
        lock (_gate)
        {
            for (batch = -1; !_isDisposed; Monitor.Wait(_gate))
            {
                if (_epoch < 0 || _abandoned)
                    continue;
                var mayMake = _nextToMake < _end && _nextToMake < _released + _ring.Length;
                if (mayMake && _source.Has(First(_nextToMake), End(_nextToMake)))
                    batch = _nextToMake++;
                else if (!_source.TryReserveWork())
                    continue;
                _working++;
                return true;
            }

            return false;
        }
    }

    private void Make(int number)
    {
        var batch = _ring[number % _ring.Length];
        var (first, end) = (First(number), End(number));
        batch.Count = end - first;
        for (var position = first; position < end && !_abandoned; position++)
        {
            var (images, slot) = _source.At(position);
            var random = EpochRandom.Augmentation(_augmentedAs.Seed, _augmentedAs.Epoch, images.Id(slot));
            _augmentation.Apply(images.Pixels(slot), images.Side, _imageSize, ref random, batch.Image(position - first), _augmentedAs.Mirrored);
            batch.Set(position - first, images.Label(slot), RecordPlace.Number(images.Id(slot), _firstOfShard));
        }
    }

    private void BatchDone(int number)
    {
        _made[number % _ring.Length] = number;
        while (_allMadeBefore < _nextToMake && _made[_allMadeBefore % _ring.Length] >= _allMadeBefore)
            _allMadeBefore++;
        _source.Release(_allMadeBefore < _end ? First(_allMadeBefore) : _positions);
    }
}
