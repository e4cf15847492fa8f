using System.Diagnostics;

namespace Riffle.Server.Batching;

/// <summary>The images of a request on their way through the engine. Whoever awaits <see cref="Done"/> owns the memory; the engine lets go of it first.</summary>
internal sealed class ImageWork
{
    private readonly TaskCompletionSource _done = new();
    private Exception? _failure;
    private int _left;
    private long _started;

    /// <param name="data">count × S × S × 3 bytes, or as many floats of four bytes, which are ready for the network.</param>
    /// <param name="isFloat">Which of them.</param>
    /// <param name="count">Number of images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="hasVerdicts">Whether the model has a doubt to judge by.</param>
    /// <param name="deadline">Timestamp after which the answer is of no use.</param>
    /// <param name="cancel">Set when the client has left.</param>
    public ImageWork(ReadOnlyMemory<byte> data, bool isFloat, int count, int classes, bool hasVerdicts, long deadline = long.MaxValue, CancellationToken cancel = default)
    {
        (Data, IsFloat, Count, Deadline, Cancel, _left) = (data, isFloat, count, deadline, cancel, count);
        Probabilities = new float[count * classes];
        Verdicts = hasVerdicts ? new Verdict[count] : [];
    }

    public ReadOnlyMemory<byte> Data { get; }

    public bool IsFloat { get; }

    public int Count { get; }

    public long Deadline { get; }

    public CancellationToken Cancel { get; }

    /// <summary>Receives count × classes values.</summary>
    public float[] Probabilities { get; }

    /// <summary>Receives one for each image; empty without a doubt.</summary>
    public Verdict[] Verdicts { get; }

    /// <summary>When it came, when its first image was begun and when its last was done, as timestamps.</summary>
    public long Enqueued { get; set; }

    /// <inheritdoc cref="Enqueued"/>
    public long Started => Volatile.Read(ref _started);

    /// <inheritdoc cref="Enqueued"/>
    public long Finished { get; private set; }

    /// <summary>Ends when the engine needs none of its memory any longer.</summary>
    public Task Done => _done.Task;

    /// <summary>Whether nobody waits for the answer any longer.</summary>
    public bool IsAbandoned(long now) => _failure is not null || now > Deadline || Cancel.IsCancellationRequested;

    /// <summary>The engine begins with one of the images.</summary>
    public void Begin(long now) => Interlocked.CompareExchange(ref _started, now, 0);

    /// <summary>The engine is done with one of the images. Whoever is told that it was the last completes the work.</summary>
    /// <param name="failure">Why the image has no result; null if it has.</param>
    public bool IsLast(Exception? failure)
    {
        if (failure is not null)
            Interlocked.CompareExchange(ref _failure, failure, null);
        if (Interlocked.Decrement(ref _left) > 0)
            return false;
        Finished = Stopwatch.GetTimestamp();
        return true;
    }

    /// <summary>Goes on with the answer, on this thread.</summary>
    public void Complete()
    {
        if (_failure is { } failure)
            _done.SetException(failure);
        else
            _done.SetResult();
    }

    /// <summary>Has the thread pool go on with the answer.</summary>
    public void CompleteLater() => ThreadPool.UnsafeQueueUserWorkItem(static work => work.Complete(), this, preferLocal: false);
}
