using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>The steps of a folded network whose values are planes: of sixteen images, or of one whose planes are large.</summary>
internal sealed unsafe class PlaneSteps<TVec>(FoldedLayout layout, NativeArena memory)
    where TVec : unmanaged, IVec<TVec>
{
    public FoldedStep Create(LoweredStep step)
    {
        var layer = step.Layer!;
        var output = step.Output!;
        var planes = layout.Planes;
        var lanes = layout.LaneCount;
        var input = step.Input;
        var inputs = memory.Copy<int>(step.Inputs[0]);
        var stride = layout.PlaceOf(output).Stride;
        var window = step.Window(lanes) with { Input = inputs, Output = output.FirstPlane };
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
                    PlaneSize = output.Positions * lanes,
                    Packed = memory.Allocate<float>(layer.Parameters[0].Count),
                    Offsets = memory.Copy<long>(layout.OffsetsOf(step.Inputs[0])),
                };
                if (layout.SumOf(step) is not { } sum)
                    return new FoldedStep((data, _) => pointwise.Infer<TVec>(planes, data, stride), 0, pointwise.Pack);

                // What the other branch holds is added as the product's rows are stored, at the places of the sum.
                var total = sum.Output!;
                var other = sum.Inputs[sum.Inputs[0][0] == output.FirstPlane ? 1 : 0];
                var addends = memory.Copy<long>(layout.OffsetsOf(other));
                (pointwise, stride) = (pointwise with { Output = total.FirstPlane }, layout.PlaceOf(total).Stride);
                return new FoldedStep((data, _) => pointwise.Infer<TVec>(planes, data, stride, addends), 0, pointwise.Pack, total.FirstPlane);
            case Depthwise:
                var count = layer.Parameters[0].Count;
                var weights = memory.Allocate<float>(count);
                var depthwise = new DepthwiseConvolution { Window = window, Weights = weights, WeightStride = window.Kernel * window.Kernel };
                return new FoldedStep(
                    (data, scratch) => depthwise.Infer<TVec>(planes, data, scratch),
                    depthwise.Scratch,
                    kernel => new ReadOnlySpan<float>(kernel, count).CopyTo(new Span<float>(weights, count)))
               ;
            case Product product:
                var dense = new DenseConvolution
                {
                    Window = window,
                    OutputChannels = output.Channels,
                    Groups = product.Groups,
                    Packed = memory.Allocate<float>(layer.Parameters[0].Count),
                };
                dense = dense with { Offsets = memory.Copy<long>(dense.TapOffsets()) };
                return new FoldedStep((data, scratch) => dense.Infer<TVec>(planes, data, scratch, stride), dense.Scratch, dense.Pack);
            case MaxWindow when step.Primitive.IsPaperWindow():
                var largest = new Kernels.MaxPool { Window = window };
                return new FoldedStep((data, scratch) => largest.Infer<TVec>(planes, data, scratch), largest.Scratch);
            case MeanWindow { CountsPadding: true }:
                var mean = DepthwiseConvolution.Mean(window, memory.Allocate<float>(window.Kernel * window.Kernel));
                return new FoldedStep((data, scratch) => mean.Infer<TVec>(planes, data, scratch), mean.Scratch);
            case MaxWindow or MeanWindow:
                var pool = WindowPool.Create(window, step.Primitive is MeanWindow, values => (nint)memory.Copy<float>(values));
                return new FoldedStep((data, scratch) => pool.Infer<TVec>(planes, data, scratch), pool.Scratch);
            case Mean:
                var global = new Kernels.GlobalAveragePool
                {
                    Input = inputs,
                    Output = output.FirstPlane,
                    Channels = input.Channels,
                    PlaneSize = input.Height * input.Width * lanes,
                    LaneCount = lanes,
                };
                return new FoldedStep((data, _) => global.Infer<TVec>(planes, data), 0);
            case Networks.Sum when layout.IsWrittenBefore(step):
                return new FoldedStep((_, _) => { }, 0);
            case Networks.Sum:
                var addition = new Addition
                {
                    Left = inputs,
                    Right = memory.Copy<int>(step.Inputs[1]),
                    Output = output.FirstPlane,
                    Channels = input.Channels,
                    PlaneSize = input.Height * input.Width * lanes,
                };
                return new FoldedStep((data, _) => addition.Infer<TVec>(planes, data), 0);
            default:
                throw new NotSupportedException($"{step.Name}: {step.Primitive} has no kernel");
        }
    }
}
