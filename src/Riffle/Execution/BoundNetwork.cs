using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// A schedule bound to weights, to offsets in memory and to a vector width, for training: every activation is kept, and gradients have places. Blocks of images
/// are the caller's.
/// </summary>
internal sealed unsafe class BoundNetwork : IDisposable
{
    /// <summary>Gradients of a batch by one tensor that are larger have left the caches before the next layer reads them.</summary>
    private const long MostBytesInCache = 8 << 20;

    private readonly NativeArena _memory = new();
    private readonly LoweredNetwork _lowered;
    private readonly GradientFlow _flow;
    private readonly Weights _weights;
    private readonly int _blocks;
    private readonly bool _isFrozen;

    /// <param name="lowered">The steps.</param>
    /// <param name="weights">Their memory is read by every run.</param>
    /// <param name="blocks">Blocks of the largest batch.</param>
    /// <param name="level">Vector width.</param>
    /// <param name="isFrozen">Whether all but the last layer is as in inference: batch norm takes its running statistics.</param>
    public BoundNetwork(LoweredNetwork lowered, Weights weights, int blocks, VectorLevel level, bool isFrozen = false)
    {
        _isFrozen = isFrozen;
        (_lowered, _flow) = (lowered, new GradientFlow(lowered));
        _weights = weights;
        _blocks = blocks;
        RequireTrainable();
        try
        {
            Planes = CreatePlanes();
            Place();
            var steps = lowered.Steps.SkipLast(1).ToArray();
            Pendings = [.. steps.Select(step => CreatePending(step.Output!))];
            FinishedAfter = [.. Enumerable.Range(0, lowered.Steps.Count).Select(FinishedBackwardAfter)];
            (Steps, Loss) = level switch
            {
                VectorLevel.Bits512 => Create<Vec512>(steps),
                VectorLevel.Bits256 => Create<Vec256>(steps),
                VectorLevel.Bits128 => Create<Vec128>(steps),
                _ => Create<VecScalar>(steps),
            };
        }
        catch
        {
            Dispose();
            throw;
        }

        Scratch = (Steps.Max(step => step.Scratch) + (long)weights.Network.Classes * Lanes.Count + 63) / 64 * 64;
    }

    /// <summary>What is bound.</summary>
    public LoweredNetwork Lowered => _lowered;

    /// <summary>All planes.</summary>
    public Planes Planes { get; }

    /// <summary>The steps in forward order, without the loss.</summary>
    public Step[] Steps { get; }

    /// <summary>For each step what is pending on its output, if anything.</summary>
    public Pending?[] Pendings { get; }

    /// <summary>For each step, the loss last: what is pending on tensors whose gradient is whole after it.</summary>
    public Pending[][] FinishedAfter { get; }

    /// <summary>The loss and what else is done at a batch's end.</summary>
    public BatchKernels Loss { get; }

    /// <summary>Floats of activations of one block.</summary>
    public long DataSize { get; private set; }

    /// <summary>Floats of gradients of one block.</summary>
    public long GradientSize { get; private set; }

    /// <summary>Floats of sums of one block.</summary>
    public long SumsSize => (long)_lowered.PlaneCount * 2 * Lanes.Count;

    /// <summary>Floats of scratch that one thread needs.</summary>
    public long Scratch { get; }

    /// <summary>Offset of the images in a block's activations.</summary>
    public long ImagesOffset => Planes.Offset[_lowered.Images.FirstPlane];

    private long GuardSize => _memory.GuardBytes / sizeof(float);

    /// <summary>Where memory is guarded, guards each tensor's activations in a block.</summary>
    public void Guard(Block block, NativeArena memory)
    {
        foreach (var tensor in _lowered.Tensors)
        {
            var end = block.Data + Planes.Offset[tensor.FirstPlane] + tensor.Size();
            memory.Guard((byte*)end, memory.GuardBytes, $"activations of {tensor.Layer.Name}");
        }
    }

    /// <inheritdoc cref="NativeArena.Verify"/>
    public void Verify() => _memory.Verify();

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>What a step's gradients mean for the planes of an input.</summary>
    private Arrival* Arrivals(LoweredStep step, int input) => _memory.Copy<Arrival>(
    [
        .. step.Inputs[input].Zip(_flow.ArrivalsOf(step, input), (plane, arrival) =>
            _lowered.TensorOf(plane).Size() * sizeof(float) * _blocks > MostBytesInCache ? arrival | Arrival.Past : arrival),
    ]);

