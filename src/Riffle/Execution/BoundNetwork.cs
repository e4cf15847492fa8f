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
    /// <summary>What is told of a layer that cannot be computed.</summary>
    private const string NoKernel = "can't be trained; trainable convolutions are 1×1 grouped with stride 1, 3×3 depthwise, or 3×3 dense on the images, pools "
        + "are 3×3, and strides are 1 or 2";

    /// <summary>Gradients of a batch by one tensor that are larger have left the caches before the next layer reads them.</summary>
    private const long MostBytesInCache = 8 << 20;

    private readonly NativeArena _memory = new();
    private readonly Schedule _schedule;
    private readonly Weights _weights;
    private readonly int _blocks;
    private readonly bool _isFrozen;

    /// <param name="schedule">The steps.</param>
    /// <param name="weights">Their memory is read by every run.</param>
    /// <param name="blocks">Blocks of the largest batch.</param>
    /// <param name="level">Vector width.</param>
    /// <param name="isFrozen">Whether all but the last layer is as in inference: batch norm takes its running statistics.</param>
    public BoundNetwork(Schedule schedule, Weights weights, int blocks, VectorLevel level, bool isFrozen = false)
    {
        _isFrozen = isFrozen;
        _schedule = schedule;
        _weights = weights;
        _blocks = blocks;
        if (weights.Network.Layers.FirstOrDefault(layer => layer.UntrainablePart() is not null) is { } layer)
            throw new NotSupportedException($"{layer.Name}: {layer.UntrainablePart()}, which runs in inference, but can't be trained");
        try
        {
            Planes = CreatePlanes();
            Place();
            var scheduled = schedule.Steps.SkipLast(1).ToArray();
            Pendings = [.. scheduled.Select(step => CreatePending(step.Output!))];
            FinishedAfter = [.. Enumerable.Range(0, schedule.Steps.Count).Select(FinishedBackwardAfter)];
            (Steps, Loss) = level switch
            {
                VectorLevel.Bits512 => Create<Vec512>(scheduled),
                VectorLevel.Bits256 => Create<Vec256>(scheduled),
                VectorLevel.Bits128 => Create<Vec128>(scheduled),
                _ => Create<VecScalar>(scheduled),
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
    public Schedule Schedule => _schedule;

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
    public long SumsSize => (long)_schedule.PlaneCount * 2 * Lanes.Count;

    /// <summary>Floats of scratch that one thread needs.</summary>
    public long Scratch { get; }

    /// <summary>Offset of the images in a block's activations.</summary>
    public long ImagesOffset => Planes.Offset[_schedule.Images.FirstPlane];

    private long GuardSize => _memory.GuardBytes / sizeof(float);

    /// <summary>Where memory is guarded, guards each tensor's activations in a block.</summary>
    public void Guard(Block block, NativeArena memory)
    {
        foreach (var tensor in _schedule.Tensors)
        {
            var end = block.Data + Planes.Offset[tensor.FirstPlane] + tensor.Size;
            memory.Guard((byte*)end, memory.GuardBytes, $"activations of {tensor.Layer.Name}");
        }
    }

    /// <inheritdoc cref="NativeArena.Verify"/>
    public void Verify() => _memory.Verify();

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>What a step's gradients mean for the planes of an input.</summary>
    private Arrival* Arrivals(ScheduledStep step, int input) => _memory.Copy<Arrival>(
    [
        .. step.Inputs[input].Zip(step.Arrivals[input], (plane, arrival) =>
            _schedule.TensorOf(plane).Size * sizeof(float) * _blocks > MostBytesInCache ? arrival | Arrival.Past : arrival),
    ]);

    private Planes CreatePlanes()
    {
        var count = _schedule.PlaneCount;
        var planes = Planes.Create(count, bytes => (nint)_memory.Allocate<byte>(bytes));
        for (var p = 0; p < count; p++)
        {
            if (_schedule.HasRelu(p))
                planes.Floor[p] = 0;
            planes.IsNormed[p] = _schedule.TensorOf(p).Norm != null;
            planes.Addend[p] = _schedule.AddendOf(p);
        }

        return planes;
    }

    private void Place()
    {
        MemoryLayout data = new(), gradients = new();
        var last = _schedule.Steps.Count;
        foreach (var tensor in _schedule.Tensors)
        {
            var offset = data.Place(tensor.Size + GuardSize, tensor.Step, last);
            for (var c = 0; c < tensor.Channels; c++)
                Planes.Offset[tensor.FirstPlane + c] = offset + (long)c * tensor.PlaneSize;
        }

        DataSize = data.Size;

        // Backward time runs from the last step to the first. The images have no gradient.
        foreach (var tensor in _schedule.Tensors.Skip(1).Where(tensor => !tensor.SharesGradient).OrderByDescending(tensor => tensor.LastReader))
        {
            var offset = gradients.Place(tensor.Size, last - tensor.LastReader, last - tensor.GradientUntil);
            for (var c = 0; c < tensor.Channels; c++)
                Planes.GradientOffset[tensor.FirstPlane + c] = offset + (long)c * tensor.PlaneSize;
        }

        foreach (var tensor in _schedule.Tensors.Where(tensor => tensor.SharesGradient))
        {
            for (var p = tensor.FirstPlane; p < tensor.FirstPlane + tensor.Channels; p++)
                Planes.GradientOffset[p] = Planes.GradientOffset[_schedule.GradientOf(p)];
        }

        GradientSize = gradients.Size;
    }

    private (Step[] Steps, BatchKernels Loss) Create<TVec>(ScheduledStep[] steps)
        where TVec : unmanaged, IVec<TVec>
    {
        var loss = new SoftmaxCrossEntropy { Input = _memory.Copy<int>(_schedule.Logits), Classes = _schedule.Logits.Length };
        return ([.. steps.Select(CreateStep<TVec>)], new Steps<TVec>.Batch(loss, Arrivals(_schedule.Steps[^1], 0)));
    }

    private Step CreateStep<TVec>(ScheduledStep step)
        where TVec : unmanaged, IVec<TVec>
    {
        var layer = step.Layer!;
        var output = step.Output!;
        var input = _weights.Network.Layers[layer.Inputs[0]].Output;
        var planes = _memory.Copy<int>(step.Inputs[0]);
        var gather = output.Norm != null && !_isFrozen;
        var arrivals = Arrivals(step, 0);
        var window = layer.Window(input, Lanes.Count) with { Input = planes, Output = output.FirstPlane, Channels = input.Channels };
        switch (layer.Operation)
        {
            case Convolution { Kernel: 1, Stride: 1 } conv:
                return CreatePointwise<TVec>(step, input, conv.Groups, gather);
            case FullyConnected:
                return CreatePointwise<TVec>(step, input, 1, gather);
            case Convolution { Kernel: 3, Stride: 1 or 2 } conv when conv.Groups == input.Channels && conv.OutputChannels == input.Channels:
                var depthwise = new DepthwiseConvolution { Window = window, Weights = Kernel(layer), WeightStride = 9 };
                return new Steps<TVec>.Depthwise(depthwise, KernelOffset(layer), arrivals, gather);
            case Convolution { Kernel: 3, Stride: 1 or 2, Groups: 1 } conv when _weights.Network.Layers[layer.Inputs[0]].Operation is Input:
                var packed = _memory.Allocate<float>(layer.Parameters[0].Count);
                var dense = new DenseConvolution { Window = window, OutputChannels = conv.OutputChannels, Packed = packed };
                dense = dense with { Offsets = _memory.Copy<long>(dense.TapOffsets()), RowOffsets = _memory.Copy<long>(dense.PanelOffsets()) };
                return new Steps<TVec>.Dense(dense, Kernel(layer), KernelOffset(layer), gather);
            case Networks.MaxPool { Kernel: 3, Stride: 1 or 2 }:
                return new Steps<TVec>.Maximum(new Kernels.MaxPool { Window = window }, arrivals);
            case AveragePool { Kernel: 3, Stride: 1 or 2 }:
                var mean = DepthwiseConvolution.Mean(window, _memory.Allocate<float>(9));
                return new Steps<TVec>.Depthwise(mean, -1, arrivals, gatherSums: false);
            case Networks.GlobalAveragePool:
                var global = new Kernels.GlobalAveragePool
                {
                    Input = planes,
                    Output = output.FirstPlane,
                    Channels = input.Channels,
                    PlaneSize = input.Height * input.Width * Lanes.Count,
                };
                return new Steps<TVec>.GlobalAverage(global, arrivals);
            case Add:
                var addition = new Addition
                {
                    Left = planes,
                    Right = _memory.Copy<int>(step.Inputs[1]),
                    Output = output.FirstPlane,
                    Channels = input.Channels,
                    PlaneSize = output.PlaneSize,
                };
                return new Steps<TVec>.Sum(addition, arrivals, Arrivals(step, 1));
            default:
                throw new NotSupportedException($"{layer.Name}: {layer.Operation} {NoKernel}");
        }
    }

    private Steps<TVec>.Pointwise CreatePointwise<TVec>(ScheduledStep step, Shape input, int groups, bool gather)
        where TVec : unmanaged, IVec<TVec>
    {
        var layer = step.Layer!;
        var wanted = step.Arrivals[0][0] != Arrival.Unwanted;
        var kernel = new PointwiseConvolution
        {
            Input = _memory.Copy<int>(step.Inputs[0]),
            Output = step.Output!.FirstPlane,
            InputChannels = input.Channels,
            OutputChannels = step.Output.Channels,
            Groups = groups,
            PlaneSize = step.Output.PlaneSize,
            Packed = _memory.Allocate<float>(layer.Parameters[0].Count),
            PackedTransposed = wanted ? _memory.Allocate<float>(layer.Parameters[0].Count) : null,
        };
        kernel = kernel with { Offsets = _memory.Copy<long>(kernel.PanelOffsets()) };
        return new Steps<TVec>.Pointwise(kernel, Kernel(layer), KernelOffset(layer), wanted ? Arrivals(step, 0) : null, gather);
    }

    private Pending? CreatePending(Tensor tensor)
    {
        if (tensor.Layer.Operation is FullyConnected)
        {
            var bias = tensor.Layer.Parameters[1];
            return new PendingBias(tensor.FirstPlane, tensor.Channels, _weights.TrainedPointer + _weights.OffsetOf(bias), _weights.OffsetOf(bias));
        }

        if (tensor.Norm is not { } norm)
            return null;
        return _isFrozen
            ? new FrozenNorm(tensor.NormKernel(_weights))
            : new PendingNorm(tensor.NormKernel(_weights), _weights.OffsetOf(norm.Parameters[0]), _weights.OffsetOf(norm.Parameters[1]));
    }

    private Pending[] FinishedBackwardAfter(int step) =>
        [.. _schedule.Tensors.Where(tensor => tensor.FirstReader == step && tensor.Step >= 0).Select(tensor => Pendings[tensor.Step]).OfType<Pending>()];

    private float* Kernel(Layer layer) => _weights.TrainedPointer + KernelOffset(layer);

    private int KernelOffset(Layer layer) => _weights.OffsetOf(layer.Parameters[0]);
}
