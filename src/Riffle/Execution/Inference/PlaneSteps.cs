using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>The steps of inference whose outputs are planes: of sixteen images, or of one whose planes are large.</summary>
internal sealed unsafe class PlaneSteps<TVec>(CompiledNetwork compiled, Planes planes, NativeArena memory)
    where TVec : unmanaged, IVec<TVec>
{
    public InferenceStep Create(CompiledStep step)
    {
        var (input, output, lanes) = (step.Input, step.Output, compiled.LaneCount);
        var (stride, size) = (output.Stride, output.Positions * lanes);
        var inputs = memory.Copy<int>(step.Inputs[0]);
        var function = ActivationFunctions<TVec>.Of(step.Epilogue.Function);
        var count = step.Epilogue.HasBias ? step.Source.Layer!.Parameters[0].Count : 0;
        var window = step.Window(lanes) with { Input = inputs, Output = output.FirstPlane };
        var (all, edges) = (planes, Edges(step));
        switch (step.Primitive)
        {
            case Product { IsPointwise: true } product:
                var pointwise = new PointwiseConvolution
                {
                    Input = inputs,
                    Output = output.FirstPlane,
                    InputChannels = input.Channels,
                    OutputChannels = output.Channels,
                    Groups = product.Groups,
                    PlaneSize = size,
                    Packed = memory.Allocate<float>(count),
                    Offsets = memory.Copy<long>(compiled.OffsetsOf(step.Inputs[0])),
                };
                pointwise = pointwise with { Parts = memory.Copy<long>(pointwise.PartOffsets()) };
                var residual = step.Epilogue.Residual is { } added ? memory.Copy<long>(compiled.OffsetsOf(added)) : null;
                return new(
                    (data, scratch, share) => pointwise.Infer<TVec>(all, data, scratch, stride, residual, function, share),
                    edges, pointwise.InferenceScratch, pointwise.Pack);
            case Depthwise:
                var weights = memory.Allocate<float>(count);
                var depthwise = new DepthwiseConvolution { Window = window, Weights = weights, WeightStride = window.Kernel * window.Kernel };
                return new(
                    (data, scratch, share) => depthwise.Infer<TVec>(all, data, scratch, function, share),
                    edges,
                    depthwise.Scratch,
                    kernel => new ReadOnlySpan<float>(kernel, count).CopyTo(new Span<float>(weights, count)));
            case Product product:
                var dense = new DenseConvolution
                {
                    Window = window,
                    OutputChannels = output.Channels,
                    Groups = product.Groups,
                    Packed = memory.Allocate<float>(count),
                };
                dense = dense with { Offsets = memory.Copy<long>(dense.TapOffsets()) };
                return new((data, scratch, share) => dense.Infer<TVec>(all, data, scratch, stride, function, share), edges, dense.Scratch, dense.Pack);
            case MaxWindow when step.Primitive.IsPaperWindow():
                var largest = new MaxPoolKernel { Window = window };
                return new((data, scratch, share) => largest.Infer<TVec>(all, data, scratch, share), edges, largest.Scratch);
            case MeanWindow { CountsPadding: true }:
                var mean = DepthwiseConvolution.Mean(window, memory.Allocate<float>(window.Kernel * window.Kernel));
                return new((data, scratch, share) => mean.Infer<TVec>(all, data, scratch, share: share), edges, mean.Scratch);
            case MaxWindow or MeanWindow:
                var pool = WindowPool.Create(window, step.Primitive is MeanWindow, values => (nint)memory.Copy<float>(values));
                return new((data, scratch, share) => pool.Infer<TVec>(all, data, scratch, share), edges, pool.Scratch);
            case Mean:
                var global = new GlobalAveragePoolKernel
                {
                    Input = inputs,
                    Output = output.FirstPlane,
                    Channels = input.Channels,
                    PlaneSize = input.Height * input.Width * lanes,
                    LaneCount = lanes,
                };
                return new((data, _, share) => global.Infer<TVec>(all, data, share), edges);
            case Sum:
                var addition = new Addition
                {
                    Left = inputs,
                    Right = memory.Copy<int>(step.Inputs[1]),
                    Output = output.FirstPlane,
                    Channels = input.Channels,
                    PlaneSize = size,
                };
                return new((data, _, share) => addition.Infer<TVec>(all, data, share), edges);
            case Function apart:
                var activation = new ActivationKernel { Input = inputs, Output = output.FirstPlane, Channels = output.Channels, PlaneSize = size };
                var apply = ActivationFunctions<TVec>.Of(apart.Kind);
                return new((data, _, share) => activation.Infer<TVec>(all, data, apply, share), edges);
            case ChannelScale:
                var scaling = new ChannelScaling
                {
                    Input = inputs,
                    Factors = memory.Copy<int>(step.Inputs[1]),
                    Output = output.FirstPlane,
                    Channels = output.Channels,
                    PlaneSize = size,
                };
                return lanes == 1
                    ? new((data, _, share) => scaling.InferImage<TVec>(all, data, share), edges)
                    : new((data, _, share) => scaling.Infer<TVec>(all, data, share), edges);
            default:
                throw new NotSupportedException($"{step.Name}: {step.Primitive} has no kernel");
        }
    }

    /// <summary>Products are cut between their tiles, everything else between any planes.</summary>
    private static int[] Edges(CompiledStep step) => step.Primitive is Product { Groups: var groups }
        ? MatrixProduct.Edges(groups, step.Output.Channels / groups)
        : [.. Enumerable.Range(0, step.Output.Channels + 1)];
}
