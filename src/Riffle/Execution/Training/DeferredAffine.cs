using Riffle.Kernels;

namespace Riffle.Execution;

/// <summary>
/// The affine y = scale · x + shift that is deferred on a value's planes, and depends on the weights or on the whole batch: batch norm, or a bias.
/// </summary>
internal abstract unsafe class DeferredAffine
{
    /// <summary>Whether a forward in training has to gather sums and wait for the whole batch.</summary>
    public abstract bool NeedsBatch { get; }

    /// <summary>First of the planes whose totals over the batch it needs, in one run.</summary>
    public abstract int FirstPlane { get; }

    /// <summary>How many these are; 0 if it needs none.</summary>
    public abstract int PlaneCount { get; }

    /// <summary>The gradients that it computes, among those of all trained weights.</summary>
    public abstract IEnumerable<(long Offset, int Count)> Gradients { get; }

    /// <summary>Before a forward, where the batch is not needed.</summary>
    public virtual void Prepare(in Planes planes)
    {
    }

    /// <summary>After a block's share of what follows, forward or backward: its totals, by the thread that computed it.</summary>
    public void Gather(in Block block) => BlockSums.Gather(block, FirstPlane, PlaneCount);

    /// <summary>After all blocks of a forward in training, where the batch is needed.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="batch">Holds the totals of the batch.</param>
    /// <param name="images">Images in the batch.</param>
    public virtual void AfterForward(in Planes planes, in Block batch, int images)
    {
    }

    /// <summary>After the gradients of all blocks are complete.</summary>
    public abstract void AfterBackward(in Planes planes, in Block batch, int images, float* gradients);
}

/// <summary>Batch norm with the statistics of the batch.</summary>
internal sealed unsafe class BatchNormAffine(BatchNormalisation kernel, long weightOffset, long biasOffset) : DeferredAffine
{
    public override bool NeedsBatch => true;

    public override int FirstPlane => kernel.FirstPlane;

    public override int PlaneCount => kernel.Channels;

    public override IEnumerable<(long Offset, int Count)> Gradients => [(weightOffset, kernel.Channels), (biasOffset, kernel.Channels)];

    public override void AfterForward(in Planes planes, in Block batch, int images) => kernel.ForwardTraining(planes, batch, images);

    public override void AfterBackward(in Planes planes, in Block batch, int images, float* gradients) =>
        kernel.Backward(planes, batch, images, gradients + weightOffset, gradients + biasOffset);
}

/// <summary>Batch norm with its running statistics, of features that are not trained: it needs no batch and changes nothing.</summary>
internal sealed unsafe class RunningNormAffine(BatchNormalisation kernel) : DeferredAffine
{
    public override bool NeedsBatch => false;

    public override int FirstPlane => kernel.FirstPlane;

    public override int PlaneCount => 0;

    public override IEnumerable<(long Offset, int Count)> Gradients => [];

    public override void Prepare(in Planes planes) => kernel.Fold(
        new Span<float>(planes.Scale + kernel.FirstPlane, kernel.Channels), new Span<float>(planes.Shift + kernel.FirstPlane, kernel.Channels));

    public override void AfterBackward(in Planes planes, in Block batch, int images, float* gradients)
    {
    }
}

/// <summary>A bias, added when a product is read.</summary>
internal sealed unsafe class BiasAffine(int firstPlane, int count, float* bias, long biasOffset) : DeferredAffine
{
    public override bool NeedsBatch => false;

    public override int FirstPlane => firstPlane;

    public override int PlaneCount => count;

    public override IEnumerable<(long Offset, int Count)> Gradients => [(biasOffset, count)];

    public override void Prepare(in Planes planes) => new ReadOnlySpan<float>(bias, count).CopyTo(new Span<float>(planes.Shift + firstPlane, count));

    public override void AfterBackward(in Planes planes, in Block batch, int images, float* gradients)
    {
        for (var c = 0; c < count; c++)
            gradients[biasOffset + c] = (float)batch.TotalsOf(firstPlane + c)[0];
    }
}
