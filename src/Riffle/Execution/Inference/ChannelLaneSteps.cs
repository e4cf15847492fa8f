using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// The steps of inference whose outputs have sixteen channels side by side. To what works channel by channel a block of sixteen channels of one image is what a
/// plane of sixteen images is: the kernels are the same.
/// </summary>
internal sealed unsafe class ChannelLaneSteps<TVec>(CompiledNetwork compiled, Planes planes, NativeArena memory)
    where TVec : unmanaged, IVec<TVec>
{
    public InferenceStep Create(CompiledStep step)
    {
        var bound = Bind(step);
        if (step.Epilogue.Function is not { } kind)
            return bound;
        var (offset, length, function) = (step.Output.Offset, (int)step.Output.Stride, (nint)ActivationFunctions<TVec>.Of(kind));
        return bound.Then((data, share) =>
        {
            var y = (float*)data + offset + (long)share.From * length;
            ((delegate*<float*, float*, int, void>)function)(y, y, (share.To - share.From) * length);
        });
    }

    private InferenceStep Bind(CompiledStep step)
    {
        var (input, output) = (step.Input, step.Output);
        var (all, edges) = (planes, Edges(step));
        switch (step.Primitive)
        {
            case Reorder:
                var sources = memory.Copy<long>(compiled.OffsetsOf(step.Inputs[0]));
                var (count, size, target) = (input.Channels, output.Positions, output.Offset);
                return new((data, _, share) => ChannelLanes.FromPlanes<TVec>(data, sources, count, size, data + target, share), edges);
            case Product { IsPointwise: true } product:
                return BindPointwise(step, product.Groups, edges);
            case Depthwise:
                var (blocks, window) = Slide(step);
                var taps = window.Kernel * window.Kernel;
                var weights = memory.Allocate<float>(output.Blocks * taps * Lanes.Count);
                var depthwise = new DepthwiseConvolution { Window = window, Weights = weights, WeightStride = taps * Lanes.Count };
                var biases = memory.Allocate<float>(output.Blocks * Lanes.Count);
                return new(
                    (data, scratch, share) => depthwise.InferChannels<TVec>(blocks, data, scratch, biases, share),
                    edges,
                    depthwise.Scratch,
                    kernel =>
                    {
                        PackBias(output, biases);
                        for (var c = 0; c < output.Channels; c++)
                        {
                            var (block, lane) = Math.DivRem(output.Lanes[c], Lanes.Count);
                            for (var tap = 0; tap < taps; tap++)
                                weights[(block * taps + tap) * Lanes.Count + lane] = kernel[c * taps + tap];
                        }
                    });
            case Product product when compiled.ValueOf(step.Inputs[0][0]).Layout == Layout.ChannelsInLanes:
                return BindDense(step, product.Groups, edges);
            case Product:
                var dense = new DenseConvolution
                {
                    Window = step.Window(lanes: 1) with { Input = memory.Copy<int>(step.Inputs[0]) },
                    OutputChannels = output.Channels,
                };
                dense = dense with
                {
                    Offsets = memory.Copy<long>(dense.TapOffsets()),
                    Packed = memory.Allocate<float>(ChannelProduct.PackedCount<TVec>(output.Channels, dense.Depth)),
                };
                var bias = memory.Allocate<float>(output.Blocks * Lanes.Count);
                return new(
                    (data, scratch, share) => dense.InferChannels<TVec>(all, data, scratch, Sink(output, bias, data), share),
                    edges,
                    dense.Scratch,
                    kernel =>
                    {
                        PackBias(output, bias);
                        ChannelProduct.Pack<TVec>(kernel, dense.OutputChannels, dense.Depth, dense.Packed);
                    });
            case MaxWindow when step.Primitive.IsPaperWindow():
                var (seen, slide) = Slide(step);
                var largest = new MaxPoolKernel { Window = slide };
                return new((data, scratch, share) => largest.Infer<TVec>(seen, data, scratch, share), edges, largest.Scratch);
            case MeanWindow { CountsPadding: true }:
                var (values, around) = Slide(step);
                var mean = DepthwiseConvolution.Mean(around, memory.Allocate<float>(around.Kernel * around.Kernel));
                return new((data, scratch, share) => mean.Infer<TVec>(values, data, scratch, share: share), edges, mean.Scratch);
            case MaxWindow or MeanWindow:
                var (pooled, of) = Slide(step);
                var pool = WindowPool.Create(of, step.Primitive is MeanWindow, weights => (nint)memory.Copy<float>(weights));
                return new((data, scratch, share) => pool.Infer<TVec>(pooled, data, scratch, share), edges, pool.Scratch);
            case Mean:
                var (averaged, over) = Slide(step);
                var global = new GlobalAveragePoolKernel
                {
                    Input = over.Input,
                    Output = over.Output,
                    Channels = over.Channels,
                    PlaneSize = input.Height * input.Width * Lanes.Count,
                };
                return new((data, _, share) => global.Infer<TVec>(averaged, data, share), edges);
            case Sum:
                long* left = memory.Copy<long>(compiled.OffsetsOf(step.Inputs[0])), right = memory.Copy<long>(compiled.OffsetsOf(step.Inputs[1]));
                var sums = memory.Copy<long>([.. Enumerable.Range(0, output.Channels).Select(output.OffsetOf)]);
                var (channels, positions, clamp) = (output.Channels, output.Positions, planes.Clamp[output.FirstPlane]);
                return new((data, _, share) => Addition.InferChannels(data, left, right, sums, channels, positions, clamp, share), edges);
            case Function apart:
                var (read, each) = Slide(step);
                var activation = new ActivationKernel
                {
                    Input = each.Input,
                    Output = each.Output,
                    Channels = each.Channels,
                    PlaneSize = output.Positions * Lanes.Count,
                };
                var apply = ActivationFunctions<TVec>.Of(apart.Kind);
                return new((data, _, share) => activation.Infer<TVec>(read, data, apply, share), edges);
            case ChannelScale:
                var (scaled, side) = Slide(step);
                var factors = new long[output.Blocks * Lanes.Count];
                Array.Fill(factors, -1);
                foreach (var (offset, lane) in compiled.OffsetsOf(step.Inputs[1]).Zip(output.Lanes))
                    factors[lane] = offset;
                var places = memory.Copy<long>(factors);
                var scaling = new ChannelScaling
                {
                    Input = side.Input,
                    Output = side.Output,
                    Channels = side.Channels,
                    PlaneSize = output.Positions * Lanes.Count,
                };
                return new((data, _, share) => scaling.InferChannels<TVec>(scaled, data, places, share), edges);
            default:
                throw new NotSupportedException($"{step.Name}: {step.Primitive} has no kernel");
        }
    }

    /// <summary>Products are cut between their tiles; a sum, whose channels may lie in any lanes, between channels; everything else between blocks of them.</summary>
    private static int[] Edges(CompiledStep step) => step.Primitive switch
    {
        Product { Groups: var groups } => ChannelProduct.Edges<TVec>(groups, step.Output.Channels / groups),
        _ when Stages.IsByLane(step) => [.. Enumerable.Range(0, step.Output.Channels + 1)],
        _ => [.. Enumerable.Range(0, step.Output.Blocks + 1)],
    };

    /// <summary>A convolution that mixes channels and positions, of values that have sixteen channels side by side as its own output has.</summary>
    private InferenceStep BindDense(CompiledStep step, int groups, int[] edges)
    {
        var output = step.Output;
        var source = compiled.BlocksOf(step.Inputs[0]);
        var blocks = Planes.Create(source.Length, bytes => (nint)memory.Allocate<byte>(bytes));
        for (var block = 0; block < source.Length; block++)
            blocks.Offset[block] = source[block].Offset;
        var window = step.Window(Lanes.Count) with { Input = memory.Copy<int>([.. Enumerable.Range(0, source.Length)]), Channels = source.Length };

        // Where each value that an output channel sees lies in the padded blocks: channel by channel, then by the places of the kernel.
        var padded = window.Padded;
        long[] offsets =
        [
            .. from plane in step.Inputs[0]
               let at = compiled.LaneOf(plane)
               let block = Array.IndexOf(source, at.Block)
               from ky in Enumerable.Range(0, window.Kernel)
               from kx in Enumerable.Range(0, window.Kernel)
               select block * padded.Size + padded.Tap(ky, kx) + at.Lane,
        ];
        int depth = offsets.Length / groups, width = output.Channels / groups;
        var perGroup = ChannelProduct.PackedCount<TVec>(width, depth);
        var dense = new DenseConvolution
        {
            Window = window,
            OutputChannels = output.Channels,
            Groups = groups,
            Offsets = memory.Copy<long>(offsets),
            Packed = memory.Allocate<float>(groups * perGroup),
        };
        var bias = memory.Allocate<float>(output.Blocks * Lanes.Count);
        return new(
            (data, scratch, share) => dense.InferBlocks<TVec>(blocks, data, scratch, depth, Sink(output, bias, data), share),
            edges,
            dense.BlockScratch,
            kernel =>
            {
                PackBias(output, bias);
                for (var g = 0; g < groups; g++)
                    ChannelProduct.Pack<TVec>(kernel + (long)g * width * depth, width, depth, dense.Packed + g * perGroup);
            });
    }

    private InferenceStep BindPointwise(CompiledStep step, int groups, int[] edges)
    {
        var output = step.Output;
        var kernel = new ChannelConvolution
        {
            Offsets = memory.Copy<long>(compiled.OffsetsOf(step.Inputs[0])),
            InputChannels = step.Input.Channels,
            OutputChannels = output.Channels,
            Groups = groups,
            Positions = output.Positions,
        };
        kernel = kernel with { Packed = memory.Allocate<float>(kernel.PackedCount<TVec>()) };
        var bias = memory.Allocate<float>(output.Blocks * Lanes.Count);
        var addends = step.Epilogue.Residual is { } residual
            ? memory.Copy<long>([.. InferenceCompiler.Aligned(compiled, residual, output.Lanes)!.Select(block => block.Offset)])
            : null;
        return new(
            (data, _, share) => kernel.Infer<TVec>(data, Sink(output, bias, data) with { Addends = addends }, share),
            edges,
            pack: weights =>
            {
                PackBias(output, bias);
                kernel.Pack<TVec>(weights);
            });
    }

    private BlockedEpilogue Sink(CompiledValue output, float* bias, float* data) => new()
    {
        Target = data + output.Offset,
        BlockStride = output.Stride,
        Bias = bias,
        Clamp = planes.Clamp[output.FirstPlane],
        Data = data,
    };

    private void PackBias(CompiledValue output, float* bias)
    {
        for (var c = 0; c < output.Channels; c++)
            bias[output.Lanes[c]] = planes.Shift[output.FirstPlane + c];
    }

    /// <summary>What a step reads and writes as planes of sixteen lanes: a table of its own, first the blocks it reads, then those it writes.</summary>
    private (Planes Blocks, Window Window) Slide(CompiledStep step)
    {
        var (read, written) = (compiled.BlocksOf(step.Inputs[0]), step.Output.Blocks);
        var blocks = Planes.Create(2 * written, bytes => (nint)memory.Allocate<byte>(bytes));
        for (var block = 0; block < written; block++)
        {
            blocks.Offset[block] = read[block].Offset;
            blocks.Offset[written + block] = step.Output.Offset + block * step.Output.Stride;
            blocks.Clamp[written + block] = planes.Clamp[step.Output.FirstPlane];
        }

        var window = step.Window(Lanes.Count) with
        {
            Input = memory.Copy<int>([.. Enumerable.Range(0, written)]),
            Output = written,
            Channels = written,
        };
        return (blocks, window);
    }
}
