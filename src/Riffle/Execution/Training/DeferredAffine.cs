using Riffle.Kernels;

namespace Riffle.Execution;

/// <summary>
/// The affine y = scale · x + shift that is deferred on a value's planes, and depends on the weights or on the whole batch: batch norm, or a bias.
/// </summary>
internal abstract unsafe class DeferredAffine
{
    /// <summary>Whether a forward in training has to gather sums and wait for the whole batch.</summary>
    public abstract bool NeedsBatch { get; }

    /// <summary>Before a forward, where the batch is not needed.</summary>
    public virtual void Prepare(in Planes planes)
    {
    }

    /// <summary>After a block's share of what follows, forward or backward: its totals, by the thread that computed it.</summary>
    public virtual void Gather(in Block block)
    {
    }

    /// <summary>After all blocks of a forward in training, where the batch is needed.</summary>
    public virtual void AfterForward(in Planes planes, ReadOnlySpan<Block> blocks, int images)
    {
    }

    /// <summary>After the gradients of all blocks are complete.</summary>
    public abstract void AfterBackward(in Planes planes, ReadOnlySpan<Block> blocks, int images, float* gradients);
}

/// <summary>Batch norm with the statistics of the batch.</summary>
internal sealed unsafe class BatchNormAffine(BatchNormalisation kernel, long weightOffset, long biasOffset) : DeferredAffine
{
    public override bool NeedsBatch => true;

    public override void Gather(in Block block) => BlockSums.Gather(block, kernel.FirstPlane, kernel.Channels);

    public override void AfterForward(in Planes planes, ReadOnlySpan<Block> blocks, int images) => kernel.ForwardTraining(planes, blocks, images);

    public override void AfterBackward(in Planes planes, ReadOnlySpan<Block> blocks, int images, float* gradients) =>
        kernel.Backward(planes, blocks, images, gradients + weightOffset, gradients + biasOffset);
}

/// <summary>Batch norm with its running statistics, of features that are not trained: it needs no batch and changes nothing.</summary>
internal sealed unsafe class RunningNormAffine(BatchNormalisation kernel) : DeferredAffine
{
    public override bool NeedsBatch => false;

    public override void Prepare(in Planes planes) => kernel.Fold(
        new Span<float>(planes.Scale + kernel.FirstPlane, kernel.Channels), new Span<float>(planes.Shift + kernel.FirstPlane, kernel.Channels));

    public override void AfterBackward(in Planes planes, ReadOnlySpan<Block> blocks, int images, float* gradients)
    {
    }
}

/// <summary>A bias, added when a product is read.</summary>
internal sealed unsafe class BiasAffine(int firstPlane, int count, float* bias, long biasOffset) : DeferredAffine
{
    public override bool NeedsBatch => false;

    public override void Prepare(in Planes planes) => new ReadOnlySpan<float>(bias, count).CopyTo(new Span<float>(planes.Shift + firstPlane, count));

    public override void Gather(in Block block) => BlockSums.Gather(block, firstPlane, count);

    public override void AfterBackward(in Planes planes, ReadOnlySpan<Block> blocks, int images, float* gradients)
    {
        BlockSums.Add(blocks, firstPlane, count);
        for (var c = 0; c < count; c++)
            gradients[biasOffset + c] = (float)blocks[0].TotalsOf(firstPlane + c)[0];
    }
}