    private Planes CreatePlanes()
    {
        var count = _lowered.PlaneCount;
        var planes = Planes.Create(count, bytes => (nint)_memory.Allocate<byte>(bytes));
        for (var p = 0; p < count; p++)
        {
            planes.Clamp[p] = _lowered.KernelClampOf(p);
            planes.IsNormed[p] = _lowered.TensorOf(p).Norm != null;
            planes.Addend[p] = _flow.AddendOf(p);
        }

        return planes;
    }

    private void Place()
    {
        MemoryLayout data = new(), gradients = new();
        var last = _lowered.Steps.Count;
        foreach (var tensor in _lowered.Tensors)
        {
            var offset = data.Place(tensor.Size() + GuardSize, tensor.Step, last);
            for (var c = 0; c < tensor.Channels; c++)
                Planes.Offset[tensor.FirstPlane + c] = offset + (long)c * tensor.PlaneSize();
        }

        DataSize = data.Size;

        // Backward time runs from the last step to the first. The images have no gradient.
        foreach (var tensor in _lowered.Tensors.Skip(1).Where(tensor => !_flow.IsShared(tensor)).OrderByDescending(tensor => tensor.LastReader))
        {
            var offset = gradients.Place(tensor.Size(), last - tensor.LastReader, last - _flow.NeededUntil(tensor));
            for (var c = 0; c < tensor.Channels; c++)
                Planes.GradientOffset[tensor.FirstPlane + c] = offset + (long)c * tensor.PlaneSize();
        }

        foreach (var tensor in _lowered.Tensors.Where(_flow.IsShared))
        {
            for (var p = tensor.FirstPlane; p < tensor.FirstPlane + tensor.Channels; p++)
                Planes.GradientOffset[p] = Planes.GradientOffset[_flow.GradientOf(p)];
        }

        GradientSize = gradients.Size;
    }

    private (Step[] Steps, BatchKernels Loss) Create<TVec>(LoweredStep[] steps)
        where TVec : unmanaged, IVec<TVec>
    {
        var loss = new SoftmaxCrossEntropy { Input = _memory.Copy<int>(_lowered.Logits), Classes = _lowered.Logits.Length };
        return ([.. steps.Select(CreateStep<TVec>)], new Steps<TVec>.Batch(loss, Arrivals(_lowered.Steps[^1], 0)));
    }

    private Step CreateStep<TVec>(LoweredStep step)
        where TVec : unmanaged, IVec<TVec>
    {
        var output = step.Output!;
        var planes = _memory.Copy<int>(step.Inputs[0]);
        var gather = output.Norm != null && !_isFrozen;
        var arrivals = Arrivals(step, 0);
        var window = step.Window(Lanes.Count) with { Input = planes, Output = output.FirstPlane };
        switch (step.Primitive)
        {
            case Product { IsPointwise: true } product:
                return CreatePointwise<TVec>(step, product.Groups, gather);
            case Depthwise { Kernel: 1, Stride: 1 }:
                return CreatePointwise<TVec>(step, groups: step.Input.Channels, gather);
            case Depthwise:
                var depthwise = new DepthwiseConvolution
                {
                    Window = window,
                    Weights = Kernel(step.Layer!),
                    WeightStride = window.Kernel * window.Kernel,
                };
                return new Steps<TVec>.Depthwise(depthwise, KernelOffset(step.Layer!), arrivals, gather);
            case Product:
                var packed = _memory.Allocate<float>(step.Layer!.Parameters[0].Count);
                var dense = new DenseConvolution { Window = window, OutputChannels = output.Channels, Packed = packed };
                dense = dense with { Offsets = _memory.Copy<long>(dense.TapOffsets()), RowOffsets = _memory.Copy<long>(dense.PanelOffsets()) };
                return new Steps<TVec>.Dense(dense, Kernel(step.Layer), KernelOffset(step.Layer), gather);
            case MaxWindow:
                return new Steps<TVec>.Maximum(new Kernels.MaxPool { Window = window }, arrivals);
            case MeanWindow:
                var mean = DepthwiseConvolution.Mean(window, _memory.Allocate<float>(9));
                return new Steps<TVec>.Depthwise(mean, -1, arrivals, gatherSums: false);
            case Mean:
                var global = new Kernels.GlobalAveragePool
                {
                    Input = planes,
                    Output = output.FirstPlane,
                    Channels = step.Input.Channels,
                    PlaneSize = step.Input.Height * step.Input.Width * Lanes.Count,
                };
                return new Steps<TVec>.GlobalAverage(global, arrivals);
            case Networks.Sum:
                var addition = new Addition
                {
                    Left = planes,
                    Right = _memory.Copy<int>(step.Inputs[1]),
                    Output = output.FirstPlane,
                    Channels = output.Channels,
                    PlaneSize = output.PlaneSize(),
                };
                return new Steps<TVec>.Sum(addition, arrivals, Arrivals(step, 1));
            case Function function:
                var activation = new Kernels.Activation
                {
                    Input = planes,
                    Output = output.FirstPlane,
                    Channels = output.Channels,
                    PlaneSize = output.PlaneSize(),
                };
                return ActivationFunctions<TVec>.Step(function.Kind, activation, arrivals);
            case ChannelScale:
                var scaling = new ChannelScaling
                {
                    Input = planes,
                    Factors = _memory.Copy<int>(step.Inputs[1]),
                    Output = output.FirstPlane,
                    Channels = output.Channels,
                    PlaneSize = output.PlaneSize(),
                };
                return new Steps<TVec>.Scale(scaling, arrivals, Arrivals(step, 1));
            default:
                throw new NotSupportedException($"{step.Name}: {step.Primitive} can't be trained");
        }
    }

