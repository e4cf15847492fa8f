using System.Diagnostics;

namespace Riffle.Execution;

/// <summary>Items that do not depend on each other, each a row of stages that several threads may share.</summary>
internal interface IStagedItems
{
    /// <summary>Stages of an item.</summary>
    int StagesOf(int item);

    /// <summary>Threads that an item is worth.</summary>
    int MostThreads(int item);

    /// <summary>How many of so many threads one of its stages is worth.</summary>
    int PartsOn(int item, int stage, int threads);

    /// <summary>A thread begins to work on an item, after it has done something else or nothing.</summary>
    void Begin(int worker);

    /// <summary>Computes a part of a stage.</summary>
    /// <param name="item">The item.</param>
    /// <param name="stage">Its stage.</param>
    /// <param name="part">The part.</param>
    /// <param name="parts">Their number.</param>
    /// <param name="leader">The thread that leads the item.</param>
    /// <param name="worker">The thread that computes.</param>
    void Compute(int item, int stage, int part, int parts, int leader, int worker);
}

/// <summary>
/// Threads that compute items. A thread takes an item that nobody has begun, and leads it from stage to stage; where none is left, it helps with one that is
/// under way, from its next stage on. So nobody waits for a thread that is still asleep. Threads without work spin for a moment, then sleep.
/// </summary>
internal sealed class Crew : IDisposable
{
    /// <summary>How long a leader waits for its helpers, beyond the time of its own part, which is the largest, before it takes them for threads without a core.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(0.2);

    /// <summary>For how many times as long as it has waited it then does without helpers.</summary>
    private const int Distrust = 30;

    private readonly IStagedItems _work;
    private readonly Func<bool> _mayShare;
    private readonly SharedItem[] _items;
    private readonly List<Thread> _threads = [];
    private readonly SemaphoreSlim _wake = new(0);
    private Apart _unclaimed, _unfinished, _news, _sleepers;
    private int _count;
    private long _aloneUntil;
    private volatile bool _stop;

    /// <param name="threads">Threads, the caller of <see cref="Run"/> among them; at least 1.</param>
    /// <param name="leaders">The first so many of them may lead; at least 1.</param>
    /// <param name="work">What they compute.</param>
    /// <param name="mayShare">Whether threads may share an item now; where not, its helpers are sent away.</param>
    public Crew(int threads, int leaders, IStagedItems work, Func<bool> mayShare)
    {
        (_work, _mayShare) = (work, mayShare);
        _items = [.. Enumerable.Range(0, leaders).Select(_ => new SharedItem())];
        try
        {
            for (var worker = 1; worker < threads; worker++)
                _threads.Add(StartThread(worker));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Computes items; the caller is worker 0. One call at a time.</summary>
    /// <param name="count">Number of items.</param>
    public void Run(int count)
    {
        _count = count;
        _unfinished.Set(count);
        _unclaimed.Set(count);
        Wake(Math.Min(_threads.Count, count - 1));
        while (Claim() is var item and >= 0)
            Lead(item, 0);
        for (var waiter = default(Waiter); _unfinished.Get() > 0;)
        {
            if (!Help(0))
                waiter.Wait();
        }
    }

    public void Dispose()
    {
        _stop = true;
        _wake.Release(_threads.Count + 1);
        foreach (var thread in _threads)
            thread.Join();
        _wake.Dispose();
    }

    private Thread StartThread(int worker)
    {
        var thread = new Thread(() =>
        {
            while (!_stop)
            {
                var news = _news.Get();
                if (worker < _items.Length && Claim() is var item and >= 0)
                    Lead(item, worker);
                else if (!Help(worker))
                    AwaitNews(news);
            }
        })
        {
            IsBackground = true,
            Name = $"riffle {worker}",
        };
        thread.Start();
        return thread;
    }

    /// <summary>An item that nobody has begun; −1 where none is left.</summary>
    private int Claim()
    {
        while (_unclaimed.Get() is var left and > 0)
        {
            if (_unclaimed.TryChange(left, left - 1))
                return _count - (int)left;
        }

        return -1;
    }

    private void Lead(int item, int leader)
    {
        _work.Begin(leader);
        var (shared, helpers, isOpen) = (_items[leader], Math.Min(_threads.Count, _work.MostThreads(item) - 1), false);
        for (var stage = 0; stage < _work.StagesOf(item); stage++)
        {
            if (helpers > 0 && isOpen != MayShare())
            {
                isOpen = !isOpen;
                if (isOpen)
                {
                    shared.Open(item, helpers);
                    Wake(helpers);
                }
                else
                {
                    shared.Close();
                }
            }

            var parts = isOpen ? _work.PartsOn(item, stage, 1 + shared.Helpers) : 1;
            if (parts == 1)
            {
                _work.Compute(item, stage, 0, 1, leader, leader);
                continue;
            }

            var began = Stopwatch.GetTimestamp();
            shared.Publish(stage, parts);
            _work.Compute(item, stage, 0, parts, leader, leader);
            var computed = Stopwatch.GetTimestamp();
            shared.AwaitHelpers();
            var done = Stopwatch.GetTimestamp();
            if (Stopwatch.GetElapsedTime(computed, done) > Stopwatch.GetElapsedTime(began, computed) + Patience)
                Volatile.Write(ref _aloneUntil, done + Distrust * (done - computed));
        }

        if (isOpen)
            shared.Close();
        _unfinished.Add(-1);
    }

    /// <summary>Not while other calls run, nor for a while after helpers have lost their cores to other work: all would wait for them.</summary>
    private bool MayShare() => _mayShare() && Stopwatch.GetTimestamp() >= Volatile.Read(ref _aloneUntil);

    /// <summary>Helps with the item that has fewest helpers, until it is done. Returns false where there is none.</summary>
    private bool Help(int worker)
    {
        while (LeastHelped() is var leader and >= 0)
        {
            var shared = _items[leader];
            if (!shared.TryJoin(out var help))
                continue;
            _work.Begin(worker);
            while (shared.Next(ref help))
            {
                _work.Compute(help.Item, help.Stage, help.Part, help.Parts, leader, worker);
                shared.Arrive();
            }

            return true;
        }

        return false;
    }

    /// <summary>The leader of the item that has fewest helpers and room for one; −1 where there is none.</summary>
    private int LeastHelped()
    {
        var (least, fewest) = (-1, int.MaxValue);
        for (var leader = 0; leader < _items.Length; leader++)
        {
            if (_items[leader].HasRoom && _items[leader].Helpers < fewest)
                (least, fewest) = (leader, _items[leader].Helpers);
        }

        return least;
    }

    /// <summary>Tells those who spin that there is something to do, and wakes so many of those who sleep.</summary>
    private void Wake(int most)
    {
        _news.Add(1);
        while (_sleepers.Get() is var asleep and > 0)
        {
            var woken = Math.Min(asleep, most);
            if (!_sleepers.TryChange(asleep, asleep - woken))
                continue;
            if (woken > 0)
                _wake.Release((int)woken);
            return;
        }
    }

    private void AwaitNews(long old)
    {
        for (var waiter = default(Waiter); waiter.IsShort; waiter.Wait())
        {
            if (_news.Get() != old)
                return;
        }

        // Whoever brings news counts those who sleep after it, and these look for news after they are counted: one of both sees the other.
        _sleepers.Add(1);
        while (_news.Get() != old && _sleepers.Get() is var asleep and > 0)
        {
            if (_sleepers.TryChange(asleep, asleep - 1))
                return;
        }

        _wake.Wait();
    }
}
