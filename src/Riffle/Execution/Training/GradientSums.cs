using System.Runtime.InteropServices;
using Riffle.Distribution;
using Riffle.Kernels;

namespace Riffle.Execution;

/// <summary>
/// The gradients with respect to the weights, added over the blocks of a batch in the order of the <see cref="BlockTree"/>. Each thread adds up the nodes that
/// its own run of blocks consists of while they are in its caches; what is above them is added at the end, by all threads.
/// </summary>
internal sealed unsafe class GradientSums
{
    /// <summary>Threads cut what they add at cache lines.</summary>
    private const int CacheLine = 16;

    private readonly int _threads;
    private readonly float* _sums;
    private readonly long _stride;
    private readonly int _perThread;

    /// <param name="memory">Holds the sums.</param>
    /// <param name="length">Trained weights.</param>
    /// <param name="runs">All runs of blocks that this process may have: of the batches that it computes, of the largest.</param>
    /// <param name="threads">Threads that share them; threads that share a block count as one.</param>
    public GradientSums(NativeArena memory, long length, IEnumerable<BlockRun> runs, int threads)
    {
        _threads = threads;
        foreach (var run in runs)
        {
            for (var thread = 0; thread < threads; thread++)
            {
                var (used, first, end) = run.Part(thread, threads);
                _perThread = Math.Max(_perThread, BlockTree.NodesOf(used, first, end) + BlockTree.Depth(end - first));
            }
        }

        _sums = memory.AllocateRows<float>((long)threads * _perThread, length, out _stride);
    }

    /// <summary>A step's backward for a thread's part of the blocks of a run: in their order, or the last one first. A share is of a thread that has one block at
    /// most.</summary>
    public void Backward(
        TrainingStep step, in Planes planes, BlockRun run, ReadOnlySpan<Block> blocks, int thread, float* scratch, bool isDown, Share share = default)
    {
        var (used, first, end) = run.Part(thread, _threads);
        var nodes = BlockTree.NodesOf(used, first, end);
        var walk = new Walk
        {
            Step = step,
            Planes = planes,
            Blocks = blocks,
            FirstBlock = run.First,
            Scratch = scratch,
            Thread = thread,
            First = first,
            End = end,
            Nodes = nodes,
            IsDown = isDown,
            Share = share,
        };
        var node = isDown ? nodes : 0;
        Visit(walk, 0, used, ref node);
    }

    /// <summary>One of several parts of what is above the nodes of the threads: the gradients of these steps' weights, complete. The run is a whole batch.</summary>
    public void Add(ReadOnlySpan<TrainingStep> steps, BlockRun run, int part, int parts, float* gradients)
    {
        foreach (var step in steps)
        {
            var (offset, count) = step.Weights;
            long start = Cut(part, parts, count), end = Cut(part + 1, parts, count);
            if (end > start)
                AddNodes(0, run.Used, run, offset + start, (int)(end - start), gradients + offset + start);
        }
    }

    /// <summary>The gradients of some weights, added over a node of the tree that lies in the run: where they are until the next step.</summary>
    public float* AddNode((int First, int Count) node, BlockRun run, long offset, int length) =>
        AddNodes(node.First, node.Count, run, offset, length, target: null);

    /// <summary>Where one of several parts of so many values begins: at cache lines.</summary>
    public static long Cut(int part, int parts, long count) => part == parts ? count : count * part / parts / CacheLine * CacheLine;

    /// <summary>target = a + b.</summary>
    public static void Add(float* target, float* a, float* b, int count)
    {
        Span<float> to = new(target, count), left = new(a, count), right = new(b, count);
        var wide = MemoryMarshal.Cast<float, System.Numerics.Vector<float>>(to);
        var wideLeft = MemoryMarshal.Cast<float, System.Numerics.Vector<float>>(left)[..wide.Length];
        var wideRight = MemoryMarshal.Cast<float, System.Numerics.Vector<float>>(right)[..wide.Length];
        for (var i = 0; i < wide.Length; i++)
            wide[i] = wideLeft[i] + wideRight[i];
        for (var i = wide.Length * System.Numerics.Vector<float>.Count; i < count; i++)
            to[i] = left[i] + right[i];
    }

    private float* Sum(int thread, int node) => _sums + ((long)thread * _perThread + node) * _stride;

    /// <summary>Finds the nodes that the thread's run consists of.</summary>
    private void Visit(in Walk walk, int first, int count, ref int node)
    {
        if (first + count <= walk.First || first >= walk.End)
            return;
        if (first >= walk.First && first + count <= walk.End)
        {
            Compute(walk, first, count, walk.IsDown ? --node : node++, walk.Nodes);
            return;
        }

        var half = BlockTree.FirstHalf(count);
        if (walk.IsDown)
            Visit(walk, first + half, count - half, ref node);
        Visit(walk, first, half, ref node);
        if (!walk.IsDown)
            Visit(walk, first + half, count - half, ref node);
    }

    /// <summary>Computes a node of the tree in one of the thread's sums; those from <paramref name="free"/> on are free.</summary>
    private void Compute(in Walk walk, int first, int count, int sum, int free)
    {
        var step = walk.Step;
        var target = Sum(walk.Thread, sum);
        if (count == 1)
        {
            step.Backward(walk.Planes, walk.Blocks[first - walk.FirstBlock], walk.Scratch, target, accumulate: false, walk.Share);
            return;
        }

        var half = BlockTree.FirstHalf(count);
        var (near, far) = walk.IsDown ? ((first + half, count - half), (first, half)) : ((first, half), (first + half, count - half));
        Compute(walk, near.Item1, near.Item2, sum, free);
        if (far.Item2 == 1 && step.AddsBlocks)
        {
            step.Backward(walk.Planes, walk.Blocks[far.Item1 - walk.FirstBlock], walk.Scratch, target, accumulate: true);
            return;
        }

        Compute(walk, far.Item1, far.Item2, free, free + 1);
        var (offset, weights) = step.Weights;
        Add(target + offset, target + offset, Sum(walk.Thread, free) + offset, weights);
    }

    /// <summary>The sum of a run of blocks, a part of it: where it lies. The topmost is written to the target.</summary>
    private float* AddNodes(int first, int count, BlockRun run, long offset, int length, float* target)
    {
        for (var thread = 0; thread < _threads; thread++)
        {
            var own = run.Part(thread, _threads);
            if (first < own.First || first + count > own.End)
                continue;
            var sum = Sum(thread, BlockTree.NodesOf(own.Used, own.First, first)) + offset;
            if (target != null)
                new ReadOnlySpan<float>(sum, length).CopyTo(new Span<float>(target, length));
            return sum;
        }

        var half = BlockTree.FirstHalf(count);
        float* left = AddNodes(first, half, run, offset, length, null), right = AddNodes(first + half, count - half, run, offset, length, null);
        Add(target == null ? left : target, left, right, length);
        return left;
    }

    /// <summary>A step's backward over a thread's blocks.</summary>
    private readonly ref struct Walk
    {
        public required TrainingStep Step { get; init; }

        public required Planes Planes { get; init; }

        public required ReadOnlySpan<Block> Blocks { get; init; }

        /// <summary>The number of the first of the blocks in the batch.</summary>
        public required int FirstBlock { get; init; }

        public required float* Scratch { get; init; }

        public required int Thread { get; init; }

        public required int First { get; init; }

        public required int End { get; init; }

        public required int Nodes { get; init; }

        public required bool IsDown { get; init; }

        public required Share Share { get; init; }
    }
}
