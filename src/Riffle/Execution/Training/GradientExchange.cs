using Riffle.Distribution;
using Riffle.Kernels;

namespace Riffle.Execution;

/// <summary>
/// Adds gradients over the ranks that share a batch, in the order of the <see cref="BlockTree"/>, on a thread of its own while backward is still at work on earlier
/// layers. Gradients go in buckets, from the last layer to the first. Each rank owns a part of a bucket: it receives that part from all others, adds it up and sends
/// it to all. So a rank sends and receives each gradient about once each way, however many ranks there are, and all end with the same bits.
/// </summary>
internal sealed unsafe class GradientExchange : IDisposable
{
    /// <summary>Floats of a bucket: large enough that latency does not count, small enough that the last one does not keep a step waiting.</summary>
    private const int BucketSize = 1 << 16;

    private const int None = int.MaxValue;

    private readonly Ranks _ranks;
    private readonly BlockRun _run;
    private readonly GradientSums _sums;
    private readonly float* _gradients;
    private readonly List<(int First, int Count)> _nodes;
    private readonly List<(int Rank, int Node)> _allNodes = [];
    private readonly List<(int Into, int From)> _additions = [];
    private readonly Bucket[] _buckets;
    private readonly float* _packed;
    private readonly float* _received;
    private readonly float* _complete;
    private readonly long _packedStride, _receivedStride;
    private readonly Transfer[] _transfers;
    private readonly nint[] _parts;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private readonly Func<bool> _isAwaited;

    private int _readyFrom = None;
    private int _done;
    private volatile bool _awaited;
    private bool _stop;
    private Exception? _failure;

    /// <param name="memory">Holds the buckets.</param>
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
        _gradients = gradients;
        for (var rank = 0; rank < ranks.Count; rank++)
            _allNodes.AddRange(Enumerable.Range(0, BlockRun.Of(run.Used, ranks.Count, rank).Nodes().Count).Select(node => (rank, node)));
        PlanAdditions();
        _buckets = [.. InBuckets(steps), .. more.Length > 0 ? [new Bucket([], 0, more)] : (Bucket[])[]];
        var longest = _buckets.Max(bucket => bucket.Length);
        _packed = memory.AllocateRows<float>(Math.Max(1, _nodes.Count), longest, out _packedStride);
        _received = memory.AllocateRows<float>(_allNodes.Count, GradientSums.LongestPart(longest, ranks.Count), out _receivedStride);
        _complete = memory.Allocate<float>(longest);
        _parts = new nint[_allNodes.Count];
        _transfers = new Transfer[2 * (ranks.Count + _allNodes.Count) + _nodes.Count * ranks.Count];
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

    private static IEnumerable<Bucket> InBuckets(IEnumerable<(int Number, TrainingStep Step)> steps)
    {
        List<TrainingStep> together = [];
        var (length, first) = (0, 0);
        foreach (var (number, step) in steps)
        {
            if (step.Weights.Count == 0)
                continue;
            together.Add(step);
            (length, first) = (length + step.Weights.Count, number);
            if (length < BucketSize)
                continue;
            yield return new([.. together], first, []);
            (together, length) = ([], 0);
        }

        if (together.Count > 0)
            yield return new([.. together], first, []);
    }

    private long PartStart(int length, int rank) => GradientSums.Cut(rank, _ranks.Count, length);

    private long PartEnd(int length, int rank) => GradientSums.Cut(rank + 1, _ranks.Count, length);

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