    private Steps<TVec>.Pointwise CreatePointwise<TVec>(LoweredStep step, int groups, bool gather)
        where TVec : unmanaged, IVec<TVec>
    {
        var layer = step.Layer!;
        var wanted = _flow.ArrivalsOf(step, 0)[0] != Arrival.Unwanted;
        var kernel = new PointwiseConvolution
        {
            Input = _memory.Copy<int>(step.Inputs[0]),
            Output = step.Output!.FirstPlane,
            InputChannels = step.Input.Channels,
            OutputChannels = step.Output.Channels,
            Groups = groups,
            PlaneSize = step.Output.PlaneSize(),
            Packed = _memory.Allocate<float>(layer.Parameters[0].Count),
            PackedTransposed = wanted ? _memory.Allocate<float>(layer.Parameters[0].Count) : null,
        };
        kernel = kernel with { Offsets = _memory.Copy<long>(kernel.PanelOffsets()) };
        return new Steps<TVec>.Pointwise(kernel, Kernel(layer), KernelOffset(layer), wanted ? Arrivals(step, 0) : null, gather);
    }

    /// <summary>Training has kernels for what the papers' networks are made of.</summary>
    /// <exception cref="NotSupportedException">There is something else; the message names its layer.</exception>
    private void RequireTrainable()
    {
        foreach (var step in _lowered.Steps.SkipLast(1))
        {
            var missing = step.Primitive switch
            {
                _ when step.Output is { Bias: not null, Norm: not null } => "a bias before batch norm, which undoes it",
                Product when step.Primitive.Window is { Kernel: not (1 or 3) } or { Stride: not (1 or 2) } =>
                    "a kernel that is not 1×1 or 3×3, or a stride above 2",
                Product { Kernel: 1, Stride: 2 } => "a 1×1 convolution with a stride",
                Product { Kernel: 3 } when !step.Primitive.IsPaperWindow() => "padding other than 1",
                Product { Kernel: 3 } product when product.Groups > 1 || step.Inputs[0].Any(plane => _lowered.TensorOf(plane).Step >= 0) =>
                    "a 3×3 convolution that is not depthwise behind other layers than the images",
                MaxWindow or MeanWindow when !step.Primitive.IsPaperWindow() || step.Primitive is MeanWindow { CountsPadding: false } =>
                    "a pool that is not 3×3 with padding 1",
                _ => null,
            };
            if (missing is not null)
                throw new NotSupportedException($"{step.Name}: {missing}, which runs in inference, but can't be trained");
        }
    }

    private Pending? CreatePending(LoweredTensor tensor)
    {
        if (tensor.Bias is { } bias)
            return new PendingBias(tensor.FirstPlane, tensor.Channels, _weights.TrainedPointer + _weights.OffsetOf(bias), _weights.OffsetOf(bias));

        if (tensor.Norm is not { } norm)
            return null;
        return _isFrozen
            ? new FrozenNorm(tensor.NormKernel(_weights))
            : new PendingNorm(tensor.NormKernel(_weights), _weights.OffsetOf(norm.Parameters[0]), _weights.OffsetOf(norm.Parameters[1]));
    }

    private Pending[] FinishedBackwardAfter(int step) =>
        [.. _lowered.Tensors.Where(tensor => tensor.FirstReader == step && tensor.Step >= 0).Select(tensor => Pendings[tensor.Step]).OfType<Pending>()];

    private float* Kernel(Layer layer) => _weights.TrainedPointer + KernelOffset(layer);

    private int KernelOffset(Layer layer) => _weights.OffsetOf(layer.Parameters[0]);
}
