using System.Collections.Immutable;
using System.Diagnostics;
using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// A network compiled for inference and bound to a vector width, for blocks of 16 images or of one. It holds packed weights, but no activations: those are the
/// caller's, so one program serves many threads at once.
/// </summary>
internal sealed unsafe class InferenceProgram : IVectorWork<InferenceStep[]>, IDisposable
{
    private readonly NativeArena _memory = new();
    private readonly Planes _planes;
    private readonly InferenceStep[] _steps;

    /// <param name="network">The network.</param>
    /// <param name="lanes">L, images in a block: 16 or 1.</param>
    /// <param name="level">Vector width.</param>
    public InferenceProgram(Network network, int lanes, VectorLevel level)
    {
        Network = network;
        LaneCount = lanes;
        Compiled = InferenceCompiler.Compile(network, lanes);
        try
        {
            _planes = CreatePlanes();
            _steps = level.Run(this);
        }
        catch
        {
            Dispose();
            throw;
        }

        Stages =
        [
            .. Compiled.Steps.Select((step, index) => (step, index)).GroupBy(pair => pair.step.Stage).Select(stage => new InferenceStage(
                [.. stage.Select(pair => (pair.step.Source.Index, _steps[pair.index], EdgesOf(pair.step, pair.index), StepWork.Of(pair.step, lanes)))])),
        ];
        var last = Compiled.Steps[^1];
        var makesLogits = last is { Primitive: Product, Input: { Height: 1, Width: 1 } } && Compiled.Lowered.Logits.All(plane => Compiled.ValueOf(plane) == last.Output);
        Features = makesLogits ? last.Inputs[0] : [];
        Scratch = (_steps.Max(step => step.Scratch) + Contract.Slack + 63) / 64 * 64;
    }

    public Network Network { get; }

    /// <summary>What is bound.</summary>
    public CompiledNetwork Compiled { get; }

    /// <summary>L.</summary>
    public int LaneCount { get; }

    /// <summary>The steps in groups between which threads meet that share a block.</summary>
    public ImmutableArray<InferenceStage> Stages { get; }

    /// <summary>Floats of activations of one block.</summary>
    public long DataSize => Compiled.DataSize;

    /// <summary>Floats of scratch that one thread needs.</summary>
    public long Scratch { get; }

    /// <summary>Where the images lie in a block's activations.</summary>
    public long ImagesOffset => Compiled.Images.Offset;

    /// <summary>Distance between the colours of the images.</summary>
    public long ImagesStride => Compiled.Images.Stride;

    /// <summary>Takes over the weights as they are now. No thread may run meanwhile.</summary>
    public void Fold(Weights weights)
    {
        foreach (var (step, bound) in Compiled.Steps.Zip(_steps))
        {
            if (!step.Epilogue.HasBias)
                continue;
            var (layer, channels) = (step.Source.Layer!, step.Output.Channels);
            var shift = new Span<float>(_planes.Shift + step.Output.FirstPlane, channels);
            var scale = new float[channels];
            Array.Fill(scale, 1);
            shift.Clear();
            if (step.Source.Output!.Norm != null)
                step.Source.Output.NormKernel(weights).Fold(scale, shift);
            for (var c = 0; c < channels && layer.Parameters.Length > 1; c++)
                shift[c] += scale[c] * weights[layer.Parameters[1].Name][c];
            bound.Fold(Scaled(weights[layer.Parameters[0].Name], scale));
        }
    }

    /// <summary>Threads that a block is worth; set by <see cref="LimitThreads"/>.</summary>
    public int MostThreads { get; private set; } = 1;

    /// <summary>How that many threads share a step.</summary>
    public PlanCut CutOf(CompiledStep step)
    {
        var parts = Stages[step.Stage].PartsOn(MostThreads);
        return new(step.Stage, parts, Share.LargestOf(_steps[step.CutLike].Edges, parts));
    }

    /// <summary>Nanoseconds that a block takes on so many threads, roughly.</summary>
    public double WorkOn(int threads) => Stages.Sum(stage => stage.WorkOn(threads));

