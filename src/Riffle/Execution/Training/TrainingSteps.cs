using Riffle.Kernels;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>The kernels as steps. Each holds where its weights' gradients go and what its input's gradients mean; nothing else.</summary>
internal static unsafe class TrainingSteps<TVec>
    where TVec : unmanaged, IVec<TVec>
{
    internal sealed class PointwiseStep(PointwiseConvolution kernel, float* weights, int weightOffset, GradientWrite* writes, bool gatherSums) : TrainingStep
    {
        public override long Scratch => kernel.Scratch;

        public override (int Offset, int Count) Weights => (weightOffset, kernel.WeightCount);

        public override bool AddsBlocks => kernel.IsOneChunk;

        public override int[] ForwardEdges { get; } = MatrixProduct.Edges(kernel.Groups, kernel.OutputChannels / kernel.Groups);

        public override int[] BackwardEdges { get; } = MatrixProduct.Edges(kernel.Groups, kernel.InputChannels / kernel.Groups);

        public override void Prepare() => kernel.Pack(weights);

        public override void Forward(in Planes planes, in Block block, float* scratch, Share share) => kernel.Forward<TVec>(planes, block, scratch, gatherSums, share);

        public override void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share) =>
            kernel.Backward<TVec>(planes, block, scratch, gradients + weightOffset, accumulate, writes, share);
    }

    internal sealed class DenseStep(DenseConvolution kernel, float* weights, int weightOffset, bool gatherSums) : TrainingStep
    {
        public override long Scratch => kernel.Scratch;

        public override (int Offset, int Count) Weights => (weightOffset, kernel.WeightCount);

        public override int[] ForwardEdges { get; } = MatrixProduct.Edges(products: 1, kernel.OutputChannels);

        public override int[] BackwardEdges => ForwardEdges;

        public override void Prepare() => kernel.Pack(weights);

        public override void Forward(in Planes planes, in Block block, float* scratch, Share share) => kernel.Forward<TVec>(planes, block, scratch, gatherSums, share);

        public override void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share) =>
            kernel.Backward<TVec>(planes, block, scratch, gradients + weightOffset, accumulate, share);
    }

    /// <summary>Depthwise convolution; with a negative <paramref name="weightOffset"/> its weights are constants, as in average pooling.</summary>
    internal sealed class DepthwiseStep(DepthwiseConvolution kernel, int weightOffset, GradientWrite* writes, bool gatherSums) : PlaneStep(kernel.Window.Channels)
    {
        public override long Scratch => kernel.Scratch;

        public override (int Offset, int Count) Weights => weightOffset < 0 ? (0, 0) : (weightOffset, kernel.WeightCount);

        public override bool AddsBlocks => true;

        public override void Forward(in Planes planes, in Block block, float* scratch, Share share) => kernel.Forward<TVec>(planes, block, scratch, gatherSums, share);

        public override void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share) =>
            kernel.Backward<TVec>(planes, block, scratch, weightOffset < 0 ? null : gradients + weightOffset, accumulate, writes, share);
    }

    internal sealed class MaxPoolStep(MaxPoolKernel kernel, GradientWrite* writes) : PlaneStep(kernel.Window.Channels)
    {
        public override long Scratch => kernel.Scratch;

        public override void Forward(in Planes planes, in Block block, float* scratch, Share share) => kernel.Forward<TVec>(planes, block, share);

        public override void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share) =>
            kernel.Backward<TVec>(planes, block, scratch, writes, share);
    }

    internal sealed class GlobalAveragePoolStep(GlobalAveragePoolKernel kernel, GradientWrite* writes) : PlaneStep(kernel.Channels)
    {
        public override long Scratch => kernel.Scratch;

        public override void Forward(in Planes planes, in Block block, float* scratch, Share share) => kernel.Forward<TVec>(planes, block, share);

        public override void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share) =>
            kernel.Backward<TVec>(planes, block, scratch, writes, share);
    }

    internal sealed class SumStep(Addition kernel, GradientWrite* left, GradientWrite* right) : PlaneStep(kernel.Channels)
    {
        public override long Scratch => kernel.Scratch;

        public override void Forward(in Planes planes, in Block block, float* scratch, Share share) => kernel.Forward<TVec>(planes, block, share);

        public override void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share) =>
            kernel.Backward<TVec>(planes, block, scratch, left, right, share);
    }

    internal sealed class ActivationStep<TFunction>(ActivationKernel kernel, GradientWrite* writes) : PlaneStep(kernel.Channels)
        where TFunction : IFunction<TVec>
    {
        public override long Scratch => kernel.Scratch;

        public override void Forward(in Planes planes, in Block block, float* scratch, Share share) => kernel.Forward<TVec, TFunction>(planes, block, share);

        public override void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share) =>
            kernel.Backward<TVec, TFunction>(planes, block, scratch, writes, share);
    }

    internal sealed class ScaleStep(ChannelScaling kernel, GradientWrite* writes, GradientWrite* factors) : PlaneStep(kernel.Channels)
    {
        public override long Scratch => kernel.Scratch;

        public override void Forward(in Planes planes, in Block block, float* scratch, Share share) => kernel.Forward<TVec>(planes, block, share);

        public override void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share) =>
            kernel.Backward<TVec>(planes, block, scratch, writes, factors, share);
    }

    internal sealed class LossKernels(SoftmaxCrossEntropy kernel, GradientWrite* writes) : BatchKernels
    {
        public override BlockLoss Loss(in Planes planes, in Block block, float* scratch, ReadOnlySpan<int> labels, in SoftTargets targets, float reciprocal)
        {
            var (loss, top1, top5) = kernel.Run<TVec>(planes, block, scratch, labels, targets, reciprocal, writes);
            return new BlockLoss(loss, top1, top5);
        }

        public override void ReadLogits(in Planes planes, in Block block, float* scratch, int images, float* rows)
        {
            for (var k = 0; k < kernel.Classes; k++)
            {
                PlaneAccess.Read<TVec>(planes, block, kernel.Input[k], 0, Lanes.Count, scratch);
                for (var n = 0; n < images; n++)
                    rows[(long)n * kernel.Classes + k] = scratch[n];
            }
        }
    }
}