    private void Run()
    {
        try
        {
            while (TryTake(out var bucket))
            {
                Add(bucket);
                lock (_gate)
                {
                    _done++;
                    Monitor.PulseAll(_gate);
                }
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

    /// <summary>Waits for the next bucket to be ready.</summary>
    private bool TryTake(out Bucket bucket)
    {
        lock (_gate)
        {
            while (!_stop && (_done == _buckets.Length || _buckets[_done].FirstStep < _readyFrom))
                Monitor.Wait(_gate);
            bucket = _done < _buckets.Length ? _buckets[_done] : null!;
            return !_stop;
        }
    }

    private void Add(Bucket bucket)
    {
        Pack(bucket);
        var length = bucket.Length;
        var (start, end) = (PartStart(length, _ranks.Rank), PartEnd(length, _ranks.Rank));

        var count = 0;
        for (var i = 0; i < _allNodes.Count; i++)
        {
            var (rank, node) = _allNodes[i];
            _parts[i] = (nint)(rank == _ranks.Rank ? _packed + node * _packedStride + start : _received + i * _receivedStride);
            if (rank != _ranks.Rank && end > start)
                _transfers[count++] = Transfer.From(rank, (void*)_parts[i], (end - start) * sizeof(float));
        }

        for (var rank = 0; rank < _ranks.Count; rank++)
        {
            var (from, to) = (PartStart(length, rank), PartEnd(length, rank));
            for (var node = 0; node < _nodes.Count && rank != _ranks.Rank && to > from; node++)
                _transfers[count++] = Transfer.To(rank, _packed + node * _packedStride + from, (to - from) * sizeof(float));
        }

        _ranks.Exchange(Tag.Gradients, _transfers.AsSpan(0, count), _isAwaited);

        var own = (int)(end - start);
        foreach (var (into, from) in _additions)
            GradientSums.Add((float*)_parts[into], (float*)_parts[into], (float*)_parts[from], own);
        new ReadOnlySpan<float>((float*)_parts[0], own).CopyTo(new Span<float>(_complete + start, own));

        count = 0;
        for (var rank = 0; rank < _ranks.Count; rank++)
        {
            var (from, to) = (PartStart(length, rank), PartEnd(length, rank));
            if (rank != _ranks.Rank && to > from)
                _transfers[count++] = Transfer.From(rank, _complete + from, (to - from) * sizeof(float));
            if (rank != _ranks.Rank && end > start)
                _transfers[count++] = Transfer.To(rank, _complete + start, (end - start) * sizeof(float));
        }

        _ranks.Exchange(Tag.Gradients, _transfers.AsSpan(0, count), _isAwaited);
        Unpack(bucket);
    }

    /// <summary>The sums of this rank's nodes, one behind the other. What it has as a whole counts as the first node's.</summary>
    private void Pack(Bucket bucket)
    {
        for (var node = 0; node < _nodes.Count; node++)
        {
            var target = _packed + node * _packedStride;
            foreach (var step in bucket.Steps)
            {
                var (offset, count) = step.Weights;
                _sums.AddNode(_nodes[node], _run, offset, count, target);
                target += count;
            }

            foreach (var shared in bucket.More)
            {
                for (var i = 0; i < shared.Count; i++)
                    target[i] = node == 0 ? shared.Values[i] * shared.Share : 0;
                target += shared.Count;
            }
        }
    }

    private void Unpack(Bucket bucket)
    {
        var source = _complete;
        foreach (var step in bucket.Steps)
        {
            var (offset, count) = step.Weights;
            new ReadOnlySpan<float>(source, count).CopyTo(new Span<float>(_gradients + offset, count));
            source += count;
        }

        foreach (var shared in bucket.More)
        {
            new ReadOnlySpan<float>(source, shared.Count).CopyTo(new Span<float>(shared.Values, shared.Count));
            source += shared.Count;
        }
    }

    /// <summary>Values that each rank has of its own, and whose sum over all ranks, each by its share, takes their place.</summary>
    internal readonly struct Shared
    {
        public required float* Values { get; init; }

        public required int Count { get; init; }

        public float Share { get; init; }
    }

    /// <summary>What is exchanged at once, when the gradients of its first step are complete.</summary>
    private sealed class Bucket(TrainingStep[] steps, int firstStep, Shared[] more)
    {
        public TrainingStep[] Steps => steps;

        public int FirstStep => firstStep;

        public Shared[] More => more;

        public int Length { get; } = steps.Sum(step => step.Weights.Count) + more.Sum(shared => shared.Count);
    }
}
