using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// A network compiled for training and bound to weights and to a vector width. Blocks of images are the caller's.
/// </summary>
internal sealed unsafe class TrainingProgram : IVectorWork<(TrainingStep[] Steps, BatchKernels Loss)>, IDisposable
{
    /// <summary>Gradients of a batch with respect to one tensor that are larger have left the caches before the next layer reads them.</summary>
    private const long MostBytesInCache = 8 << 20;

    private readonly NativeArena _memory = new();
    private readonly CompiledNetwork _compiled;
    private readonly GradientFlow _flow;
    private readonly Weights _weights;
    private readonly int _blocks;

    /// <param name="lowered">The network.</param>
    /// <param name="weights">Their memory is read by every run.</param>
    /// <param name="blocks">Blocks of the largest batch.</param>
    /// <param name="level">Vector width.</param>
    /// <param name="isFrozen">Whether all but the last layer is as in inference: batch norm takes its running statistics.</param>
    public TrainingProgram(LoweredNetwork lowered, Weights weights, int blocks, VectorLevel level, bool isFrozen = false)
    {
        _flow = new GradientFlow(lowered);
        _weights = weights;
        _blocks = blocks;
        _compiled = TrainingCompiler.Compile(lowered, _flow, isFrozen, _memory.GuardBytes / sizeof(float));
        try
        {
            Planes = CreatePlanes();
            Affines = [.. _compiled.Steps.Select(step => CreateAffine(step.Source.Output!, isFrozen))];
            FinishedAfter = [.. Enumerable.Range(0, lowered.Steps.Count).Select(FinishedBackwardAfter)];
            (Steps, Loss) = level.Run(this);
        }
        catch
        {
            Dispose();
            throw;
        }

        Scratch = (Steps.Max(step => step.Scratch) + (long)weights.Network.Classes * Lanes.Count + 63) / 64 * 64;
    }

    /// <summary>What was compiled.</summary>
    public LoweredNetwork Lowered => _compiled.Lowered;

    /// <summary>All planes.</summary>
    public Planes Planes { get; }

    /// <summary>The steps in forward order, without the loss.</summary>
    public TrainingStep[] Steps { get; }

    /// <summary>For each step what is deferred on its output and changes with the weights or the batch, if anything.</summary>
    public DeferredAffine?[] Affines { get; }

    /// <summary>For each step, the loss last: the affines of values whose gradient is complete after it.</summary>
    public DeferredAffine[][] FinishedAfter { get; }

    /// <summary>The loss and what else is done at a batch's end.</summary>
    public BatchKernels Loss { get; }

    /// <summary>
    /// Whether several threads may share a block: no step reads a plane twice, in different places, for then two of them would write its gradient.
    /// </summary>
    public bool CanShareBlocks => Lowered.Steps.All(step =>
    {
        var places = step.Inputs.SelectMany(planes => planes.Select((plane, place) => (plane, place))).Distinct().ToArray();
        return places.DistinctBy(read => read.plane).Count() == places.Length;
    });

    /// <summary>Floats of activations of one block.</summary>
    public long DataSize => _compiled.DataSize;

    /// <summary>Floats of gradients of one block.</summary>
    public long GradientSize => _compiled.GradientSize;

    /// <summary>Floats of sums of one block.</summary>
    public long SumsSize => (long)_compiled.PlaneCount * 2 * Lanes.Count;

    /// <summary>Floats of scratch that one thread needs.</summary>
    public long Scratch { get; }

    /// <summary>Offset of the images in a block's activations.</summary>
    public long ImagesOffset => _compiled.Images.Offset;

    /// <summary>Where memory is guarded, guards each value's activations in a block.</summary>
    public void Guard(Block block, NativeArena memory)
    {
        foreach (var value in _compiled.Values)
            memory.Guard((byte*)(block.Data + value.Offset + value.Size), memory.GuardBytes, $"activations of {value.Name}");
    }

