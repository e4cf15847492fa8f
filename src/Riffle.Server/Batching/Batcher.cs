using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Riffle.Server.Batching;

/// <summary>
/// The queue before a model's engine, and the thread that computes what waits in it. A request that finds the engine idle is computed at once, on its own thread; while it is
/// busy, images of any requests gather, and it takes them together. An image's result has the bits that it would have alone, whatever it was computed with.
/// </summary>
/// <remarks>The thread allocates nothing. What nobody waits for any longer is not computed.</remarks>
internal sealed class Batcher : IDisposable
{
    private readonly Classifier _classifier;
    private readonly ModelStatistics _statistics;
    private readonly long _delay;
    private readonly int _imageBytes, _classes;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Item[] _queue;
    private int _first, _waiting;
    private bool _isBusy, _isStopping;

    // Of whoever has made the engine busy.
    private readonly Item[] _batch;
    private readonly byte[] _pixels;
    private readonly float[] _probabilities;
    private readonly Verdict[] _verdicts;
    private byte[] _floats = [];
    private readonly Thread _thread;

    /// <param name="classifier">Computes. It is used by this thread alone.</param>
    /// <param name="statistics">Counts what is computed.</param>
    /// <param name="capacity">Images that the queue has room for. The caller lets no more in.</param>
    /// <param name="delay">How long the first image of a batch may wait for others.</param>
    public Batcher(Classifier classifier, ModelStatistics statistics, int capacity, TimeSpan delay)
    {
        (_classifier, _statistics) = (classifier, statistics);
        var (model, most) = (classifier.Model, Classifier.BatchSize);
        (_imageBytes, _classes) = (model.ImageSize * model.ImageSize * 3, model.Classes.Count);
        _delay = (long)(delay.TotalSeconds * Stopwatch.Frequency);
        _queue = new Item[capacity];
        _batch = new Item[most];
        _pixels = new byte[most * _imageBytes];
        _probabilities = new float[most * _classes];
        _verdicts = model.Doubt is null ? [] : new Verdict[most];
        _thread = new(Work) { IsBackground = true, Name = "Riffle engine" };
        _thread.Start();
    }

    /// <summary>Computes the images of a request, if nothing else is under way; otherwise puts them into the queue.</summary>
    public void Enqueue(ImageWork work)
    {
        work.Enqueued = Stopwatch.GetTimestamp();
        bool isAlone;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopping, this);
            isAlone = !_isBusy && _waiting == 0 && _delay == 0 && work.Count <= _batch.Length && !work.IsAbandoned(work.Enqueued);
            for (var index = 0; index < work.Count; index++)
            {
                if (isAlone)
                    _batch[index] = new(work, index);
                else
                    _queue[(_first + _waiting++) % _queue.Length] = new(work, index);
            }

