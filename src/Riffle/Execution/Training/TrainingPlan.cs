using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Riffle.Distribution;
using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>What one training step measured on its batch, before the weights change.</summary>
/// <param name="Loss">Mean softmax cross-entropy with the labels (with label smoothing, without the L2 term and a teacher's part).</param>
/// <param name="Top1">Images whose label has the highest logit.</param>
/// <param name="Top5">Images whose label is among the five highest logits.</param>
public readonly record struct StepResult(double Loss, int Top1, int Top5);

/// <summary>
/// Forward and backward of a network over batches, with all memory and steps planned once. A batch is cut into blocks of 16 images; each thread keeps
/// its own blocks from layer to layer, or its share of a block where there are more threads than blocks; what is added over blocks is added in the order of a tree (<see cref="BlockTree"/>). So results do not depend on the number of threads,
/// nor on the number of <see cref="Ranks"/> that share a batch.
/// </summary>
public sealed unsafe class TrainingPlan : IDisposable
{
    /// <summary>Most threads that share a block: the narrowest layers have hardly more tiles.</summary>
    private const int MostParts = 8;

    private readonly TrainingProgram _network;
    private readonly WorkerPool _pool;
    private readonly NativeArena _memory = new();
    private readonly Block[] _blocks;
    private readonly BlockLoss[] _losses;
    private readonly int[] _labels;
    private readonly double[] _lossOfBlocks;
    private readonly bool _isFrozen;
    private readonly int _parts;
    private readonly GradientSums _sums;
    private readonly BatchSums _batchSums;

    // The ranks that share the batch, and the run of its blocks that is computed here: all of them unless there are ranks.
    private readonly Ranks? _ranks;
    private readonly BlockRun _ownBlocks;
    private readonly bool _hasLocalNorm;
    private readonly SumExchange? _resultSums;
    private readonly GradientExchange? _exchange;

    // Managed, so that a span over it keeps it alive whatever becomes of the plan; pinned, so that it never moves.
    private readonly float[] _gradients;
    private readonly float* _scratch;
    private readonly float* _masks;
    private readonly long _scratchStride;

    // One call at a time: a plan is disposed of after the step that runs, never under it.
    private readonly Lock _gate = new();
    private bool _isDisposed;

    // The batch of the step that runs: the images that are computed here, and the number of all.
    private ImageBatch _images;
    private int _imagesOfBatch;
    private SoftTargets _targets;
    private Exception? _failure;

    /// <summary>Plans memory and steps.</summary>
    /// <param name="weights">Read by each step; running statistics are updated by it.</param>
    /// <param name="batch">Most images in a batch, at least 1.</param>
    /// <param name="threads">Threads that compute; results do not depend on it. 0: one per core.</param>
    /// <param name="classifierAlone">Train the last layer alone: the others are as in inference, their running statistics stay, and their gradients
    /// are zeros.</param>
    /// <exception cref="ArgumentOutOfRangeException">The batch is empty, or the number of threads is negative.</exception>
    /// <exception cref="RiffleException">There is not enough memory.</exception>
    public TrainingPlan(Weights weights, int batch, int threads = 0, bool classifierAlone = false)
        : this(weights, batch, threads, VectorLevels.Best, classifierAlone)
    {
    }

    /// <summary>The same for a batch that several ranks share. Then every batch has all its images, of which <see cref="OwnImages"/> are computed here.</summary>
    /// <param name="weights">As above; those of all ranks have the same bits.</param>
    /// <param name="batch">Images in each batch, of all ranks together.</param>
    /// <param name="ranks">Who shares it; all ranks make the same calls.</param>
    /// <param name="localBatchNorm">Batch norm takes the statistics of each rank's own images, and waits for no other rank. Then results depend on the number of
    /// ranks. Running statistics are the means of those of the ranks.</param>
    /// <param name="threads">As above.</param>
    /// <param name="classifierAlone">As above.</param>
    internal TrainingPlan(Weights weights, int batch, Ranks? ranks, bool localBatchNorm = false, int threads = 0, bool classifierAlone = false)
        : this(weights, batch, threads, VectorLevels.Best, classifierAlone, ranks, localBatchNorm)
    {
    }

