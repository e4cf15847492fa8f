using Riffle.Kernels;
using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>A step of training, bound to its memory and to a vector width.</summary>
internal abstract unsafe class TrainingStep
{
    /// <summary>Floats of scratch that one thread needs.</summary>
    public abstract long Scratch { get; }

    /// <summary>Where its weights lie among all trained ones.</summary>
    public virtual (int Offset, int Count) Weights => (0, 0);

    /// <summary>Whether accumulating adds the gradients of a block as a whole, each in one addition: then it may go into a sum of blocks directly.</summary>
    public virtual bool AddsBlocks => false;

    /// <summary>Where the planes of its output may be cut into shares of several threads forward; the last is their number.</summary>
    public abstract int[] ForwardEdges { get; }

    /// <summary>The same backward, of the planes of its input, or of its output where nobody wants the gradient of its input.</summary>
    public abstract int[] BackwardEdges { get; }

    /// <summary>Brings weights into the order in which the kernels read them; once before the blocks run.</summary>
    public virtual void Prepare()
    {
    }

    /// <summary>Computes one block of 16 images, or a share of its planes between two of the <see cref="ForwardEdges"/>.</summary>
    public abstract void Forward(in Planes planes, in Block block, float* scratch, Share share = default);

    /// <summary>Gradients of one block with respect to the step's inputs and weights.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block.</param>
    /// <param name="scratch">Scratch of this thread.</param>
    /// <param name="gradients">Receives the gradients with respect to the weights, in the order of <see cref="Weights.Trained"/>.</param>
    /// <param name="accumulate">Whether they are added to or overwritten.</param>
    /// <param name="share">The planes to compute, between two of the <see cref="BackwardEdges"/>, with their share of the weights.</param>
    public abstract void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share = default);
}

/// <summary>A step that works plane by plane, so that it may be cut anywhere.</summary>
internal abstract class PlaneStep(int channels) : TrainingStep
{
    /// <inheritdoc/>
    public override int[] ForwardEdges { get; } = [.. Enumerable.Range(0, channels + 1)];

    /// <inheritdoc/>
    public override int[] BackwardEdges => ForwardEdges;
}

/// <summary>Kernels that work on a batch's end rather than on a layer.</summary>
internal abstract unsafe class BatchKernels
{
    /// <summary>Loss, hits and the logits' gradient of one block; see <see cref="SoftmaxCrossEntropy.Run"/>.</summary>
    public abstract BlockLoss Loss(in Planes planes, in Block block, float* scratch, ReadOnlySpan<int> labels, in SoftTargets targets, float reciprocal);

    /// <summary>Logits of one block as rows: images×classes.</summary>
    public abstract void ReadLogits(in Planes planes, in Block block, float* scratch, int images, float* rows);
}

/// <summary>Loss and hits of one block: sums over its images.</summary>
internal readonly record struct BlockLoss(double Loss, int Top1, int Top5);
