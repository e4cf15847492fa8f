using Riffle.Kernels;

namespace Riffle.Distribution;

/// <summary>
/// Adds short vectors over the blocks of a batch that several ranks share, in the order of the <see cref="BlockTree"/>. A rank computes the sums of the nodes that
/// its run consists of. The nodes above are computed level by level: ranks of one half of a node exchange its sum with ranks of the other half, and both add them
/// (recursive doubling), so there are no more exchanges than levels, and every rank ends with the same bits.
/// </summary>
internal sealed unsafe class SumExchange
{
    private readonly Ranks _ranks;
    private readonly int _blocks, _length;
    private readonly List<Level> _levels = [];
    private readonly double[] _memory;
    private readonly Transfer[] _transfers;
    private readonly byte[] _told;
    private readonly int _root;
    private int _slots;

    /// <summary>Plans the exchanges.</summary>
    /// <param name="ranks">All of them make the same call.</param>
    /// <param name="blocks">Blocks of the batch.</param>
    /// <param name="length">Values of the longest vector.</param>
    public SumExchange(Ranks ranks, int blocks, int length)
    {
        (_ranks, _blocks, _length) = (ranks, blocks, length);
        Nodes = BlockRun.Of(blocks, ranks.Count, ranks.Rank).Nodes();
        _slots = Nodes.Count;
        var active = Math.Min(ranks.Count, blocks);
        if (ranks.Rank < active)
            _root = Visit(0, blocks, depth: 1);
        else
            _root = _slots++;

        // Ranks without blocks receive the result.
        for (var idle = active; idle < ranks.Count; idle++)
        {
            if (idle == ranks.Rank)
                At(0).Received.Add((idle % active, _root));
            else if (idle % active == ranks.Rank)
                At(0).Sent.Add((idle, _root));
        }

        _memory = GC.AllocateArray<double>(_slots * length, pinned: true);
        _told = GC.AllocateArray<byte>(ranks.Count, pinned: true);
        _transfers = new Transfer[_levels.Count == 0 ? 0 : _levels.Max(level => level.Sent.Count + level.Received.Count)];
    }

    /// <summary>The nodes of the tree whose sums this rank gives.</summary>
    public List<(int First, int Count)> Nodes { get; }

    /// <summary>Exchanges, one after the other, that a sum takes this rank.</summary>
    public int Exchanges => _levels.Count(level => level.Sent.Count + level.Received.Count > 0);

    /// <summary>Where the sum of one of the <see cref="Nodes"/> goes.</summary>
    public double* SumOf(int node) => Slot(node);

    /// <summary>Adds the sums of all nodes up. Allocates nothing.</summary>
    /// <param name="length">Values in each.</param>
    /// <returns>The sum over the whole batch, until the next call.</returns>
    public double* Run(int length)
    {
        for (var depth = _levels.Count - 1; depth >= 0; depth--)
        {
            var level = _levels[depth];
            var count = 0;
            foreach (var (peer, slot) in level.Received)
                _transfers[count++] = Transfer.From(peer, Slot(slot), length * sizeof(double));
            foreach (var (peer, slot) in level.Sent)
                _transfers[count++] = Transfer.To(peer, Slot(slot), length * sizeof(double));
            if (count > 0)
                _ranks.Exchange(Tag.Sums, _transfers.AsSpan(0, count));
            foreach (var (target, left, right) in level.Added)
            {
                double* sum = Slot(target), a = Slot(left), b = Slot(right);
                for (var i = 0; i < length; i++)
                    sum[i] = a[i] + b[i];
            }
        }

        return Slot(_root);
    }

    /// <summary>
    /// Lets ranks without blocks, who give no sums, say something: the way of the result backwards. All ranks make the same call. Allocates nothing.
    /// </summary>
    /// <param name="here">What this rank says.</param>
    /// <returns>Whether this rank says so or one that it tells the result.</returns>
    public bool Hear(bool here)
    {
        if (_ranks.Count <= _blocks)
            return here;
        var count = 0;
        foreach (var (peer, _) in _levels[0].Received)
        {
            _told[count] = here ? (byte)1 : (byte)0;
            _transfers[count] = Transfer.To(peer, Told(count++), sizeof(byte));
        }

        foreach (var (peer, _) in _levels[0].Sent)
            _transfers[count] = Transfer.From(peer, Told(count++), sizeof(byte));
        if (count > 0)
            _ranks.Exchange(Tag.Sums, _transfers.AsSpan(0, count));
        return here || _told.AsSpan(0, count).Contains((byte)1);
    }

    /// <summary>Plans what this rank does for a node that it has blocks of; returns where the node's sum will be.</summary>
    private int Visit(int first, int count, int depth)
    {
        var (from, to) = Holders(first, count);
        if (from == to)
            return Nodes.IndexOf((first, count));
        var half = BlockTree.FirstHalf(count);
        var (left, right) = (Holders(first, half), Holders(first + half, count - half));
        bool Has((int From, int To) holders) => holders.From <= _ranks.Rank && _ranks.Rank <= holders.To;
        var a = Has(left) ? Visit(first, half, depth + 1) : _slots++;
        var b = Has(right) ? Visit(first + half, count - half, depth + 1) : _slots++;
        var level = At(depth);
        Plan(level, left, right, b);
        Plan(level, right, left, a);
        level.Added.Add((_slots, a, b));
        return _slots++;
    }

    /// <summary>Ranks of one half that have no block of the other receive its sum.</summary>
    private void Plan(Level level, (int From, int To) half, (int From, int To) other, int others)
    {
        for (var rank = half.From; rank <= half.To; rank++)
        {
            if (rank >= other.From && rank <= other.To)
                continue;
            var source = other.From + (rank - half.From) % (other.To - other.From + 1);
            if (rank == _ranks.Rank)
                level.Received.Add((source, others));
            else if (source == _ranks.Rank)
                level.Sent.Add((rank, others));
        }
    }

    /// <summary>The first and the last rank that have blocks of a node.</summary>
    private (int From, int To) Holders(int first, int count)
    {
        int RankOf(int block) => Enumerable.Range(0, _ranks.Count).First(rank => BlockRun.Of(_blocks, _ranks.Count, rank).End > block);
        return (RankOf(first), RankOf(first + count - 1));
    }

    private Level At(int depth)
    {
        while (_levels.Count <= depth)
            _levels.Add(new([], [], []));
        return _levels[depth];
    }

    private void* Told(int place) => (void*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_told, place);

    private double* Slot(int slot) => (double*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_memory, slot * _length);

    /// <summary>What a rank does for the nodes at one depth of the tree: exchange sums of their halves, then add.</summary>
    private sealed record Level(List<(int Peer, int Slot)> Received, List<(int Peer, int Slot)> Sent, List<(int Target, int Left, int Right)> Added);
}
