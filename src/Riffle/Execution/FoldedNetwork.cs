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
    /// <summary>
    /// Values of one image of up to 8×8 positions have their channels side by side. On larger planes vectors over positions waste little, where vectors over
    /// the channels of a group waste what the last of them lacks; benchmarks/notes.md has both measured.
    /// </summary>
    private const int MostPositionsInLanes = 64;

    private readonly NativeArena _memory = new();
    private readonly FoldedLayout _layout;
    private readonly FoldedStep[] _steps;

    /// <param name="network">The network.</param>
    /// <param name="lanes">L, images in a block: 16 or 1.</param>
    /// <param name="level">Vector width.</param>
    public FoldedNetwork(Network network, int lanes, VectorLevel level)
    {
        Network = network;
        LaneCount = lanes;
        try
        {
            _layout = new FoldedLayout(network, lanes, MostPositionsInLanes, bytes => (nint)_memory.Allocate<byte>(bytes));
            _steps = level switch
            {
                VectorLevel.Bits512 => CreateSteps<Vec512>(),
                VectorLevel.Bits256 => CreateSteps<Vec256>(),
                VectorLevel.Bits128 => CreateSteps<Vec128>(),
                _ => CreateSteps<VecScalar>(),
            };
        }
        catch
        {
            Dispose();
            throw;
        }

        Scratch = (_steps.Max(step => step.Scratch) + Lanes.Count + 63) / 64 * 64;
    }

    public Network Network { get; }

    /// <summary>L.</summary>
    public int LaneCount { get; }

    /// <summary>Floats of activations of one block.</summary>
    public long DataSize => _layout.DataSize;

    /// <summary>Floats of scratch that one thread needs.</summary>
    public long Scratch { get; }

    /// <summary>Where the images lie in a block's activations.</summary>
    public long ImagesOffset => _layout.PlaceOf(_layout.Lowered.Images).Offset;

    /// <summary>Distance between the colours of the images.</summary>
    public long ImagesStride => _layout.PlaceOf(_layout.Lowered.Images).Stride;

    /// <summary>Takes over the weights as they are now. No thread may run meanwhile.</summary>
    public void Fold(Weights weights)
    {
        foreach (var (step, bound) in _layout.Lowered.Steps.Zip(_steps))
        {
            var layer = step.Layer!;
            var channels = step.Output!.Channels;
            var shift = new Span<float>(_layout.Planes.Shift + (bound.Output ?? step.Output.FirstPlane), channels);
            var scale = new float[channels];
            Array.Fill(scale, 1);
            if (layer.Parameters.Length == 0)
                continue;
            shift.Clear();
            if (step.Output.Norm != null)
                step.Output.NormKernel(weights).Fold(scale, shift);
            for (var c = 0; c < channels && layer.Parameters.Length > 1; c++)
                shift[c] += scale[c] * weights[layer.Parameters[1].Name][c];
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

    /// <summary>The first output, in the order of the steps, that holds a value that is infinite or not a number; computes the block once more.</summary>
    /// <param name="data">The block's activations, with its images in place.</param>
    /// <param name="scratch"><see cref="Scratch"/> floats.</param>
    /// <param name="images">Images in the block.</param>
    public NonFinite? FirstNonFinite(float* data, float* scratch, int images)
    {
        foreach (var (scheduled, bound) in _layout.Lowered.Steps.Zip(_steps))
        {
            bound.Run(data, scratch);
            var tensor = (_layout.SumOf(scheduled) ?? scheduled).Output!;
            for (var c = 0; c < tensor.Channels; c++)
            {
                var values = data + _layout.Planes.Offset[tensor.FirstPlane + c];
                var distance = _layout.InChannelLanes(tensor) ? Lanes.Count : LaneCount;
                for (var i = 0; i < tensor.Positions * images; i++)
                {
                    var value = values[i / images * distance + i % images];
                    if (!float.IsFinite(value))
                        return new(scheduled.Output!.Norm ?? scheduled.Output.Layer, NonFinite.Output, value);
                }
            }
        }

        return null;
    }

    /// <summary>Logits of one image of a computed block.</summary>
    public void ReadLogits(float* data, int lane, Span<float> logits)
    {
        for (var k = 0; k < logits.Length; k++)
            logits[k] = data[_layout.Planes.Offset[_layout.Lowered.Logits[k]] + lane];
    }

    /// <inheritdoc cref="NativeArena.Verify"/>
    public void Verify() => _memory.Verify();

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>Binds the steps to a vector; not to the width alone, so that a test may count what they compute.</summary>
    internal FoldedStep[] CreateSteps<TVec>()
        where TVec : unmanaged, IVec<TVec>
    {
        var planes = new PlaneSteps<TVec>(_layout, _memory);
        var channelLanes = new ChannelLaneSteps<TVec>(_layout, _memory);
        return [.. _layout.Lowered.Steps.SkipLast(1).Select(step =>
        {
            var clamps = new ReadOnlySpan<Clamp>(_layout.Planes.Clamp + step.Output!.FirstPlane, step.Output.Channels);
            if (clamps.ContainsAnyExcept(clamps[0]))
                throw new NotSupportedException($"{step.Name}: ReLU behind some of its channels only");
            return _layout.InChannelLanes(step.Output) ? channelLanes.Create(step) : planes.Create(step);
        })];
    }

    private static float[] Scaled(ReadOnlySpan<float> kernel, ReadOnlySpan<float> scale)
    {
        var scaled = kernel.ToArray();
        var perChannel = scaled.Length / scale.Length;
        for (var i = 0; i < scaled.Length; i++)
            scaled[i] *= scale[i / perChannel];
        return scaled;
    }
}