    internal TrainingPlan(
        Weights weights, int batch, int threads, VectorLevel level, bool classifierAlone = false, Ranks? ranks = null, bool localBatchNorm = false)
    {
        _isFrozen = classifierAlone;
        _ranks = ranks is { Count: > 1 } ? ranks : null;
        _hasLocalNorm = localBatchNorm && _ranks is not null;
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Weights = weights;
        Batch = batch;
        _ownBlocks = BlockRun.Of(Lanes.Blocks(batch), _ranks?.Count ?? 1, _ranks?.Rank ?? 0);
        OwnImages = ImagesOf(batch, _ranks);

        // A rank without blocks of its own still has memory for one: it takes the totals of the batch.
        var blocks = Math.Max(1, _ownBlocks.Count);
        _network = new TrainingProgram(new LoweredNetwork(weights.Network), weights, blocks, level, classifierAlone);
        try
        {
            (Threads, _parts) = Sharing(threads == 0 ? Environment.ProcessorCount : threads, blocks, _network);

            float* data = _memory.AllocateRows<float>(blocks, _network.DataSize, out var dataStride);
            float* gradients = _memory.AllocateRows<float>(blocks, _network.GradientSize, out var gradientStride);
            float* sums = _memory.AllocateRows<float>(blocks, _network.SumsSize, out var sumsStride);
            double* totals = _memory.AllocateRows<double>(blocks, _network.SumsSize / Lanes.Count, out var totalsStride);
            _masks = _memory.Allocate<float>(blocks * Lanes.Count);
            _blocks = [.. Enumerable.Range(0, blocks).Select(b => new Block
            {
                Data = data + b * dataStride,
                Gradients = gradients + b * gradientStride,
                Sums = sums + b * sumsStride,
                Totals = totals + b * totalsStride,
                LaneMask = _masks + b * Lanes.Count,
            })];
            foreach (var block in _blocks)
                _network.Guard(block, _memory);
            _sums = new(_memory, weights.Trained.Length, _ranks is null ? Enumerable.Range(1, blocks).Select(BlockRun.Whole) : [_ownBlocks], Threads / _parts);
            _gradients = GC.AllocateArray<float>(weights.Trained.Length, pinned: true);
            _batchSums = new(
                [.. _network.Affines.OfType<DeferredAffine>().Select(affine => new[] { affine }), .. _network.FinishedAfter], _ownBlocks,
                _hasLocalNorm ? null : _ranks);
            if (_ranks is not null)
            {
                _resultSums = new(_ranks, _ownBlocks.Used, 4);
                _exchange = CreateExchange(_ranks);
            }

            _scratch = _memory.AllocateRows<float>(Threads, _network.Scratch, out _scratchStride);
            _losses = new BlockLoss[blocks];
            _lossOfBlocks = new double[blocks];
            _labels = new int[blocks * Lanes.Count];
            _pool = new WorkerPool(Threads, Work);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The weights given.</summary>
    public Weights Weights => Live(field);

    /// <summary>Most images in a batch.</summary>
    public int Batch => Live(field);

    /// <summary>Where the images that are computed here begin in a full batch, and how many they are.</summary>
    internal (int First, int Count) OwnImages { get; }

    /// <summary>What each step gives to other ranks: the gradients of its weights, and sums for batch norm, forward and backward.</summary>
    internal IEnumerable<(int Weights, int ForwardSums, int BackwardSums)> Exchanged => _network.Steps.Index().Select(step => (
        step.Item.Weights.Count,
        _network.Affines[step.Index] is { NeedsBatch: true } affine ? 2 * affine.PlaneCount : 0,
        2 * _network.FinishedAfter[step.Index].Sum(finished => finished.PlaneCount)));

    /// <summary>Time that steps have waited for other ranks so far: for sums that batch norm needs, and for gradients after the end of backward.</summary>
    internal (TimeSpan Sums, TimeSpan Gradients) Waited { get; private set; }

    /// <summary>Asks all ranks to stop; <see cref="IsStopAgreed"/> after the next step tells all of them.</summary>
    internal bool AsksToStop { get; set; }

    /// <summary>Whether a rank asked to stop before the last step.</summary>
    internal bool IsStopAgreed { get; private set; }

    /// <summary>The images of a full batch that a rank computes: whole blocks of sixteen.</summary>
    internal static (int First, int Count) ImagesOf(int batch, Ranks? ranks)
    {
        var run = BlockRun.Of(Lanes.Blocks(batch), ranks?.Count ?? 1, ranks?.Rank ?? 0);
        var first = Math.Min(batch, run.First * Lanes.Count);
        return (first, Math.Min(batch, run.End * Lanes.Count) - first);
    }

    /// <summary>Threads that compute: the requested number, but at most eight for each block of sixteen images.</summary>
    public int Threads => Live(field);

    /// <summary>Memory planned outside the managed heap, in bytes.</summary>
    public long Memory => Live(_memory).Bytes;

    /// <summary>Gradient of the mean loss, in the order of <see cref="Weights.Trained"/>, after a step. The memory never moves, and outlives the plan while the
    /// span is in use.</summary>
    public Span<float> Gradients => Live(_gradients);

    /// <summary>Where each step's time is counted, if anywhere.</summary>
    internal LayerTimes? Times { get; set; }

    /// <summary>Where the first thread's scratch ends, for tests of what guards it.</summary>
    internal float* EndOfScratch => _scratch + _network.Scratch;

    /// <summary>Forward, loss, backward: fills <see cref="Gradients"/> and updates the running statistics. Allocates nothing.</summary>
    /// <param name="pixels">Images×H×W×3 bytes, red first.</param>
    /// <param name="labels">One class index for each image; their number, at most <see cref="Batch"/>, is the number of images.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="labelSmoothing">From 0 (none) to below 1 (Szegedy et al., 2016).</param>
    /// <param name="distillation">What a teacher makes of the images; none unless given.</param>
    /// <exception cref="ArgumentException">Pixels, labels or smoothing do not fit.</exception>
    public StepResult Step(
        ReadOnlySpan<byte> pixels, ReadOnlySpan<int> labels, Normalisation normalisation, float labelSmoothing = 0, in DistillationTargets distillation = default)
    {
        fixed (byte* pointer = pixels)
            return Step(ImageBatch.OfBytes(pointer, pixels.Length, labels.Length, Weights.Network, normalisation), labels, labelSmoothing, distillation);
    }

    /// <summary>The same for inputs that are ready.</summary>
    /// <param name="images">Images×3×H×W, normalised.</param>
    /// <param name="labels">One class index for each image; their number, at most <see cref="Batch"/>, is the number of images.</param>
    /// <param name="labelSmoothing">From 0 (none) to below 1.</param>
    /// <param name="distillation">What a teacher makes of the images; none unless given.</param>
    /// <exception cref="ArgumentException">Images, labels or smoothing do not fit.</exception>
    public StepResult Step(ReadOnlySpan<float> images, ReadOnlySpan<int> labels, float labelSmoothing = 0, in DistillationTargets distillation = default)
    {
        fixed (float* pointer = images)
            return Step(ImageBatch.OfFloats(pointer, images.Length, labels.Length, Weights.Network), labels, labelSmoothing, distillation);
    }

    /// <summary>Logits of the last step's batch, images×classes.</summary>
    /// <exception cref="ArgumentException">The span is too short.</exception>
    public void ReadLogits(Span<float> logits)
    {
        lock (_gate)
        {
            var classes = Weights.Network.Classes;
            var needed = (long)_images.Count * classes;
            if (logits.Length < needed)
                throw new ArgumentException($"{_images.Count} images of {classes} classes need {needed} logits, not {logits.Length}");
            fixed (float* rows = logits)
            {
                for (var b = 0; b < Lanes.Blocks(_images.Count); b++)
                    _network.Loss.ReadLogits(_network.Planes, _blocks[b], _scratch, ImagesOf(b), rows + (long)b * Lanes.Count * classes);
            }
        }
    }

    /// <summary>The first activation of the last step that is infinite or not a number.</summary>
    internal NonFinite? FirstNonFiniteActivation()
    {
        lock (_gate)
            return NonFinite.FirstActivation(_network.Lowered, _network.Planes, Weights, _blocks.AsSpan(0, Lanes.Blocks(_images.Count)), _images.Count);
    }

    /// <summary>Frees memory and threads, after the step that runs if there is one. Every member throws <see cref="ObjectDisposedException"/> from then on.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
            _exchange?.Dispose();
            _pool?.Dispose();
            _network?.Dispose();
            _memory.Dispose();
        }
    }

