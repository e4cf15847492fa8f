using Riffle.Distribution;
using Riffle.Kernels;

namespace Riffle.Execution;

/// <summary>
/// Adds gradients over the ranks that share a batch, in the order of the <see cref="BlockTree"/>, on a thread of its own while backward is still at work on earlier
/// layers. Gradients go in buckets, from the last layer to the first. Each rank owns a part of a bucket: it receives that part from all others, adds it up and sends
/// it to all. So a rank sends and receives each gradient about once each way, however many ranks there are, and all end with the same bits. Gradients are sent from
/// where they are, and received where they belong.
/// </summary>
internal sealed unsafe class GradientExchange : IDisposable
{
    /// <summary>Buckets of a small network, so that most of them go while backward is at work.</summary>
    private const int Buckets = 8;

    /// <summary>Floats of a bucket: enough that latency does not count, and so few that sums of batch norm, which have to use the same link, don't wait long behind
    /// them. Half a millisecond at 1 Gbit/s.</summary>
    private const int LeastBucket = 1 << 12, MostBucket = 1 << 14;

    /// <summary>Up to so many ranks. With more, buckets grow with them, so that messages don't become small.</summary>
    private const int FewRanks = 4;

    private const int None = int.MaxValue;

    private readonly Ranks _ranks;
    private readonly BlockRun _run;
    private readonly GradientSums _sums;
    private readonly List<(int First, int Count)> _nodes;
    private readonly List<(int Rank, int Node)> _allNodes = [];
    private readonly List<(int Into, int From)> _additions = [];
    private readonly Bucket[] _buckets;
    private readonly float* _received;
    private readonly long _receivedStride;
    private readonly Transfer[] _transfers;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private readonly Func<bool> _isAwaited;

    private int _readyFrom = None;
    private int _done;
    private volatile bool _awaited;
    private bool _stop;
    private Exception? _failure;

    /// <param name="memory">Holds what is received before it is added.</param>
    /// <param name="ranks">Those who share the batch; all make the same calls.</param>
    /// <param name="run">The blocks that this rank computes.</param>
    /// <param name="sums">Its gradients.</param>
    /// <param name="steps">The steps whose weights are trained, with their numbers, the last first.</param>
    /// <param name="more">What is added as well, after the gradients of the first step: values that this rank has as a whole.</param>
    /// <param name="gradients">Receives the gradients of the steps' weights.</param>
    public GradientExchange(
        NativeArena memory, Ranks ranks, BlockRun run, GradientSums sums, IEnumerable<(int Number, TrainingStep Step)> steps, Shared[] more, float* gradients)
    {
        (_ranks, _run, _sums, _nodes) = (ranks, run, sums, run.Nodes());
        for (var rank = 0; rank < ranks.Count; rank++)
            _allNodes.AddRange(Enumerable.Range(0, BlockRun.Of(run.Used, ranks.Count, rank).Nodes().Count).Select(node => (rank, node)));
        PlanAdditions();
        _buckets = InBuckets([.. steps], gradients, memory);
        if (more.Length > 0)
            _buckets = [.. _buckets, new Bucket(0, [.. more.Select(shared => Source.Of(shared, _nodes.Count, memory))], ranks.Count)];
        _received = memory.AllocateRows<float>(
            _allNodes.Count, _buckets.Max(bucket => bucket.Parts[ranks.Rank].Sum(piece => (long)piece.Count)), out _receivedStride);
        _transfers = new Transfer[_buckets.Max(bucket => bucket.Parts.Sum(part => part.Length)) * (_allNodes.Count + ranks.Count + 1) * 2];
        _isAwaited = () => _awaited;
        _thread = new(Run) { IsBackground = true, Name = "Riffle gradients" };
        _thread.Start();
    }

