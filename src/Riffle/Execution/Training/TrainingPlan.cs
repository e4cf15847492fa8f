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
/// its own blocks from layer to layer, or its share of a block where there are more threads than blocks; what is added over blocks is added in the order of a tree (<see cref="BlockTree"/>). So results do not depend on the number of threads.
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

    // Managed, so that a span over it keeps it alive whatever becomes of the plan; pinned, so that it never moves.
    private readonly float[] _gradients;
    private readonly float* _scratch;
    private readonly float* _masks;
    private readonly long _scratchStride;

    // One call at a time: a plan is disposed of after the step that runs, never under it.
    private readonly Lock _gate = new();
    private bool _isDisposed;

    // The batch of the step that runs.
    private ImageBatch _images;
    private SoftTargets _targets;

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

    internal TrainingPlan(Weights weights, int batch, int threads, VectorLevel level, bool classifierAlone = false)
    {
        _isFrozen = classifierAlone;
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Weights = weights;
        Batch = batch;
        var blocks = Lanes.Blocks(batch);
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
            _sums = new(_memory, weights.Trained.Length, blocks, Threads / _parts);
            _gradients = GC.AllocateArray<float>(weights.Trained.Length, pinned: true);
            _scratch = _memory.AllocateRows<float>(Threads, _network.Scratch, out _scratchStride);
            _losses = new BlockLoss[blocks];
            _lossOfBlocks = new double[blocks];
            _labels = new int[batch];
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
        if (labels.Length is 0 || labels.Length > Batch)
            throw new ArgumentException($"a batch of {labels.Length} images; this plan takes 1 to {Batch}");
        if (labelSmoothing is not (>= 0 and < 1))
            throw new ArgumentException($"label smoothing {labelSmoothing} is not from 0 to below 1");
        distillation.Check(labels.Length, Weights.Network.Classes);
        foreach (var label in labels)
        {
            if ((uint)label >= (uint)Weights.Network.Classes)
                throw new ArgumentException($"label {label}: the network has classes 0 to {Weights.Network.Classes - 1}");
        }

        labels.CopyTo(_labels);
        _images = images;
        for (var i = 0; i < _blocks.Length * Lanes.Count; i++)
            _masks[i] = i < images.Count ? 1 : 0;
        fixed (float* teacher = distillation.Logits)
        {
            _targets = new() { Smoothing = labelSmoothing, Teacher = teacher, TeacherWeight = distillation.Weight, Temperature = distillation.Temperature };
            _pool.Run();
        }

        _memory.Verify();
        _network.Verify();

        int used = Lanes.Blocks(images.Count), top1 = 0, top5 = 0;
        for (var b = 0; b < used; b++)
        {
            _lossOfBlocks[b] = _losses[b].Loss;
            top1 += _losses[b].Top1;
            top5 += _losses[b].Top5;
        }

        return new StepResult(BlockTree.Sum(_lossOfBlocks.AsSpan(0, used)) / images.Count, top1, top5);
    }

    /// <summary>One thread's share of a step. Threads meet wherever something depends on the whole batch.</summary>
    private void Work(int worker)
    {
        var used = _blocks.AsSpan(0, Lanes.Blocks(_images.Count));
        var (team, part) = (worker / _parts, worker % _parts);
        var (first, end) = _sums.Run(used.Length, team);
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
                affine.AfterForward(_network.Planes, used, _images.Count);
                times?.Lap(worker, OtherWork.BatchNorm);
                _pool.Release();
            }

            times?.Lap(worker, OtherWork.Waiting);
        }

        for (var b = first; b < end && part == 0; b++)
        {
            var labels = _labels.AsSpan(b * Lanes.Count, ImagesOf(b));
            _losses[b] = _network.Loss.Loss(_network.Planes, used[b], scratch, labels, TargetsOf(b), 1f / _images.Count);
        }

        times?.Lap(worker, OtherWork.Loss);
        MeetTeams(worker, backward: true);
        FinishBackward(steps.Length, used, worker);
        for (var s = steps.Length - 1; s >= (_isFrozen ? steps.Length - 1 : 0); s--)
        {
            if (Share.Of(steps[s].BackwardEdges, part, _parts) is { Size: > 0 } share)
                _sums.Backward(steps[s], _network.Planes, used, team, scratch, IsDown(s), share);
            times?.Lap(worker, s, backward: true);
            MeetTeams(worker, backward: true);
            FinishBackward(s, used, worker);
        }

        if (_pool.Arrive())
            _pool.Release();
        times?.Lap(worker, OtherWork.Waiting, backward: true);
        fixed (float* gradients = _gradients)
            _sums.Add(_isFrozen ? steps.AsSpan(steps.Length - 1) : steps, used.Length, worker, Threads, gradients);
        times?.Lap(worker, OtherWork.Gradients, backward: true);
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
        var (first, end) = _sums.Run(used.Length, worker / _parts);
        foreach (var affine in finished)
        {
            for (var b = first; b < end && worker % _parts == 0; b++)
                affine.Gather(used[b]);
        }

        Times?.Lap(worker, OtherWork.BatchNorm, backward: true);
        if (_pool.Arrive())
        {
            fixed (float* gradients = _gradients)
            {
                foreach (var affine in finished)
                    affine.AfterBackward(_network.Planes, used, _images.Count, gradients);
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