            _isBusy |= isAlone;
        }

        // Passing it to the engine's thread and back would take longer than the smallest networks do.
        if (isAlone)
        {
            work.Started = work.Enqueued;
            Compute(_batch.AsSpan(0, work.Count));
            lock (_gate)
            {
                _isBusy = false;
                isAlone = _waiting == 0;
            }
        }

        if (!isAlone)
            Wake();
    }

    /// <summary>Computes what waits, and ends the thread.</summary>
    public void Dispose()
    {
        lock (_gate)
            _isStopping = true;
        Wake();
        _thread.Join();
        _arrived.Dispose();
    }

    private void Wake()
    {
        // One signal is enough, however many images came.
        if (_arrived.CurrentCount == 0)
            _arrived.Release();
    }

    private void Work()
    {
        while (true)
        {
            var (count, wait) = Take();
            if (count > 0)
            {
                Compute(_batch.AsSpan(0, count));
                lock (_gate)
                    _isBusy = false;
            }
            else if (wait == 0)
                return;
            else
                _arrived.Wait(wait);
        }
    }

    /// <summary>Takes images of one kind from the queue.</summary>
    /// <returns>Their number, and, if there are none, how many milliseconds to wait for a signal: 0 at the end, -1 without end.</returns>
    private (int Count, int Wait) Take()
    {
        lock (_gate)
        {
            var now = Stopwatch.GetTimestamp();
            var earliest = Sweep(now);
            if (_waiting == 0)
                return (0, _isStopping ? 0 : -1);
            if (_isBusy)
                return (0, -1);
            var left = Math.Min(_queue[_first].Work.Enqueued + _delay, earliest) - now;
            if (left > 0 && _delay > 0 && _waiting < _batch.Length && !_isStopping)
                return (0, (int)Math.Max(1, left * 1000 / Stopwatch.Frequency));
            var count = 0;
            while (_waiting > 0 && count < _batch.Length && _queue[_first].Work.IsFloat == (count == 0 ? _queue[_first] : _batch[0]).Work.IsFloat)
            {
                var item = _batch[count++] = _queue[_first];
                if (item.Work.Started == 0)
                    item.Work.Started = now;
                _queue[_first] = default;
                _first = (_first + 1) % _queue.Length;
                _waiting--;
            }

            _isBusy = true;
            return (count, 0);
        }
    }

    /// <summary>Removes what nobody waits for, wherever it stands in the queue, so that it is also answered at once.</summary>
    /// <returns>The earliest deadline of the others.</returns>
    private long Sweep(long now)
    {
        var (kept, earliest) = (0, long.MaxValue);
        for (var i = 0; i < _waiting; i++)
        {
            var item = _queue[(_first + i) % _queue.Length];
            if (item.Work.IsAbandoned(now))
                item.Work.Complete(item.Work.Cancel.IsCancellationRequested ? new OperationCanceledException(item.Work.Cancel) : RequestException.TooLate());
            else
                (_queue[(_first + kept++) % _queue.Length], earliest) = (item, Math.Min(earliest, item.Work.Deadline));
        }

        for (var i = kept; i < _waiting; i++)
            _queue[(_first + i) % _queue.Length] = default;
        _waiting = kept;
        return earliest;
    }

    private void Compute(Span<Item> batch)
    {
        var began = Stopwatch.GetTimestamp();
        Exception? failure = null;
        try
        {
            var probabilities = _probabilities.AsSpan(0, batch.Length * _classes);
            var verdicts = _verdicts.AsSpan(0, Math.Min(_verdicts.Length, batch.Length));
            if (batch[0].Work.IsFloat)
            {
                if (_floats.Length == 0)
                    _floats = new byte[sizeof(float) * _pixels.Length];
                _classifier.Score(MemoryMarshal.Cast<byte, float>(Gather(batch, _floats)), batch.Length, probabilities, verdicts);
            }
            else
            {
                _classifier.Score(Gather(batch, _pixels), batch.Length, probabilities, verdicts);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }

        // Counted before anybody is answered, so that whoever has an answer finds it in the statistics.
        _statistics.Executed(batch.Length, Stopwatch.GetTimestamp() - began);
        for (var i = 0; i < batch.Length; i++)
        {
            var (work, index) = batch[i];
            if (failure is null)
            {
                _probabilities.AsSpan(i * _classes, _classes).CopyTo(work.Probabilities.AsSpan(index * _classes));
                if (_verdicts.Length > 0)
                    work.Verdicts[index] = _verdicts[i];
            }

            batch[i] = default;
            work.Complete(failure);
        }
    }

    /// <summary>The images one behind the other: where they are, if they belong to one request, else copied into a buffer.</summary>
    private ReadOnlySpan<byte> Gather(Span<Item> batch, Span<byte> buffer)
    {
        var (work, index) = batch[0];
        var bytes = work.IsFloat ? sizeof(float) * _imageBytes : _imageBytes;
        if (batch[^1].Work == work)
            return work.Data.Span.Slice(index * bytes, batch.Length * bytes);
        for (var i = 0; i < batch.Length; i++)
            batch[i].Work.Data.Span.Slice(batch[i].Index * bytes, bytes).CopyTo(buffer[(i * bytes)..]);
        return buffer[..(batch.Length * bytes)];
    }

    private readonly record struct Item(ImageWork Work, int Index);
}
