using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Riffle.Server.Batching;

/// <summary>
/// The queue before a model's engine. The engine has lanes, one for each of its threads. A request that finds one free is computed at once, on the thread that brought it; where
/// it is the only one, the other threads help. While all lanes are taken, images gather, and the next free lane takes its share of them together.
/// </summary>
/// <remarks>Each image gets the bits that it would have alone, whatever is computed beside it. What nobody waits for any longer is not computed.</remarks>
internal sealed class Batcher : IDisposable
{
    /// <summary>The most images that a lane takes at once.</summary>
    public const int MostTogether = 16;

    private readonly Classifier _classifier;
    private readonly ModelStatistics _statistics;
    private readonly long _delay;
    private readonly int _imageBytes, _classes;

    private readonly Lock _gate = new();
    private readonly Item[] _queue;
    private int _first, _waiting;
    private readonly Stack<Lane> _free;
    private readonly int _lanes;
    private readonly Timer _alarm;
    private readonly ManualResetEventSlim _isEmpty = new();
    private bool _isStopping;

    /// <param name="classifier">Computes.</param>
    /// <param name="statistics">Counts what is computed.</param>
    /// <param name="lanes">Requests that are computed at the same time.</param>
    /// <param name="capacity">Images that the queue has room for. The caller lets no more in.</param>
    /// <param name="delay">How long the first image of a batch may wait for others.</param>
    public Batcher(Classifier classifier, ModelStatistics statistics, int lanes, int capacity, TimeSpan delay)
    {
        (_classifier, _statistics, _lanes) = (classifier, statistics, lanes);
        var model = classifier.Model;
        (_imageBytes, _classes) = (model.ImageSize * model.ImageSize * 3, model.Classes.Count);
        _delay = (long)(delay.TotalSeconds * Stopwatch.Frequency);
        _queue = new Item[capacity];
        _free = new(Enumerable.Range(0, lanes).Select(_ => new Lane(this)));
        _alarm = new(_ => Start());
    }

    /// <summary>Computes the images of a request on this thread, if a lane is free; otherwise puts them into the queue.</summary>
    public void Enqueue(ImageWork work)
    {
        work.Enqueued = Stopwatch.GetTimestamp();
        Lane? own;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopping, this);
            for (var index = 0; index < work.Count; index++)
                _queue[(_first + _waiting++) % _queue.Length] = new(work, index);
            own = _delay == 0 ? Take() : null;
            Dispatch();
        }

        own?.Execute();
    }

    /// <summary>Computes what waits.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isStopping = true;
            Dispatch();
            SignalIfEmpty();
        }

        _isEmpty.Wait();
        _alarm.Dispose();
        _isEmpty.Dispose();
    }

    private void Start()
    {
        lock (_gate)
            Dispatch();
    }

    /// <summary>Has the thread pool compute what waits, as far as there are lanes.</summary>
    private void Dispatch()
    {
        while (Take() is { } lane)
            ThreadPool.UnsafeQueueUserWorkItem(lane, preferLocal: false);
    }

    /// <summary>Takes a free lane, with its share of the images that wait; null if there are none, or none yet.</summary>
    private Lane? Take()
    {
        if (_waiting == 0 || !_free.TryPeek(out var lane))
            return null;
        var now = Stopwatch.GetTimestamp();
        var earliest = Sweep(now);
        if (_waiting == 0)
            return null;
        var most = _delay > 0 ? MostTogether : Math.Clamp(_waiting / _lanes, 1, MostTogether);
        var left = Math.Min(_queue[_first].Work.Enqueued + _delay, earliest) - now;
        if (left > 0 && _delay > 0 && _waiting < most && !_isStopping)
        {
            _alarm.Change(TimeSpan.FromMilliseconds(Math.Max(1, left * 1000 / Stopwatch.Frequency)), Timeout.InfiniteTimeSpan);
            return null;
        }

        while (_waiting > 0 && lane.Count < most)
        {
            var item = _queue[_first];
            item.Work.Begin(now);
            lane.Add(item);
            _queue[_first] = default;
            _first = (_first + 1) % _queue.Length;
            _waiting--;
        }

        return _free.Pop();
    }

    /// <summary>Removes what nobody waits for, wherever it stands in the queue, so that it is also answered at once.</summary>
    /// <returns>The earliest deadline of the others.</returns>
    private long Sweep(long now)
    {
        var (kept, earliest) = (0, long.MaxValue);
        for (var i = 0; i < _waiting; i++)
        {
            var item = _queue[(_first + i) % _queue.Length];
            if (!item.Work.IsAbandoned(now))
                (_queue[(_first + kept++) % _queue.Length], earliest) = (item, Math.Min(earliest, item.Work.Deadline));
            else if (item.Work.IsLast(item.Work.Cancel.IsCancellationRequested ? new OperationCanceledException(item.Work.Cancel) : RequestException.TooLate()))
                item.Work.CompleteLater();
        }

        for (var i = kept; i < _waiting; i++)
            _queue[(_first + i) % _queue.Length] = default;
        _waiting = kept;
        return earliest;
    }

    /// <summary>Gives a lane back, and has it go on with what waits.</summary>
    private void Release(Lane lane)
    {
        lock (_gate)
        {
            _free.Push(lane);
            Dispatch();
            SignalIfEmpty();
        }
    }

    private void SignalIfEmpty()
    {
        if (_isStopping && _waiting == 0 && _free.Count == _lanes)
            _isEmpty.Set();
    }

    private Exception? Compute(in Item item)
    {
        var (work, index) = item;
        try
        {
            var bytes = work.IsFloat ? sizeof(float) * _imageBytes : _imageBytes;
            var data = work.Data.Span.Slice(index * bytes, bytes);
            var probabilities = work.Probabilities.AsSpan(index * _classes, _classes);
            var verdict = work.Verdicts.AsSpan(work.Verdicts.Length == 0 ? 0 : index, Math.Min(work.Verdicts.Length, 1));
            if (work.IsFloat)
                _classifier.Score(MemoryMarshal.Cast<byte, float>(data), 1, probabilities, verdict);
            else
                _classifier.Score(data, 1, probabilities, verdict);
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private readonly record struct Item(ImageWork Work, int Index);

    /// <summary>Images that one thread computes.</summary>
    private sealed class Lane(Batcher owner) : IThreadPoolWorkItem
    {
        private readonly Item[] _images = new Item[MostTogether];
        private readonly ImageWork?[] _done = new ImageWork?[MostTogether];

        public int Count { get; private set; }

        public void Add(in Item item) => _images[Count++] = item;

        public void Execute()
        {
            var began = Stopwatch.GetTimestamp();
            var done = 0;
            for (var i = 0; i < Count; i++)
            {
                if (_images[i].Work.IsLast(owner.Compute(_images[i])))
                    _done[done++] = _images[i].Work;
            }

            // Counted before anybody is answered, so that whoever has an answer finds it in the statistics.
            owner._statistics.Executed(Count, Stopwatch.GetTimestamp() - began);
            Array.Clear(_images, 0, Count);
            Count = 0;

            // This thread goes on with the answer of the last, and others with the rest; the lane is free by then.
            for (var i = 0; i < done - 1; i++)
                _done[i]!.CompleteLater();
            var last = done > 0 ? _done[done - 1] : null;
            Array.Clear(_done, 0, done);
            owner.Release(this);
            last?.Complete();
        }
    }
}
