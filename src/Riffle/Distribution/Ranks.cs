using System.Text;

namespace Riffle.Distribution;

/// <summary>
/// The processes, on one machine or many, that train one network together. Each computes some of the blocks of every batch; what they compute together has the
/// same bits as if one had done it. <see cref="Mpi.MpiRanks.Join"/> finds those that <c>mpirun</c> or <c>srun</c> has started.
/// </summary>
public abstract class Ranks : IDisposable
{
    private const int MostNamed = 5;

    private string[]? _hosts;

    /// <summary>The number of this process, from 0. Rank 0 alone writes files and shows progress.</summary>
    public abstract int Rank { get; }

    /// <summary>How many there are, at least 1.</summary>
    public abstract int Count { get; }

    /// <summary>Whether this is rank 0.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>This rank and its machine, for messages: <c>rank 2 (node7)</c>.</summary>
    public string Name => NameOf(Rank);

    /// <summary>The name of each rank's machine, in the order of the ranks.</summary>
    public IReadOnlyList<string> Hosts => _hosts ?? [];

    /// <summary>Any rank and its machine.</summary>
    internal string NameOf(int rank) => _hosts is null ? $"rank {rank}" : $"rank {rank} ({_hosts[rank]})";

    /// <summary>Ends the processes of all ranks at once, this one included, because this one can't go on.</summary>
    /// <param name="code">The exit code.</param>
    public abstract void Abort(int code);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Sends and receives messages and returns when all are done. Two ranks receive each other's in the order in which they were sent. Allocates nothing.</summary>
    /// <param name="tag">Messages of different tags never meet: two threads may exchange at the same time, each with its own.</param>
    /// <param name="transfers">What to send and receive; this rank is nobody's peer.</param>
    /// <param name="hurry">Asked while it waits: whether work waits for this exchange, so that it is worth a core. Null: yes, unless it is about control.</param>
    /// <exception cref="RiffleException">A rank can't be reached, or has not answered for minutes.</exception>
    internal abstract void Exchange(Tag tag, ReadOnlySpan<Transfer> transfers, Func<bool>? hurry = null);

    /// <summary>Frees what it holds.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>Learns the names of the others' machines.</summary>
    internal void Introduce(string host) => _hosts = [.. Gather(Encoding.UTF8.GetBytes(host)).Select(Encoding.UTF8.GetString)];

    /// <summary>Whether any rank says so.</summary>
    internal bool Any(bool here) => Gather([here ? (byte)1 : (byte)0]).Any(flag => flag[0] != 0);

    /// <summary>Waits until all ranks have come here.</summary>
    internal void Meet() => Any(false);

    /// <summary>The bytes of all ranks, which may differ in number.</summary>
    /// <param name="own">Those of this rank.</param>
    /// <param name="toFirst">Only rank 0 gets them; to the others those of the others are empty.</param>
    internal unsafe byte[][] Gather(byte[] own, bool toFirst = false)
    {
        var lengths = new long[Count];
        var (toOthers, fromOthers) = (new List<Transfer>(), new List<Transfer>());
        var length = (long)own.Length;
        fixed (long* all = lengths)
        {
            all[Rank] = length;
            for (var peer = 0; peer < Count; peer++)
            {
                if (peer == Rank)
                    continue;
                toOthers.Add(Transfer.To(peer, &length, sizeof(long)));
                fromOthers.Add(Transfer.From(peer, all + peer, sizeof(long)));
            }

            Exchange(Tag.Control, [.. fromOthers, .. toOthers]);
        }

        if (toFirst && !IsFirst)
            Array.Clear(lengths);
        var gathered = lengths.Select((bytes, rank) => rank == Rank ? own : GC.AllocateUninitializedArray<byte>(checked((int)bytes), pinned: true)).ToArray();
        fixed (byte* mine = own)
        {
            List<Transfer> transfers = [];
            for (var peer = 0; peer < Count; peer++)
            {
                if (peer != Rank && gathered[peer].Length > 0)
                    transfers.Add(Transfer.From(peer, System.Runtime.CompilerServices.Unsafe.AsPointer(ref gathered[peer][0]), gathered[peer].Length));
                if (peer != Rank && own.Length > 0 && (!toFirst || peer == 0))
                    transfers.Add(Transfer.To(peer, mine, own.Length));
            }

            Exchange(Tag.Control, [.. transfers]);
        }

        return gathered;
    }

    /// <summary>Makes sure that all ranks have the same values.</summary>
    /// <exception cref="RiffleException">Some have not; the message names them, what differs first, and how.</exception>
    internal void RequireSame(IReadOnlyList<(string What, string Value)> facts)
    {
        var all = Gather(Encoding.UTF8.GetBytes(string.Join('\n', facts.Select(fact => fact.Value.ReplaceLineEndings(" ")))))
            .Select(bytes => Encoding.UTF8.GetString(bytes).Split('\n')).ToArray();
        foreach (var (place, (what, _)) in facts.Index())
        {
            string? Value(int rank) => all[rank].ElementAtOrDefault(place);
            int[] others = [.. Enumerable.Range(0, Count).Where(rank => Value(rank) != Value(0))];
            if (others.Length == 0)
                continue;
            var names = string.Join(", ", others.Take(MostNamed).Select(NameOf)) + (others.Length > MostNamed ? $" and {others.Length - MostNamed} more" : "");
            throw new RiffleException(
                $"{names} {(others.Length == 1 ? "has" : "have")} another {what} than {NameOf(0)}: {Value(others[0])} instead of {Value(0)}. All ranks need the same.");
        }
    }

    /// <summary>The bytes of rank 0, on every rank. The others give null.</summary>
    internal byte[] FromFirst(byte[]? own) => Gather(own ?? [])[0];
}

/// <summary>What a message is about. Messages of different tags never meet.</summary>
internal enum Tag
{
    /// <summary>What is agreed on outside of steps.</summary>
    Control,

    /// <summary>Sums that the computation waits for.</summary>
    Sums,

    /// <summary>Gradients, beside the computation.</summary>
    Gradients,
}

/// <summary>A message to or from another rank.</summary>
internal readonly unsafe struct Transfer
{
    /// <summary>The other rank.</summary>
    public required int Peer { get; init; }

    /// <summary>What is sent, or where it is received; it stays in place until the exchange is over.</summary>
    public required void* Memory { get; init; }

    /// <summary>Its size, below 2³¹.</summary>
    public required long Bytes { get; init; }

    /// <summary>Whether it is received.</summary>
    public required bool IsReceived { get; init; }

    public static Transfer To(int peer, void* memory, long bytes) => new() { Peer = peer, Memory = memory, Bytes = bytes, IsReceived = false };

    public static Transfer From(int peer, void* memory, long bytes) => new() { Peer = peer, Memory = memory, Bytes = bytes, IsReceived = true };
}
