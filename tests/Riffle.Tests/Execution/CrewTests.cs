using Riffle.Execution;

namespace Riffle.Tests.Execution;

public class CrewTests
{
    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(5, 5)]
    [InlineData(16, 4)]
    public async Task Every_part_of_every_stage_is_computed_once_and_none_before_the_stage_before_it_is_done(int threads, int leaders)
    {
        const int Runs = 300;
        var random = new Random(threads);
        var work = new Counted(threads);
        var mayShare = true;
        using var crew = new Crew(threads, leaders, work, () => Volatile.Read(ref mayShare));
        using var stop = new CancellationTokenSource();
        var switching = Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    Volatile.Write(ref mayShare, !Volatile.Read(ref mayShare));
                    await Task.Yield();
                }
            },
            TestContext.Current.CancellationToken);
        for (var run = 0; run < Runs; run++)
        {
            work.Begin(items: random.Next(1, 9), stages: random.Next(1, 12), random.Next(0, 200));
            crew.Run(work.Items);
            work.AssertDone();
            if (run % 50 == 0)
                Thread.Sleep(2);
        }

        await stop.CancelAsync();
        await switching;
    }

    /// <summary>Two threads that wait for each other within one item can't be one thread.</summary>
    [Fact]
    public void A_thread_that_has_no_item_of_its_own_helps_with_one_under_way()
    {
        var work = new Meeting();
        using var crew = new Crew(2, 1, work, () => true);
        crew.Run(1);
        Assert.True(work.HasMet);
    }

    [Fact]
    public void A_crew_whose_threads_sleep_ends_when_it_is_disposed_of()
    {
        var work = new Counted(4);
        var crew = new Crew(4, 2, work, () => true);
        work.Begin(items: 3, stages: 3, spins: 10);
        crew.Run(3);
        Thread.Sleep(50);
        crew.Dispose();
        work.AssertDone();
    }

    [Fact]
    public void A_helper_that_is_far_slower_than_its_leader_is_done_without_for_a_while()
    {
        var work = new Slow();
        using var crew = new Crew(2, 1, work, () => true);
        crew.Run(1);
        Assert.Equal(1, work.Shared);
    }

    /// <summary>One item of many stages, in which a helper takes long.</summary>
    private sealed class Slow : IStagedItems
    {
        private int _alone;

        public int Shared { get; private set; }

        public int StagesOf(int item) => _alone < 20 ? int.MaxValue : 0;

        public int MostThreads(int item) => 2;

        public int PartsOn(int item, int stage, int threads) => threads;

        public void Begin(int worker)
        {
        }

        public void Compute(int item, int stage, int part, int parts, int leader, int worker)
        {
            if (part > 0)
                Thread.Sleep(200);
            else if (parts > 1)
                Shared++;
            else if (Shared > 0)
                _alone++;
            else
                Thread.Sleep(1);
        }
    }

    /// <summary>Counts what is computed of each item.</summary>
    private sealed class Counted(int threads) : IStagedItems
    {
        private int[] _stage = [], _computed = [], _parts = [];
        private int _stages, _spins, _errors;

        public int Items => _stage.Length;

        public void Begin(int items, int stages, int spins)
        {
            (_stage, _computed, _parts) = (new int[items], new int[items], new int[items]);
            (_stages, _spins) = (stages, spins);
        }

        public int StagesOf(int item) => _stages;

        public int MostThreads(int item) => threads;

        public int PartsOn(int item, int stage, int threads) => stage % 3 == 2 ? 1 : threads;

        public void Begin(int worker)
        {
        }

        public void Compute(int item, int stage, int part, int parts, int leader, int worker)
        {
            // The leader, who computes part 0, may come after its helpers.
            var number = Interlocked.CompareExchange(ref _parts[item], parts, 0);
            if (Volatile.Read(ref _stage[item]) != stage || (number != 0 && number != parts) || (part == 0) != (leader == worker))
                Interlocked.Increment(ref _errors);
            Thread.SpinWait(_spins * (part + 1) / parts);
            if (Interlocked.Increment(ref _computed[item]) != parts)
                return;
            (_computed[item], _parts[item]) = (0, 0);
            Volatile.Write(ref _stage[item], stage + 1);
        }

        public void AssertDone()
        {
            Assert.Equal(0, _errors);
            Assert.All(_stage, stage => Assert.Equal(_stages, stage));
        }
    }

    /// <summary>One item that goes on until two threads have been in one of its stages at the same time.</summary>
    private sealed class Meeting : IStagedItems
    {
        private int _here;

        public bool HasMet { get; private set; }

        public int StagesOf(int item) => HasMet ? 0 : int.MaxValue;

        public int MostThreads(int item) => 2;

        public int PartsOn(int item, int stage, int threads) => threads;

        public void Begin(int worker)
        {
        }

        public void Compute(int item, int stage, int part, int parts, int leader, int worker)
        {
            if (parts == 1)
            {
                Thread.Sleep(1);
                return;
            }

            Interlocked.Increment(ref _here);
            SpinWait.SpinUntil(() => Volatile.Read(ref _here) == 2);
            HasMet = true;
        }
    }
}