    /// <inheritdoc cref="NativeArena.Verify"/>
    public void Verify() => _memory.Verify();

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>How a step's gradients are written to the planes of an input.</summary>
    private GradientWrite* Writes(LoweredStep step, int input) => _memory.Copy<GradientWrite>(
    [
        .. step.Inputs[input].Zip(_flow.WritesOf(step, input), (plane, write) =>
            _compiled.ValueOf(plane).Size * sizeof(float) * _blocks > MostBytesInCache ? write | GradientWrite.NonTemporal : write),
    ]);

    private Planes CreatePlanes()
    {
        var planes = Planes.Create(_compiled.PlaneCount, bytes => (nint)_memory.Allocate<byte>(bytes));
        foreach (var value in _compiled.Values)
        {
            for (var c = 0; c < value.Channels; c++)
            {
                var plane = value.FirstPlane + c;
                planes.Offset[plane] = value.OffsetOf(c);
                planes.Clamp[plane] = Lowered.KernelClampOf(plane);
                planes.IsNormed[plane] = Lowered.TensorOf(plane).Norm != null;
                planes.Addend[plane] = _flow.AddendOf(plane);
                var (owner, channel) = GradientOwner(plane);
                planes.GradientOffset[plane] = owner.GradientOffset is { } gradient ? gradient + channel * owner.Stride : 0;
            }
        }

        return planes;
    }

    /// <summary>The value, and the channel of it, whose gradient's memory a plane uses.</summary>
    private (CompiledValue Value, int Channel) GradientOwner(int plane)
    {
        var owner = _flow.GradientOf(plane);
        var value = _compiled.ValueOf(owner);
        return (value, owner - value.FirstPlane);
    }

    /// <summary>Binds the steps to a vector.</summary>
    public (TrainingStep[] Steps, BatchKernels Loss) Run<TVec>()
        where TVec : unmanaged, IVec<TVec>
    {
        var loss = new SoftmaxCrossEntropy { Input = _memory.Copy<int>(Lowered.Logits), Classes = Lowered.Logits.Length };
        return ([.. _compiled.Steps.Select(CreateStep<TVec>)], new TrainingSteps<TVec>.LossKernels(loss, Writes(Lowered.Steps[^1], 0)));
    }

    private TrainingStep CreateStep<TVec>(CompiledStep compiled)
        where TVec : unmanaged, IVec<TVec>
    {
        var (step, output, gather) = (compiled.Source, compiled.Output, compiled.Epilogue.HasStatistics);
        var planes = _memory.Copy<int>(step.Inputs[0]);
        var writes = Writes(step, 0);
        var size = output.Positions * Lanes.Count;
        var window = compiled.Window(Lanes.Count) with { Input = planes, Output = output.FirstPlane };
        switch (step.Primitive)
        {
            case Product { IsPointwise: true } product:
                return CreatePointwise<TVec>(compiled, product.Groups, gather);
            case Depthwise { Kernel: 1, Stride: 1 }:
                return CreatePointwise<TVec>(compiled, groups: step.Input.Channels, gather);
            case Depthwise:
                var depthwise = new DepthwiseConvolution
                {
                    Window = window,
                    Weights = Kernel(step.Layer!),
                    WeightStride = window.Kernel * window.Kernel,
                };
                return new TrainingSteps<TVec>.DepthwiseStep(depthwise, KernelOffset(step.Layer!), writes, gather);
            case Product:
                var packed = _memory.Allocate<float>(step.Layer!.Parameters[0].Count);
                var dense = new DenseConvolution { Window = window, OutputChannels = output.Channels, Packed = packed };
                dense = dense with { Offsets = _memory.Copy<long>(dense.TapOffsets()), RowOffsets = _memory.Copy<long>(dense.GradientRowOffsets()) };
                return new TrainingSteps<TVec>.DenseStep(dense, Kernel(step.Layer), KernelOffset(step.Layer), gather);
            case MaxWindow:
                return new TrainingSteps<TVec>.MaxPoolStep(new MaxPoolKernel { Window = window }, writes);
            case MeanWindow:
                var mean = DepthwiseConvolution.Mean(window, _memory.Allocate<float>(9));
                return new TrainingSteps<TVec>.DepthwiseStep(mean, -1, writes, gatherSums: false);
            case Mean:
                var global = new GlobalAveragePoolKernel
                {
                    Input = planes,
                    Output = output.FirstPlane,
                    Channels = step.Input.Channels,
                    PlaneSize = step.Input.Height * step.Input.Width * Lanes.Count,
                };
                return new TrainingSteps<TVec>.GlobalAveragePoolStep(global, writes);
            case Sum:
                var addition = new Addition
                {
                    Left = planes,
                    Right = _memory.Copy<int>(step.Inputs[1]),
                    Output = output.FirstPlane,
                    Channels = output.Channels,
                    PlaneSize = size,
                };
                return new TrainingSteps<TVec>.SumStep(addition, writes, Writes(step, 1));
            case Function function:
                var activation = new ActivationKernel
                {
                    Input = planes,
                    Output = output.FirstPlane,
                    Channels = output.Channels,
                    PlaneSize = size,
                };
                return ActivationFunctions<TVec>.Step(function.Kind, activation, writes);
            case ChannelScale:
                var scaling = new ChannelScaling
                {
                    Input = planes,
                    Factors = _memory.Copy<int>(step.Inputs[1]),
                    Output = output.FirstPlane,
                    Channels = output.Channels,
                    PlaneSize = size,
                };
                return new TrainingSteps<TVec>.ScaleStep(scaling, writes, Writes(step, 1));
            default:
                throw new NotSupportedException($"{step.Name}: {step.Primitive} can't be trained");
        }
    }