    /// <summary>The gradients of this step's weights and of those after it are complete in this process, and those after the batch too.</summary>
    public void Ready(int step)
    {
        lock (_gate)
        {
            _readyFrom = step;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until everything is added up, and begins anew. Every step was said to be ready.</summary>
    /// <exception cref="RiffleException">A rank can't be reached.</exception>
    public void Finish()
    {
        _awaited = true;
        lock (_gate)
        {
            while (_done < _buckets.Length && _failure is null)
                Monitor.Wait(_gate);
            _awaited = false;
            if (_failure is not null)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
            (_done, _readyFrom) = (0, None);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _stop = true;
            Monitor.PulseAll(_gate);
        }

        _thread.Join();
    }

    private Bucket[] InBuckets((int Number, TrainingStep Step)[] steps, float* gradients, NativeArena memory)
    {
        var most = MostBucket * Math.Max(1, _ranks.Count / FewRanks);
        var wanted = Math.Clamp(steps.Sum(step => step.Step.Weights.Count) / Buckets, LeastBucket, most);
        var (buckets, together, length) = (new List<Bucket>(), new List<Source>(), 0);
        void Close(int step)
        {
            buckets.Add(new(step, [.. together], _ranks.Count));
            together.Clear();
            length = 0;
        }

        foreach (var (number, step) in steps)
        {
            var (offset, end) = (step.Weights.Offset, step.Weights.Offset + step.Weights.Count);
            while (offset < end)
            {
                var count = Math.Min(end - offset, most - length);
                together.Add(new(gradients + offset, count) { Offset = offset, Nodes = memory.Allocate<nint>(Math.Max(1, _nodes.Count)) });
                (offset, length) = (offset + count, length + count);
                if (length >= wanted)
                    Close(number);
            }
        }

        if (length > 0)
            Close(steps[^1].Number);
        return [.. buckets];
    }

    /// <summary>The additions that make the sum of the whole batch of those of all ranks' nodes, in the place of the first.</summary>
    private void PlanAdditions()
    {
        var places = Enumerable.Range(0, _ranks.Count).SelectMany(rank => BlockRun.Of(_run.Used, _ranks.Count, rank).Nodes()).Index().ToDictionary(node => node.Item, node => node.Index);
        Visit(0, _run.Used);

        int Visit(int first, int count)
        {
            if (places.TryGetValue((first, count), out var place))
                return place;
            var half = BlockTree.FirstHalf(count);
            var (left, right) = (Visit(first, half), Visit(first + half, count - half));
            _additions.Add((left, right));
            return left;
        }
    }

    /// <summary>Exchanges buckets as they become ready. While the sums of one go to all ranks, the next one's parts go to those who add them.</summary>
    private void Run()
    {
        try
        {
            Bucket? before = null;
            while (true)
            {
                var next = Take(before is null ? 0 : 1, wait: before is null);
                if (next is null && before is null)
                    return;
                var count = 0;
                Plan(before, next, isReceived: true, ref count);
                if (next is not null)
                    Gather(next);
                Plan(before, next, isReceived: false, ref count);
                _ranks.Exchange(Tag.Gradients, _transfers.AsSpan(0, count), _isAwaited);
                if (before is not null)
                    Done();
                if (next is not null)
                    AddUp(next.Parts[_ranks.Rank]);
                before = next;
            }
        }
        catch (Exception e)
        {
            lock (_gate)
            {
                _failure = e;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>The next bucket but so many, if it is ready; null to stop or, without waiting, if it is not.</summary>
    private Bucket? Take(int under, bool wait)
    {
        lock (_gate)
        {
            bool IsReady() => _done + under < _buckets.Length && _buckets[_done + under].FirstStep >= _readyFrom;
            while (wait && !_stop && !IsReady())
                Monitor.Wait(_gate);
            return !_stop && IsReady() ? _buckets[_done + under] : null;
        }
    }

    private void Done()
    {
        lock (_gate)
        {
            _done++;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The messages of two buckets: complete sums of one, and parts of the next.</summary>
    private void Plan(Bucket? complete, Bucket? next, bool isReceived, ref int count)
    {
        for (var rank = 0; complete is not null && rank < _ranks.Count; rank++)
        {
            foreach (var piece in complete.Parts[isReceived ? rank : _ranks.Rank])
            {
                if (rank != _ranks.Rank)
                    _transfers[count++] = new() { Peer = rank, Memory = piece.Target, Bytes = piece.Count * sizeof(float), IsReceived = isReceived };
            }
        }

        for (var i = 0; next is not null && isReceived && i < _allNodes.Count; i++)
        {
            var rank = _allNodes[i].Rank;
            var received = _received + i * _receivedStride;
            foreach (var piece in next.Parts[_ranks.Rank])
            {
                if (rank != _ranks.Rank)
                    _transfers[count++] = Transfer.From(rank, received, piece.Count * sizeof(float));
                received += piece.Count;
            }
        }

        for (var rank = 0; next is not null && !isReceived && rank < _ranks.Count; rank++)
        {
            for (var node = 0; node < _nodes.Count && rank != _ranks.Rank; node++)
            {
                foreach (var piece in next.Parts[rank])
                    _transfers[count++] = Transfer.To(rank, piece.Of(node), piece.Count * sizeof(float));
            }
        }
    }

    /// <summary>Finds where the gradients of this rank's nodes are. What it has as a whole counts as the first node's.</summary>
    private void Gather(Bucket bucket)
    {
        foreach (var source in bucket.Sources)
        {
            for (var node = 0; node < _nodes.Count; node++)
            {
                if (source.Share == 0)
                {
                    source.Nodes[node] = (nint)_sums.AddNode(_nodes[node], _run, source.Offset, source.Count);
                    continue;
                }

                for (var i = 0; i < source.Count; i++)
                    ((float*)source.Nodes[node])[i] = node == 0 ? source.Target[i] * source.Share : 0;
            }
        }
    }

    /// <summary>The sums of this rank's part, from those of all nodes, its own where they are and the others' as they were received.</summary>
    private void AddUp(Piece[] own)
    {
        var place = 0L;
        foreach (var piece in own)
        {
            float* At(int i) => _allNodes[i].Rank == _ranks.Rank ? piece.Of(_allNodes[i].Node) : _received + i * _receivedStride + place;
            for (var i = 0; i < _additions.Count; i++)
            {
                var (into, from) = _additions[i];
                GradientSums.Add(i == _additions.Count - 1 ? piece.Target : At(into), At(into), At(from), piece.Count);
            }

            if (_additions.Count == 0)
                new ReadOnlySpan<float>(At(0), piece.Count).CopyTo(new Span<float>(piece.Target, piece.Count));
            place += piece.Count;
        }
    }

    /// <summary>Values that each rank has of its own, and whose sum over all ranks, each by its share, takes their place.</summary>
    internal readonly struct Shared
    {
        public required float* Values { get; init; }

        public required int Count { get; init; }

        /// <summary>Above 0.</summary>
        public required float Share { get; init; }
    }

    /// <summary>What is exchanged at once, when the gradients of its first step are complete.</summary>
    private sealed class Bucket
    {
        public Bucket(int firstStep, Source[] sources, int ranks)
        {
            (FirstStep, Sources) = (firstStep, sources);
            var length = sources.Sum(source => source.Count);
            Parts = [.. Enumerable.Range(0, ranks).Select(rank => PiecesOf(GradientSums.Cut(rank, ranks, length), GradientSums.Cut(rank + 1, ranks, length)))];
        }

        public int FirstStep { get; }

        public Source[] Sources { get; }

        /// <summary>The part of each rank.</summary>
        public Piece[][] Parts { get; }

        private Piece[] PiecesOf(long start, long end)
        {
            var (pieces, before) = (new List<Piece>(), 0L);
            foreach (var source in Sources)
            {
                var (from, to) = (Math.Max(start, before) - before, Math.Min(end, before + source.Count) - before);
                if (to > from)
                    pieces.Add(new(source, (int)from, (int)(to - from)));
                before += source.Count;
            }

            return [.. pieces];
        }
    }

    /// <summary>The weights of a step, or other values.</summary>
    private sealed class Source(float* target, int count)
    {
        /// <summary>Where the sums of the batch go.</summary>
        public float* Target => target;

        public int Count => count;

        /// <summary>Where they lie among all trained weights.</summary>
        public int Offset { get; init; }

        /// <summary>This rank's share of other values; 0 for gradients of weights.</summary>
        public float Share { get; init; }

        /// <summary>Where the sums of this rank's nodes are.</summary>
        public required nint* Nodes { get; init; }

        public static Source Of(Shared shared, int nodes, NativeArena memory)
        {
            var places = memory.Allocate<nint>(Math.Max(1, nodes));
            for (var node = 0; node < nodes; node++)
                places[node] = (nint)memory.Allocate<float>(shared.Count);
            return new(shared.Values, shared.Count) { Share = shared.Share, Nodes = places };
        }
    }

    /// <summary>A run of a source's values that one rank adds up.</summary>
    private readonly struct Piece(Source source, int first, int count)
    {
        public int Count => count;

        public float* Target => source.Target + first;

        public float* Of(int node) => (float*)source.Nodes[node] + first;
    }
}
