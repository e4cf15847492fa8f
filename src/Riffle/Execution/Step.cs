using Riffle.Kernels;
using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>A step of a plan, bound to its memory and to a vector width.</summary>
internal abstract unsafe class Step
{
    /// <summary>Floats of scratch that one thread needs.</summary>
    public abstract long Scratch { get; }

    /// <summary>Brings weights into the order in which the kernels read them; once before the blocks run.</summary>
    public virtual void Prepare()
    {
    }

    /// <summary>Computes one block of 16 images.</summary>
    public abstract void Forward(in Planes planes, in Block block, float* scratch);

    /// <summary>Gradients of one block by the step's inputs and weights.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block.</param>
    /// <param name="scratch">Scratch of this thread.</param>
    /// <param name="gradients">Receives the gradients by the weights, in the order of <see cref="Weights.Trained"/>.</param>
    /// <param name="accumulate">Whether they are added to or overwritten.</param>
    public abstract void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate);
}

/// <summary>Kernels that work on a batch's end rather than on a layer.</summary>
internal abstract unsafe class BatchKernels
{
    /// <summary>Loss, hits and the logits' gradient of one block; see <see cref="SoftmaxCrossEntropy.Run"/>.</summary>
    public abstract BlockLoss Loss(in Planes planes, in Block block, float* scratch, ReadOnlySpan<int> labels, in SoftTargets targets, float share);

    /// <summary>Logits of one block as rows: images×classes.</summary>
    public abstract void ReadLogits(in Planes planes, in Block block, float* scratch, int images, float* rows);

    /// <summary>target[i] = the sum over parts, in their order, for i from start to end; part p begins at parts + p · stride.</summary>
    public abstract void SumParts(float* parts, int count, long stride, long start, long end, float* target);
}

/// <summary>What the loss of one block says: the sum over its images.</summary>
internal readonly record struct BlockLoss(double Loss, int Top1, int Top5);

/// <summary>What is pending on a tensor's planes and depends on the weights or on the whole batch: batch norm, or a bias.</summary>
internal abstract unsafe class Pending
{
    /// <summary>Whether a forward in training has to gather sums and wait for the whole batch.</summary>
    public abstract bool NeedsBatch { get; }

    /// <summary>Before a forward, where the batch is not needed.</summary>
    public virtual void Prepare(in Planes planes)
    {
    }

    /// <summary>After all blocks of a forward in training, where the batch is needed.</summary>
    public virtual void AfterForward(in Planes planes, ReadOnlySpan<Block> blocks, int images)
    {
    }

    /// <summary>After the gradients of all blocks are whole.</summary>
    public abstract void AfterBackward(in Planes planes, ReadOnlySpan<Block> blocks, int images, float* gradients);
}

internal sealed unsafe class PendingNorm(BatchNormalisation kernel, long weightOffset, long biasOffset) : Pending
{
    public override bool NeedsBatch => true;

    public override void AfterForward(in Planes planes, ReadOnlySpan<Block> blocks, int images) => kernel.ForwardTraining(planes, blocks, images);

    public override void AfterBackward(in Planes planes, ReadOnlySpan<Block> blocks, int images, float* gradients) =>
        kernel.Backward(planes, blocks, images, gradients + weightOffset, gradients + biasOffset);
}

/// <summary>Batch norm with its running statistics, of features that are not trained: it needs no batch and changes nothing.</summary>
internal sealed unsafe class FrozenNorm(BatchNormalisation kernel) : Pending
{
    public override bool NeedsBatch => false;

    public override void Prepare(in Planes planes) => kernel.Fold(
        new Span<float>(planes.Scale + kernel.FirstPlane, kernel.Channels), new Span<float>(planes.Shift + kernel.FirstPlane, kernel.Channels));

    public override void AfterBackward(in Planes planes, ReadOnlySpan<Block> blocks, int images, float* gradients)
    {
    }
}

/// <summary>A bias is what is added when a product is read.</summary>
internal sealed unsafe class PendingBias(int firstPlane, int count, float* bias, long biasOffset) : Pending
{
    public override bool NeedsBatch => false;

    public override void Prepare(in Planes planes) => new ReadOnlySpan<float>(bias, count).CopyTo(new Span<float>(planes.Shift + firstPlane, count));

    public override void AfterBackward(in Planes planes, ReadOnlySpan<Block> blocks, int images, float* gradients)
    {
        for (var c = 0; c < count; c++)
            gradients[biasOffset + c] = (float)BlockSums.Add(blocks, firstPlane + c).First;
    }
}
