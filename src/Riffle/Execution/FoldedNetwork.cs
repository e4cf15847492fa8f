using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// A network for inference, for blocks of 16 images or of one: batch norm is folded into weights and biases, which are packed once; every step writes values
/// as they stay, ReLU applied. It holds no activations: those are the caller's, so one network serves many threads at once.
/// </summary>
internal sealed unsafe class FoldedNetwork : IDisposable
{
    private readonly NativeArena _memory = new();
    private readonly Schedule _schedule;
    private readonly Planes _planes;
    private readonly Dictionary<Tensor, long> _strides = [];

    /// <summary>Convolutions that write the sum of a residual unit, with the sum's step.</summary>
    private readonly Dictionary<ScheduledStep, ScheduledStep> _sums = [];
    private readonly FoldedStep[] _steps;

    /// <param name="network">The network.</param>
    /// <param name="lanes">L, images in a block: 16 or 1.</param>
    /// <param name="level">Vector width.</param>
    public FoldedNetwork(Network network, int lanes, VectorLevel level)
    {
        Network = network;
        LaneCount = lanes;
        _schedule = new Schedule(network);
        _planes = Planes.Create(_schedule.PlaneCount, bytes => (nint)_memory.Allocate<byte>(bytes));
        for (var p = 0; p < _schedule.PlaneCount; p++)
        {
            if (_schedule.HasRelu(p))
                _planes.Floor[p] = 0;
        }

        foreach (var step in _schedule.Steps)
        {
            if (SumBehind(step) is { } sum)
                _sums.Add(step, sum);
        }

        Place();
        var scheduled = _schedule.Steps.SkipLast(1);
        _steps = level switch
        {
            VectorLevel.Bits512 => [.. scheduled.Select(Create<Vec512>)],
            VectorLevel.Bits256 => [.. scheduled.Select(Create<Vec256>)],
            VectorLevel.Bits128 => [.. scheduled.Select(Create<Vec128>)],
            _ => [.. scheduled.Select(Create<VecScalar>)],
        };
        Scratch = (_steps.Max(step => step.Scratch) + Lanes.Count + 63) / 64 * 64;
    }

    public Network Network { get; }

    /// <summary>L.</summary>
    public int LaneCount { get; }

    /// <summary>Floats of activations of one block.</summary>
    public long DataSize { get; private set; }

    /// <summary>Floats of scratch that one thread needs.</summary>
    public long Scratch { get; }

    /// <summary>Where the images lie in a block's activations.</summary>
    public long ImagesOffset => _planes.Offset[_schedule.Images.FirstPlane];

    /// <summary>Distance between the colours of the images.</summary>
    public long ImagesStride => _strides[_schedule.Images];

    /// <summary>Takes over the weights as they are now. No thread may run meanwhile.</summary>
    public void Fold(Weights weights)
    {
        foreach (var (step, bound) in _schedule.Steps.Zip(_steps))
        {
            var layer = step.Layer!;
            var channels = step.Output!.Channels;
            var shift = new Span<float>(_planes.Shift + (bound.Output ?? step.Output.FirstPlane), channels);
            var scale = new float[channels];
            Array.Fill(scale, 1);
            if (step.Output.Norm != null)
                step.Output.NormKernel(weights).Fold(scale, shift);
            else if (layer.Operation is FullyConnected)
                weights[layer.Parameters[1].Name].CopyTo(shift);
            if (layer.Parameters.Length > 0)
                bound.Fold(Scaled(weights[layer.Parameters[0].Name], scale));
        }
    }

    /// <summary>Computes one block, whose images are in place.</summary>
    /// <param name="data">Its activations: <see cref="DataSize"/> floats.</param>
    /// <param name="scratch"><see cref="Scratch"/> floats.</param>
    /// <param name="times">Told of each step, where they are counted.</param>
    /// <param name="worker">The thread's number there.</param>
    public void Run(float* data, float* scratch, LayerTimes? times, int worker)
    {
        for (var s = 0; s < _steps.Length; s++)
        {
            _steps[s].Run(data, scratch);
            times?.Lap(worker, s);
        }
    }