    private TrainingSteps<TVec>.PointwiseStep CreatePointwise<TVec>(CompiledStep compiled, int groups, bool gather)
        where TVec : unmanaged, IVec<TVec>
    {
        var step = compiled.Source;
        var layer = step.Layer!;
        var wanted = _flow.WritesOf(step, 0)[0] != GradientWrite.None;
        var kernel = new PointwiseConvolution
        {
            Input = _memory.Copy<int>(step.Inputs[0]),
            Output = step.Output!.FirstPlane,
            InputChannels = step.Input.Channels,
            OutputChannels = step.Output.Channels,
            Groups = groups,
            PlaneSize = compiled.Output.Positions * Lanes.Count,
            Packed = _memory.Allocate<float>(layer.Parameters[0].Count),
            PackedTransposed = wanted ? _memory.Allocate<float>(layer.Parameters[0].Count) : null,
        };
        kernel = kernel with { Offsets = _memory.Copy<long>(kernel.ChunkOffsets()) };
        return new TrainingSteps<TVec>.PointwiseStep(kernel, Kernel(layer), KernelOffset(layer), wanted ? Writes(step, 0) : null, gather);
    }

    private DeferredAffine? CreateAffine(LoweredTensor tensor, bool isFrozen)
    {
        if (tensor.Bias is { } bias)
            return new BiasAffine(tensor.FirstPlane, tensor.Channels, _weights.TrainedPointer + _weights.OffsetOf(bias), _weights.OffsetOf(bias));

        if (tensor.Norm is not { } norm)
            return null;
        return isFrozen
            ? new RunningNormAffine(tensor.NormKernel(_weights))
            : new BatchNormAffine(tensor.NormKernel(_weights), _weights.OffsetOf(norm.Parameters[0]), _weights.OffsetOf(norm.Parameters[1]));
    }

    private DeferredAffine[] FinishedBackwardAfter(int step) =>
        [.. Lowered.Tensors.Where(tensor => tensor.FirstReader == step && tensor.Step >= 0).Select(tensor => Affines[tensor.Step]).OfType<DeferredAffine>()];

    private float* Kernel(Layer layer) => _weights.TrainedPointer + KernelOffset(layer);

    private int KernelOffset(Layer layer) => _weights.OffsetOf(layer.Parameters[0]);
}