    private T Live<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return value;
    }

    private StepResult Step(in ImageBatch images, ReadOnlySpan<int> labels, float labelSmoothing, in DistillationTargets distillation)
    {
        lock (_gate)
            return StepAlone(images, labels, labelSmoothing, distillation);
    }

    private StepResult StepAlone(in ImageBatch images, ReadOnlySpan<int> labels, float labelSmoothing, in DistillationTargets distillation)
    {
        if (_ranks is not null ? labels.Length != OwnImages.Count : labels.Length is 0 || labels.Length > Batch)
            throw new ArgumentException($"a batch of {labels.Length} images; this plan takes {(_ranks is null ? $"1 to {Batch}" : OwnImages.Count)}");
        if (labelSmoothing is not (>= 0 and < 1))
            throw new ArgumentException($"label smoothing {labelSmoothing} is not from 0 to below 1");
        distillation.Check(labels.Length, Weights.Network.Classes);
        foreach (var label in labels)
        {
            if ((uint)label >= (uint)Weights.Network.Classes)
                throw new ArgumentException($"label {label}: the network has classes 0 to {Weights.Network.Classes - 1}");
        }

        labels.CopyTo(_labels);
        (_images, _imagesOfBatch) = (images, _ranks is null ? images.Count : Batch);
        for (var i = 0; i < _blocks.Length * Lanes.Count; i++)
            _masks[i] = i < images.Count ? 1 : 0;
        fixed (float* teacher = distillation.Logits)
        {
            _targets = new() { Smoothing = labelSmoothing, Teacher = teacher, TeacherWeight = distillation.Weight, Temperature = distillation.Temperature };
            _pool.Run();
        }

        _memory.Verify();
        _network.Verify();
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);

        var (loss, top1, top5) = Result();
        return new StepResult(loss / _imagesOfBatch, top1, top5);
    }

    /// <summary>The sum of the losses of the whole batch, and its hits.</summary>
    private (double Loss, int Top1, int Top5) Result()
    {
        var used = UsedRun.Count;
        for (var b = 0; b < used; b++)
            _lossOfBlocks[b] = _losses[b].Loss;
        if (_resultSums is null)
        {
            var (hits1, hits5) = Hits(0, used);
            return (BlockTree.Sum(_lossOfBlocks.AsSpan(0, used)), hits1, hits5);
        }

        var asksToStop = _resultSums.Hear(AsksToStop);
        for (var node = 0; node < _resultSums.Nodes.Count; node++)
        {
            var (first, count) = _resultSums.Nodes[node];
            var (hits1, hits5) = Hits(first - _ownBlocks.First, count);
            var sums = _resultSums.SumOf(node);
            sums[0] = BlockTree.Sum(_lossOfBlocks.AsSpan(first - _ownBlocks.First, count));
            (sums[1], sums[2], sums[3]) = (hits1, hits5, asksToStop ? 1 : 0);
        }

        var total = _resultSums.Run(4);
        IsStopAgreed = total[3] > 0;
        return (total[0], (int)total[1], (int)total[2]);
    }

    private (int Top1, int Top5) Hits(int first, int count)
    {
        var (top1, top5) = (0, 0);
        for (var b = first; b < first + count; b++)
            (top1, top5) = (top1 + _losses[b].Top1, top5 + _losses[b].Top5);
        return (top1, top5);
    }

    /// <summary>The exchange of gradients; with local batch norm also of those of batch norm and the biases, and of the running statistics.</summary>
    private GradientExchange CreateExchange(Ranks ranks)
    {
        var gradients = (float*)Marshal.UnsafeAddrOfPinnedArrayElement(_gradients, 0);
        var steps = _network.Steps.Index().Reverse().Select(step => (step.Index, step.Item));
        GradientExchange.Shared[] more = [];
        if (_hasLocalNorm)
        {
            more =
            [
                .. _network.Affines.OfType<DeferredAffine>().SelectMany(affine => affine.Gradients).Select(range =>
                    new GradientExchange.Shared { Values = gradients + range.Offset, Count = range.Count, Share = 1 }),
                new() { Values = Weights.RunningPointer, Count = Weights.Running.Length, Share = (float)OwnImages.Count / Batch },
            ];
        }

        return new(_memory, ranks, _ownBlocks, _sums, _isFrozen ? steps.Take(1) : steps, more, gradients);
    }

    /// <summary>Makes the totals of the first block those of the batch, of all ranks if they share statistics. A failure ends the step, but not before its threads are done.</summary>
    private void AddTotals(ReadOnlySpan<Block> used, ReadOnlySpan<DeferredAffine> affines)
    {
        if (_failure is not null)
            return;
        try
        {
            var began = _ranks is null ? 0 : Stopwatch.GetTimestamp();
            _batchSums.Add(used, _blocks[0], affines);
            if (_ranks is not null)
                Waited = Waited with { Sums = Waited.Sums + Stopwatch.GetElapsedTime(began) };
        }
        catch (RiffleException e)
        {
            _failure = e;
        }
    }

    /// <summary>One thread's share of a step. Threads meet wherever something depends on the whole batch.</summary>
    private void Work(int worker)
    {
        var used = UsedBlocks;
        var run = UsedRun;
        var (team, part) = (worker / _parts, worker % _parts);
        var (first, end) = OwnBlocks(run, team);
        var scratch = _scratch + worker * _scratchStride;
        var steps = _network.Steps;
        var times = Times;
        times?.Start(worker);

        for (var s = worker; s < steps.Length; s += Threads)
        {
            steps[s].Prepare();
            if (_network.Affines[s] is { NeedsBatch: false } affine)
                affine.Prepare(_network.Planes);
        }

        times?.Lap(worker, OtherWork.Weights);
        for (var b = first; b < end && part == 0; b++)
            _images.Load(b, used[b].Data + _network.ImagesOffset);
        times?.Lap(worker, OtherWork.Images);
        if (_pool.Arrive())
            _pool.Release();
        times?.Lap(worker, OtherWork.Waiting);

        for (var s = 0; s < steps.Length; s++)
        {
            var share = Share.Of(steps[s].ForwardEdges, part, _parts);
            for (var i = first; i < end && share.Size > 0; i++)
                steps[s].Forward(_network.Planes, used[InTurn(s, i, first, end)], scratch, share);

            times?.Lap(worker, s);
            MeetTeams(worker, backward: false);
            if (_network.Affines[s] is not { NeedsBatch: true } affine)
                continue;
            for (var b = first; b < end && part == 0; b++)
                affine.Gather(used[b]);
            times?.Lap(worker, OtherWork.BatchNorm);
            if (_pool.Arrive())
            {
                if (NeedsTotals)
                {
                    AddTotals(used, _network.Affines.AsSpan(s, 1)!);
                    affine.AfterForward(_network.Planes, _blocks[0], NormedImages);
                }

                times?.Lap(worker, OtherWork.BatchNorm);
                _pool.Release();
            }

            times?.Lap(worker, OtherWork.Waiting);
        }

        for (var b = first; b < end && part == 0; b++)
        {
            var labels = _labels.AsSpan(b * Lanes.Count, ImagesOf(b));
            _losses[b] = _network.Loss.Loss(_network.Planes, used[b], scratch, labels, TargetsOf(b), 1f / _imagesOfBatch);
        }

        times?.Lap(worker, OtherWork.Loss);
        MeetTeams(worker, backward: true);
        FinishBackward(steps.Length, used, worker);
        for (var s = steps.Length - 1; s >= (_isFrozen ? steps.Length - 1 : 0); s--)
        {
            if (Share.Of(steps[s].BackwardEdges, part, _parts) is { Size: > 0 } share)
                _sums.Backward(steps[s], _network.Planes, run, used, team, scratch, IsDown(s), share);
            times?.Lap(worker, s, backward: true);
            MeetTeams(worker, backward: true);
            FinishBackward(s, used, worker);
        }

        if (_pool.Arrive())
        {
            FinishExchange();
            _pool.Release();
        }

        times?.Lap(worker, OtherWork.Waiting, backward: true);
        if (_exchange is null)
        {
            fixed (float* gradients = _gradients)
                _sums.Add(_isFrozen ? steps.AsSpan(steps.Length - 1) : steps, run, worker, Threads, gradients);
        }

        times?.Lap(worker, OtherWork.Gradients, backward: true);
    }

    /// <summary>The blocks that the batch of this step uses here.</summary>
    private ReadOnlySpan<Block> UsedBlocks => _blocks.AsSpan(0, UsedRun.Count);

    private BlockRun UsedRun => _ranks is null ? BlockRun.Whole(Lanes.Blocks(_images.Count)) : _ownBlocks;

    /// <summary>Images whose statistics batch norm takes.</summary>
    private int NormedImages => _hasLocalNorm ? _images.Count : _imagesOfBatch;

    /// <summary>Whether batch norm has statistics here: not those of a rank that has no images, where each has its own.</summary>
    private bool NeedsTotals => !_hasLocalNorm || _images.Count > 0;

    /// <summary>The blocks of a team of threads, counted from the first that is computed here.</summary>
    private (int First, int End) OwnBlocks(BlockRun run, int team)
    {
        var part = run.Part(team, Threads / _parts);
        return (part.First - run.First, part.End - run.First);
    }

    private void FinishExchange()
    {
        if (_exchange is null || _failure is not null)
            return;
        try
        {
            var began = Stopwatch.GetTimestamp();
            _exchange.Ready(0);
            _exchange.Finish();
            Waited = Waited with { Gradients = Waited.Gradients + Stopwatch.GetElapsedTime(began) };
        }
        catch (RiffleException e)
        {
            _failure = e;
        }
    }

    /// <summary>How many of so many threads work on so many blocks, and how many of them on each block.</summary>
    internal static (int Threads, int OfBlock) Sharing(int threads, int blocks, TrainingProgram program)
    {
        var parts = program.CanShareBlocks ? Math.Clamp(threads / blocks, 1, MostParts) : 1;
        return (Math.Min(threads, blocks * parts), parts);
    }

    /// <summary>Blocks are taken up and down in turn: a step begins with the block that the one before it ended with, which is still in the cache.</summary>
    private static int InTurn(int step, int i, int first, int end) => IsDown(step) ? first + end - 1 - i : i;

    private static bool IsDown(int step) => step % 2 != 0;

    /// <summary>Where gradients are complete, batch norm's backward.</summary>
    private void FinishBackward(int step, ReadOnlySpan<Block> used, int worker)
    {
        var finished = _network.FinishedAfter[step];
        if (finished.Length == 0)
            return;
        var (first, end) = OwnBlocks(UsedRun, worker / _parts);
        foreach (var affine in finished)
        {
            for (var b = first; b < end && worker % _parts == 0; b++)
                affine.Gather(used[b]);
        }

        Times?.Lap(worker, OtherWork.BatchNorm, backward: true);
        if (_pool.Arrive())
        {
            _exchange?.Ready(step);
            fixed (float* gradients = _gradients)
            {
                if (NeedsTotals)
                    AddTotals(used, finished);
                foreach (var affine in finished)
                    affine.AfterBackward(_network.Planes, _blocks[0], NormedImages, gradients);
            }

            Times?.Lap(worker, OtherWork.BatchNorm, backward: true);
            _pool.Release();
        }

        Times?.Lap(worker, OtherWork.Waiting, backward: true);
    }

    /// <summary>Where threads share a block, each step reads what all of them wrote in the one before it.</summary>
    private void MeetTeams(int worker, bool backward)
    {
        if (_parts == 1)
            return;
        if (_pool.Arrive())
            _pool.Release();
        Times?.Lap(worker, OtherWork.Waiting, backward);
    }

    private int ImagesOf(int block) => Math.Min(Lanes.Count, _images.Count - block * Lanes.Count);

    private SoftTargets TargetsOf(int block) =>
        _targets.Teacher == null ? _targets : _targets with { Teacher = _targets.Teacher + (long)block * Lanes.Count * Weights.Network.Classes };
}