    /// <summary>Logits of one image of a computed block.</summary>
    public void ReadLogits(float* data, int lane, Span<float> logits)
    {
        for (var k = 0; k < logits.Length; k++)
            logits[k] = data[_planes.Offset[_schedule.Logits[k]] + lane];
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private static float[] Scaled(ReadOnlySpan<float> kernel, ReadOnlySpan<float> scale)
    {
        var scaled = kernel.ToArray();
        var perChannel = scaled.Length / scale.Length;
        for (var i = 0; i < scaled.Length; i++)
            scaled[i] *= scale[i / perChannel];
        return scaled;
    }

    /// <summary>
    /// Tensors share memory as soon as they can. Planes are a cache line further apart than they are long: at powers of two the same position of all channels
    /// would fall into a few sets of the cache, and the last vector of a plane of one image may reach behind it. Single values lie side by side.
    /// </summary>
    private void Place()
    {
        var layout = new MemoryLayout();
        foreach (var tensor in _schedule.Tensors)
        {
            var size = (long)tensor.Positions * LaneCount;
            var stride = size == 1 ? 1 : tensor.Step < 0 && LaneCount > 1 ? size : (size + 2 * Lanes.Count - 1) / Lanes.Count * Lanes.Count;

            // A sum lives from the convolution on that writes it.
            var born = _sums.FirstOrDefault(pair => pair.Value.Output == tensor).Key?.Output!.Step ?? tensor.Step;
            var offset = layout.Place((tensor.Channels * stride + 2 * Lanes.Count - 1) / Lanes.Count * Lanes.Count, born, tensor.LastReader);
            _strides.Add(tensor, stride);
            for (var c = 0; c < tensor.Channels; c++)
                _planes.Offset[tensor.FirstPlane + c] = offset + c * stride;
        }

        DataSize = (layout.Size + 63) / 64 * 64;
    }

    private FoldedStep Create<TVec>(ScheduledStep step)
        where TVec : unmanaged, IVec<TVec>
    {
        var layer = step.Layer!;
        var output = step.Output!;
        var input = Network.Layers[layer.Inputs[0]].Output;
        var planes = _memory.Copy<int>(step.Inputs[0]);
        var offsets = step.Inputs[0].Select(plane => _planes.Offset[plane]).ToArray();
        var stride = _strides[output];
        var floors = new ReadOnlySpan<float>(_planes.Floor + output.FirstPlane, output.Channels);
        if (floors.ContainsAnyExcept(floors[0]))
            throw new NotSupportedException($"{layer.Name}: ReLU behind some of its channels only");
        Window Window(int windowStride) => new()
        {
            Input = planes,
            Output = output.FirstPlane,
            Channels = input.Channels,
            Height = input.Height,
            Width = input.Width,
            Stride = windowStride,
            Lanes = LaneCount,
        };
        switch (layer.Operation)
        {
            case FullyConnected or Convolution { Kernel: 1, Stride: 1 } when IsNarrow(output):
                return CreateNarrow<TVec>(layer, output, offsets);
            case FullyConnected:
            case Convolution { Kernel: 1, Stride: 1 }:
                var pointwise = new PointwiseConvolution
                {
                    Input = planes,
                    Output = output.FirstPlane,
                    InputChannels = input.Channels,
                    OutputChannels = output.Channels,
                    Groups = layer.Operation is Convolution grouped ? grouped.Groups : 1,
                    PlaneSize = output.Positions * LaneCount,
                    Packed = _memory.Allocate<float>(layer.Parameters[0].Count),
                    Offsets = _memory.Copy<long>(offsets),
                };
                if (!_sums.TryGetValue(step, out var sum))
                    return new FoldedStep((data, _) => pointwise.Infer<TVec>(_planes, data, stride), 0, pointwise.Pack);

                // What the other branch holds is added as the product's rows are stored, at the places of the sum.
                var total = sum.Output!;
                var other = sum.Inputs[sum.Inputs[0][0] == output.FirstPlane ? 1 : 0];
                var addends = _memory.Copy<long>([.. other.Select(plane => _planes.Offset[plane])]);
                (pointwise, stride) = (pointwise with { Output = total.FirstPlane }, _strides[total]);
                return new FoldedStep((data, _) => pointwise.Infer<TVec>(_planes, data, stride, addends), 0, pointwise.Pack, total.FirstPlane);
            case Convolution { Kernel: 3, Stride: 1 or 2 } conv when conv.Groups == input.Channels && conv.OutputChannels == input.Channels:
                var weights = _memory.Allocate<float>(layer.Parameters[0].Count);
                var depthwise = new DepthwiseConvolution { Window = Window(conv.Stride), Weights = weights, WeightStride = 9 };
                var count = layer.Parameters[0].Count;
                return new FoldedStep(
                    (data, scratch) => depthwise.Infer<TVec>(_planes, data, scratch),
                    depthwise.Scratch,
                    kernel => new ReadOnlySpan<float>(kernel, count).CopyTo(new Span<float>(weights, count)));
            case Convolution { Kernel: 3, Stride: 1 or 2, Groups: 1 } conv when Network.Layers[layer.Inputs[0]].Operation is Input:
                var dense = new DenseConvolution
                {
                    Window = Window(conv.Stride),
                    OutputChannels = conv.OutputChannels,
                    Packed = _memory.Allocate<float>(layer.Parameters[0].Count),
                };
                dense = dense with { Offsets = _memory.Copy<long>(dense.TapOffsets()) };
                return new FoldedStep((data, scratch) => dense.Infer<TVec>(_planes, data, scratch, stride), dense.Scratch, dense.Pack);
            case Networks.MaxPool { Kernel: 3, Stride: 1 or 2 } pool:
                var largest = new Kernels.MaxPool { Window = Window(pool.Stride) };
                return new FoldedStep((data, scratch) => largest.Infer<TVec>(_planes, data, scratch), largest.Scratch);
            case AveragePool { Kernel: 3, Stride: 1 or 2 } pool:
                var ninths = _memory.Allocate<float>(9);
                new Span<float>(ninths, 9).Fill(1f / 9);
                var mean = new DepthwiseConvolution { Window = Window(pool.Stride), Weights = ninths };
                return new FoldedStep((data, scratch) => mean.Infer<TVec>(_planes, data, scratch), mean.Scratch);
            case Networks.GlobalAveragePool:
                var global = new Kernels.GlobalAveragePool
                {
                    Input = planes,
                    Output = output.FirstPlane,
                    Channels = input.Channels,
                    PlaneSize = input.Height * input.Width * LaneCount,
                };
                return new FoldedStep((data, _) => global.Infer<TVec>(_planes, data, LaneCount), 0);
            case Add when _sums.ContainsValue(step):
                return new FoldedStep((_, _) => { }, 0);
            case Add:
                var addition = new Addition
                {
                    Left = planes,
                    Right = _memory.Copy<int>(step.Inputs[1]),
                    Output = output.FirstPlane,
                    Channels = input.Channels,
                    PlaneSize = input.Height * input.Width * LaneCount,
                };
                return new FoldedStep((data, _) => addition.Infer<TVec>(_planes, data), 0);
            default:
                throw new NotSupportedException($"{layer.Name}: {layer.Operation} {BoundNetwork.NoKernel}");
        }
    }

    /// <summary>The sum that a convolution's output is wholly and only added to, while what it is added to is there already; null without.</summary>
    private ScheduledStep? SumBehind(ScheduledStep step)
    {
        if (step is not { Layer.Operation: Convolution { Kernel: 1, Stride: 1 }, Output: { } output } || IsNarrow(output))
            return null;
        if (output.FirstReader != output.LastReader || _schedule.Steps[output.FirstReader] is not { Layer.Operation: Add } sum)
            return null;
        var own = Array.FindIndex(sum.Inputs, planes => planes[0] == output.FirstPlane);
        return own >= 0
            && sum.Inputs[own].SequenceEqual(Enumerable.Range(output.FirstPlane, output.Channels))
            && !_schedule.HasRelu(output.FirstPlane)
            && sum.Inputs[1 - own].All(plane => _schedule.TensorOf(plane).Step < output.Step)
            ? sum
            : null;
    }

    private bool IsNarrow(Tensor output) => LaneCount == 1 && output.Positions <= NarrowConvolution.MostPositions;

    private FoldedStep CreateNarrow<TVec>(Layer layer, Tensor output, long[] inputs)
        where TVec : unmanaged, IVec<TVec>
    {
        var kernel = new NarrowConvolution
        {
            Inputs = _memory.Copy<long>(inputs),
            InputChannels = inputs.Length,
            OutputChannels = output.Channels,
            Groups = layer.Operation is Convolution grouped ? grouped.Groups : 1,
            Positions = output.Positions,
            Together = MatrixProduct.TileWidth<TVec>(),
        };
        kernel = kernel with { Offsets = _memory.Copy<long>(kernel.RowOffsets()), Weights = _memory.Allocate<float>(kernel.WeightCount) };
        var bias = _planes.Shift + output.FirstPlane;
        var (floor, offset, stride) = (_planes.Floor[output.FirstPlane], _planes.Offset[output.FirstPlane], _strides[output]);
        return new FoldedStep(
            (data, scratch) => kernel.Infer<TVec>(bias, floor, data, data + offset, stride, scratch), kernel.Scratch, kernel.Pack);
    }

    private unsafe delegate void Compute(float* data, float* scratch);

    private unsafe delegate void Pack(float* kernel);

    /// <summary>A step of inference, bound to its places in a block's memory, to its packed weights and to a vector width.</summary>
    private sealed class FoldedStep(Compute run, long scratch, Pack? pack = null, int? output = null)
    {
        /// <summary>First plane of what it writes, where that is not the step's own output.</summary>
        public int? Output => output;

        /// <summary>Floats of scratch that it needs.</summary>
        public long Scratch => scratch;

        public void Run(float* data, float* scratch) => run(data, scratch);

        /// <summary>Packs its weights, in which batch norm is folded.</summary>
        public void Fold(float[] kernel)
        {
            fixed (float* pointer = kernel)
                pack!(pointer);
        }
    }
}
