using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Softmax and cross-entropy with label smoothing (Szegedy et al., 2016), image by image.
/// <code>
/// x    [K][16]   logits of 16 images, one in each lane
/// p    = softmax(x)     t = (1 − s) · [k = label] + s / K
/// loss = −Σ t·log p     dx = (p − t) / N
/// </code>
/// </summary>
internal readonly unsafe struct SoftmaxCrossEntropy
{
    /// <summary>Planes of the logits in the order of the classes.</summary>
    public readonly int* Input { get; init; }

    /// <summary>K.</summary>
    public readonly int Classes { get; init; }

    /// <summary>Floats of scratch that one thread needs.</summary>
    public long Scratch => (long)Classes * Lanes.Count;

    /// <summary>Loss, hits and the gradient by the logits.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="labels">One for each image of the block; at most 16.</param>
    /// <param name="smoothing">s.</param>
    /// <param name="share">1 / N.</param>
    /// <param name="arrivals">What dx means for each plane of the logits.</param>
    /// <returns>Sum of the losses, and the images whose label is first and among the first five.</returns>
    public (double Loss, int Top1, int Top5) Run<TVec>(
        in Planes planes, in Block block, float* scratch, ReadOnlySpan<int> labels, float smoothing, float share, Arrival* arrivals)
        where TVec : unmanaged, IVec<TVec>
    {
        for (var k = 0; k < Classes; k++)
            PlaneAccess.Read<TVec>(planes, block, Input[k], 0, Lanes.Count, scratch + k * Lanes.Count);
        double loss = 0;
        int top1 = 0, top5 = 0;
        for (var lane = 0; lane < Lanes.Count; lane++)
        {
            if (lane >= labels.Length)
            {
                for (var k = 0; k < Classes; k++)
                    scratch[k * Lanes.Count + lane] = 0;
                continue;
            }

            var label = labels[lane];
            var rank = Rank(scratch + lane, Classes, label);
            top1 += rank == 0 ? 1 : 0;
            top5 += rank < 5 ? 1 : 0;
            loss += Differentiate(scratch + lane, label, smoothing, share);
        }

        for (var k = 0; k < Classes; k++)
            PlaneAccess.AddGradient<TVec>(planes, block, Input[k], 0, Lanes.Count, scratch + k * Lanes.Count, arrivals[k]);
        return (loss, top1, top5);
    }

    /// <summary>How many classes come before the label: those with a higher logit and, among equal ones, those with a smaller index.</summary>
    private static int Rank(float* logits, int classes, int label)
    {
        var own = logits[label * Lanes.Count];
        var rank = 0;
        for (var k = 0; k < classes; k++)
        {
            var other = logits[k * Lanes.Count];
            rank += other > own || (other == own && k < label) ? 1 : 0;
        }

        return rank;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private double Differentiate(float* logits, int label, float smoothing, float share)
    {
        var most = float.NegativeInfinity;
        for (var k = 0; k < Classes; k++)
            most = MathF.Max(most, logits[k * Lanes.Count]);
        double sum = 0, all = 0;
        for (var k = 0; k < Classes; k++)
        {
            var x = logits[k * Lanes.Count] - most;
            all += x;
            sum += MathF.Exp(x);
        }

        var logSum = Math.Log(sum);
        var loss = (1 - smoothing) * (logSum - (logits[label * Lanes.Count] - most)) + smoothing * (logSum - all / Classes);
        var inverse = (float)(1 / sum);
        for (var k = 0; k < Classes; k++)
        {
            var target = smoothing / Classes + (k == label ? 1 - smoothing : 0);
            logits[k * Lanes.Count] = (MathF.Exp(logits[k * Lanes.Count] - most) * inverse - target) * share;
        }

        return loss;
    }
}