    /// <summary>
    /// Finds how many of so many threads a block is worth. More of them have to save a share of the time, and each has to get enough work: cores that do not
    /// share a cache take half a microsecond to meet, and read what the others wrote at a tenth of the speed of their own, which made small networks slower on
    /// two threads than on one (benchmarks/notes.md).
    /// </summary>
    /// <param name="threads">Most threads.</param>
    /// <param name="isEager">Whether it takes all of them, worth it or not.</param>
    public void LimitThreads(int threads, bool isEager = false)
    {
        if (isEager)
        {
            MostThreads = threads;
            foreach (var stage in Stages)
                stage.IsEager = true;
            return;
        }

        const double LeastGain = 0.03, LeastWork = 400_000;
        var least = WorkOn(1);
        threads = (int)Math.Min(threads, least / LeastWork);
        for (var count = 2; count <= threads; count++)
        {
            if (WorkOn(count) is var work && work < least * (1 - LeastGain))
                (MostThreads, least) = (count, work);
        }
    }

    /// <summary>The first output, in the order of the steps, that holds a value that is infinite or NaN; computes the block once more.</summary>
    /// <param name="data">The block's activations, with its images in place.</param>
    /// <param name="scratch"><see cref="Scratch"/> floats.</param>
    /// <param name="images">Images in the block.</param>
    public NonFinite? FirstNonFinite(float* data, float* scratch, int images)
    {
        foreach (var (step, bound) in Compiled.Steps.Zip(_steps))
        {
            bound.Run(data, scratch);
            var value = step.Output;
            for (var c = 0; c < value.Channels; c++)
            {
                var values = data + value.OffsetOf(c);
                var distance = value.Layout == Layout.ChannelsInLanes ? Lanes.Count : LaneCount;
                for (var i = 0; i < value.Positions * images; i++)
                {
                    var found = values[i / images * distance + i % images];
                    if (!float.IsFinite(found))
                        return new(step.Source.Output!.Norm ?? step.Source.Layer!, NonFinite.Output, found);
                }
            }
        }

        return null;
    }

    /// <summary>Planes of the features, which the last product reads to make the logits; empty if logits are made otherwise.</summary>
    public int[] Features { get; }

    /// <summary>Features of one image of a computed block. The last step reads them, so their memory still holds them.</summary>
    public void ReadFeatures(float* data, int lane, Span<float> features)
    {
        for (var k = 0; k < features.Length; k++)
            features[k] = data[_planes.Offset[Features[k]] + lane];
    }

    /// <summary>What the last layer gives for one image of a computed block: the logits or, of a part of a network, planes one after another.</summary>
    public void ReadOutput(float* data, int lane, Span<float> values)
    {
        var planes = Compiled.Lowered.Logits;
        var positions = values.Length / planes.Length;
        for (var k = 0; k < planes.Length; k++)
        {
            var plane = data + _planes.Offset[planes[k]] + lane;
            values[k * positions] = *plane;
            if (positions == 1)
                continue;
            var distance = Compiled.ValueOf(planes[k]).Layout == Layout.ChannelsInLanes ? Lanes.Count : LaneCount;
            for (var i = 1; i < positions; i++)
                values[k * positions + i] = plane[i * distance];
        }
    }

    /// <inheritdoc cref="NativeArena.Verify"/>
    public void Verify() => _memory.Verify();

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    /// <summary>Binds the steps to a vector; not to the width alone, so that a test may count what they compute.</summary>
    public InferenceStep[] Run<TVec>()
        where TVec : unmanaged, IVec<TVec>
    {
        var planes = new PlaneSteps<TVec>(Compiled, _planes, _memory);
        var channelLanes = new ChannelLaneSteps<TVec>(Compiled, _planes, _memory);
        return [.. Compiled.Steps.Select(step => step.Output.Layout == Layout.ChannelsInLanes ? channelLanes.Create(step) : planes.Create(step))];
    }

    private int[] EdgesOf(CompiledStep step, int index)
    {
        var edges = _steps[step.CutLike].Edges;
        Debug.Assert(edges[^1] == _steps[index].Edges[^1], $"{step.Name} can't be cut like {Compiled.Steps[step.CutLike].Name}");
        return edges;
    }

    private Planes CreatePlanes()
    {
        var planes = Planes.Create(Compiled.PlaneCount, bytes => (nint)_memory.Allocate<byte>(bytes));
        foreach (var value in Compiled.Values)
        {
            for (var c = 0; c < value.Channels; c++)
                planes.Offset[value.FirstPlane + c] = value.OffsetOf(c);
        }

        foreach (var step in Compiled.Steps)
        {
            var (low, high) = step.Epilogue.Clamp;
            new Span<Clamp>(planes.Clamp + step.Output.FirstPlane, step.Output.Channels).Fill(new(low, high));
        }

        return planes;
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
