using System.Collections.Concurrent;
using Riffle.Distribution;

namespace Riffle.Tests.Distribution;

/// <summary>Ranks that are threads of this process, so that any number of them can be tested without MPI. Messages are copies in queues.</summary>
internal sealed class InProcessRanks : Ranks
{
    private readonly Network _network;

    private InProcessRanks(Network network, int rank) => (_network, Rank) = (network, rank);

    public override int Rank { get; }

    public override int Count => _network.Count;

    /// <summary>Runs the same work on each rank and returns what each returned. The first failure ends all.</summary>
    public static T[] Run<T>(int count, Func<Ranks, T> work)
    {
        var network = new Network(count);
        var results = new T[count];
        var threads = Enumerable.Range(0, count).Select(rank => new Thread(() =>
        {
            try
            {
                using var ranks = new InProcessRanks(network, rank);
                results[rank] = work(ranks);
            }
            catch (Exception e)
            {
                network.Failure.TrySetException(e);
            }
        })).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        if (network.Failure.Task.Exception is { } failure)
            throw failure.InnerException!;
        return results;
    }

    public override void Abort(int code) => _network.Failure.TrySetException(new InvalidOperationException($"rank {Rank} aborted with {code}"));

    internal override unsafe void Exchange(Tag tag, ReadOnlySpan<Transfer> transfers, Func<bool>? hurry)
    {
        foreach (var transfer in transfers)
        {
            Assert.NotEqual(Rank, transfer.Peer);
            if (!transfer.IsReceived)
                _network.Between(Rank, transfer.Peer, tag).Add(new ReadOnlySpan<byte>(transfer.Memory, (int)transfer.Bytes).ToArray());
        }

        foreach (var transfer in transfers)
        {
            if (!transfer.IsReceived)
                continue;
            byte[]? message;
            while (!_network.Between(transfer.Peer, Rank, tag).TryTake(out message, 20))
            {
                if (_network.Failure.Task.IsFaulted)
                    throw new RiffleException("another rank has failed");
            }

            Assert.Equal(transfer.Bytes, message.Length);
            message.CopyTo(new Span<byte>(transfer.Memory, message.Length));
        }
    }

    protected override void Dispose(bool disposing)
    {
    }

    private sealed class Network(int count)
    {
        private readonly ConcurrentDictionary<(int From, int To, Tag), BlockingCollection<byte[]>> _queues = new();

        public int Count => count;

        public TaskCompletionSource Failure { get; } = new();

        public BlockingCollection<byte[]> Between(int from, int to, Tag tag) => _queues.GetOrAdd((from, to, tag), _ => []);
    }
}
