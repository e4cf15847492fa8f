namespace Riffle.Execution;

/// <summary>
/// Threads that run the same work side by side and meet at barriers. Each keeps its own share of the images from layer to layer, so that what one
/// step leaves in a core's caches is there for the next.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    /// <summary>
    /// Some tens of microseconds: as long as threads with a core each are apart. A thread that waits longer waits for one that has no core, and
    /// would only keep it from getting one.
    /// </summary>
    private const int SpinsBeforeSleep = 500;

    private readonly object _gate = new();
    private readonly SemaphoreSlim[] _start;
    private readonly List<Thread> _threads = [];
    private readonly Action<int> _work;
    private volatile bool _stop;
    private volatile int _generation;
    private int _arrived;

    /// <param name="count">Workers, the caller of <see cref="Run"/> among them; at least 1.</param>
    /// <param name="work">What each does, given its number from 0.</param>
    public WorkerPool(int count, Action<int> work)
    {
        Count = count;
        _work = work;
        _start = [.. Enumerable.Range(1, count - 1).Select(_ => new SemaphoreSlim(0))];
        try
        {
            for (var worker = 1; worker < count; worker++)
                _threads.Add(StartThread(worker));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Count { get; }

    /// <summary>Runs the work on all workers, the caller being number 0, and returns when all are done.</summary>
    public void Run()
    {
        foreach (var start in _start)
            start.Release();
        _work(0);
        if (Arrive())
            Release();
    }

    /// <summary>A meeting point. Returns true to the last to come, who then does what all wait for and calls <see cref="Release"/>; false to the others,
    /// after that.</summary>
    public bool Arrive()
    {
        var generation = _generation;
        if (Interlocked.Increment(ref _arrived) == Count)
            return true;
        for (var spin = 0; spin < SpinsBeforeSleep && _generation == generation; spin++)
            Thread.SpinWait(8);
        if (_generation == generation)
        {
            lock (_gate)
            {
                while (_generation == generation)
                    Monitor.Wait(_gate);
            }
        }

        return false;
    }

    /// <summary>Lets the others go on.</summary>
    public void Release()
    {
        _arrived = 0;
        lock (_gate)
        {
            _generation++;
            Monitor.PulseAll(_gate);
        }
    }

    public void Dispose()
    {
        _stop = true;
        foreach (var start in _start)
            start.Release();
        foreach (var thread in _threads)
            thread.Join();
        foreach (var start in _start)
            start.Dispose();
    }

    private Thread StartThread(int worker)
    {
        var thread = new Thread(() =>
        {
            while (true)
            {
                _start[worker - 1].Wait();
                if (_stop)
                    return;
                _work(worker);
                if (Arrive())
                    Release();
            }
        })
        {
            IsBackground = true,
            Name = $"riffle {worker}",
        };
        thread.Start();
        return thread;
    }
}
