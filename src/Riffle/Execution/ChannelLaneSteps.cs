using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// The steps of a folded network whose values have sixteen channels side by side. To what works channel by channel a block of sixteen channels of one image is
/// what a plane of sixteen images is: the kernels are the same.
/// </summary>
internal sealed unsafe class ChannelLaneSteps<TVec>(FoldedLayout layout, NativeArena memory)
    where TVec : unmanaged, IVec<TVec>
{
    public FoldedStep Create(ScheduledStep step)
    {
        var created = CreateInLanes(step);
        for (var i = 0; i < step.Inputs.Length; i++)
        {
            if (layout.BridgeOf(step, i) is not { } bridge)
                continue;
            var planes = memory.Copy<long>(bridge.Planes);
            created = created.Behind(
                (data, _) => ChannelLanes.FromPlanes<TVec>(data, planes, bridge.Planes.Length, bridge.Positions, data + bridge.Target));
        }

        return created;
    }

    private FoldedStep CreateInLanes(ScheduledStep step)
    {
        var layer = step.Layer!;
        var output = step.Output!;
        var input = layout.Network.Layers[layer.Inputs[0]].Output;
        var place = layout.PlaceOf(output);
        switch (layer.Operation)
        {
            case FullyConnected or Convolution when layer.IsPointwise():
                return CreatePointwise(step, input.Channels, layer.Operation is Convolution grouped ? grouped.Groups : 1);
            case Convolution when layer.IsDepthwise():
                var (blocks, window) = Slide(step, input);
                var taps = window.Kernel * window.Kernel;
                var weights = memory.Allocate<float>(place.Blocks * taps * Lanes.Count);
                var depthwise = new DepthwiseConvolution { Window = window, Weights = weights, WeightStride = taps * Lanes.Count };
                var biases = memory.Allocate<float>(place.Blocks * Lanes.Count);
                return new FoldedStep(
                    (data, scratch) => depthwise.InferChannels<TVec>(blocks, data, scratch, biases),
                    depthwise.Scratch,
                    kernel =>
                    {
                        PackBias(output, biases);
                        for (var c = 0; c < output.Channels; c++)
                        {
                            var (block, lane) = Math.DivRem(place.Lanes[c], Lanes.Count);
                            for (var tap = 0; tap < taps; tap++)
                                weights[(block * taps + tap) * Lanes.Count + lane] = kernel[c * taps + tap];
                        }
                    });
            case Convolution conv when conv.Groups > 1 || step.Inputs[0].Any(plane => layout.Schedule.TensorOf(plane).Step >= 0):
                return CreateDense(step, input, conv);
            case Convolution conv:
                var dense = new DenseConvolution
                {
                    Window = layer.Window(input, lanes: 1) with { Input = memory.Copy<int>(step.Inputs[0]), Channels = input.Channels },
                    OutputChannels = conv.OutputChannels,
                };
                dense = dense with
                {
                    Offsets = memory.Copy<long>(dense.TapOffsets()),
                    Packed = memory.Allocate<float>(ChannelProduct.PackedCount<TVec>(conv.OutputChannels, dense.Depth)),
                };
                var bias = memory.Allocate<float>(place.Blocks * Lanes.Count);
                var planes = layout.Planes;
                return new FoldedStep(
                    (data, scratch) => dense.InferChannels<TVec>(planes, data, scratch, Sink(output, bias, data)),
                    dense.Scratch,
                    kernel =>
                    {
                        PackBias(output, bias);
                        ChannelProduct.Pack<TVec>(kernel, dense.OutputChannels, dense.Depth, dense.Packed);
                    });
            case Networks.MaxPool when layer.IsPaperPool():
                var (all, slide) = Slide(step, input);
                var largest = new Kernels.MaxPool { Window = slide };
                return new FoldedStep((data, scratch) => largest.Infer<TVec>(all, data, scratch), largest.Scratch);
            case AveragePool { CountsPadding: true }:
                var (values, around) = Slide(step, input);
                var mean = DepthwiseConvolution.Mean(around, memory.Allocate<float>(around.Kernel * around.Kernel));
                return new FoldedStep((data, scratch) => mean.Infer<TVec>(values, data, scratch), mean.Scratch);
            case Networks.MaxPool or AveragePool:
                var (pooled, of) = Slide(step, input);
                var pool = WindowPool.Create(of, layer.Operation is AveragePool, shares => (nint)memory.Copy<float>(shares));
                return new FoldedStep((data, scratch) => pool.Infer<TVec>(pooled, data, scratch), pool.Scratch);
            case Networks.GlobalAveragePool:
                var (whole, over) = Slide(step, input);
                var global = new Kernels.GlobalAveragePool
                {
                    Input = over.Input,
                    Output = over.Output,
                    Channels = over.Channels,
                    PlaneSize = input.Height * input.Width * Lanes.Count,
                };
                return new FoldedStep((data, _) => global.Infer<TVec>(whole, data), 0);
            case Add when layout.IsWrittenBefore(step):
                return new FoldedStep((_, _) => { }, 0);
            case Add:
                long* left = memory.Copy<long>(layout.Channels(step, 0)), right = memory.Copy<long>(layout.Channels(step, 1));
                var sums = memory.Copy<long>(layout.OffsetsOf([.. Enumerable.Range(output.FirstPlane, output.Channels)]));
                var (channels, positions, floor) = (output.Channels, output.Positions, layout.Planes.Floor[output.FirstPlane]);
                return new FoldedStep((data, _) => Addition.InferChannels(data, left, right, sums, channels, positions, floor), 0);
            default:
                throw new NotSupportedException($"{layer.Name}: {layer.Operation} has no kernel");
        }
    }

    /// <summary>A convolution that mixes channels and positions, of values that have sixteen channels side by side as its own output has.</summary>
    private FoldedStep CreateDense(ScheduledStep step, Shape input, Convolution convolution)
    {
        var (layer, output, groups) = (step.Layer!, step.Output!, convolution.Groups);
        var (channels, source) = (layout.Channels(step, 0), layout.Blocks(step));
        var blocks = Planes.Create(source.Length, bytes => (nint)memory.Allocate<byte>(bytes));
        source.CopyTo(new Span<long>(blocks.Offset, source.Length));
        var window = layer.Window(input, Lanes.Count) with { Input = memory.Copy<int>([.. Enumerable.Range(0, source.Length)]), Channels = source.Length };

        // Where each value that an output channel sees lies in the padded blocks: channel by channel, then by the places of the kernel.
        var padded = window.Padded;
        long[] offsets =
        [
            .. from at in channels
               let lane = at % Lanes.Count
               let block = Array.IndexOf(source, at - lane)
               from ky in Enumerable.Range(0, window.Kernel)
               from kx in Enumerable.Range(0, window.Kernel)
               select block * padded.Size + padded.Tap(ky, kx) + lane,
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
        var bias = memory.Allocate<float>(layout.PlaceOf(output).Blocks * Lanes.Count);
        return new FoldedStep(
            (data, scratch) => dense.InferBlocks<TVec>(blocks, data, scratch, depth, Sink(output, bias, data)),
            dense.BlockScratch,
            kernel =>
            {
                PackBias(output, bias);
                for (var g = 0; g < groups; g++)
                    ChannelProduct.Pack<TVec>(kernel + (long)g * width * depth, width, depth, dense.Packed + g * perGroup);
            });
    }

    private FoldedStep CreatePointwise(ScheduledStep step, int inputChannels, int groups)
    {
        var output = step.Output!;
        var kernel = new ChannelConvolution
        {
            Offsets = memory.Copy<long>(layout.Channels(step, 0)),
            InputChannels = inputChannels,
            OutputChannels = output.Channels,
            Groups = groups,
            Positions = output.Positions,
        };
        kernel = kernel with { Packed = memory.Allocate<float>(kernel.PackedCount<TVec>()) };
        var bias = memory.Allocate<float>(layout.PlaceOf(output).Blocks * Lanes.Count);
        var (target, addends) = (output, (nint)0);
        if (layout.SumOf(step) is { } sum)
        {
            // What the other branch holds is added as the product is stored, at the places of the sum.
            target = sum.Output!;
            var other = sum.Inputs[sum.Inputs[0][0] == output.FirstPlane ? 1 : 0];
            addends = (nint)memory.Copy<long>(FoldedLayout.AlignedAddends(layout.OffsetsOf(other), layout.PlaceOf(output)));
        }

        return new FoldedStep(
            (data, _) => kernel.Infer<TVec>(data, Sink(target, bias, data) with { Addends = (long*)addends }),
            0,
            weights =>
            {
                PackBias(output, bias);
                kernel.Pack<TVec>(weights);
            });
    }

    private LaneSink Sink(Tensor output, float* bias, float* data)
    {
        var place = layout.PlaceOf(output);
        return new() { Target = data + place.Offset, BlockStride = place.Stride, Bias = bias, Floor = layout.Planes.Floor[output.FirstPlane], Data = data };
    }

    private void PackBias(Tensor output, float* bias)
    {
        for (var c = 0; c < output.Channels; c++)
            bias[layout.PlaceOf(output).Lanes[c]] = layout.Planes.Shift[output.FirstPlane + c];
    }

    /// <summary>What a step reads and writes as planes of sixteen lanes: a table of its own, first the blocks it reads, then those it writes.</summary>
    private (Planes Blocks, Window Window) Slide(ScheduledStep step, Shape input)
    {
        var place = layout.PlaceOf(step.Output!);
        var blocks = Planes.Create(2 * place.Blocks, bytes => (nint)memory.Allocate<byte>(bytes));
        layout.Blocks(step).CopyTo(new Span<long>(blocks.Offset, place.Blocks));
        for (var block = 0; block < place.Blocks; block++)
        {
            blocks.Offset[place.Blocks + block] = place.Offset + block * place.Stride;
            blocks.Floor[place.Blocks + block] = layout.Planes.Floor[step.Output!.FirstPlane];
        }

        var window = step.Layer!.Window(input, Lanes.Count) with
        {
            Input = memory.Copy<int>([.. Enumerable.Range(0, place.Blocks)]),
            Output = place.Blocks,
            Channels = place.Blocks,
        };
        return (blocks, window);
    }
}
