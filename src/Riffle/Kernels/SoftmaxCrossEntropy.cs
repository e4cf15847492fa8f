using System.Diagnostics;
using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>The targets of a batch: its labels, smoothed (Szegedy et al., 2016), and a teacher's logits (Hinton et al., 2015).</summary>
internal readonly unsafe struct SoftTargets
{
    /// <summary>s: the fraction of a label that is spread over all classes, from 0 to below 1.</summary>
    public readonly float Smoothing { get; init; }

    /// <summary>z [images][K]: the teacher's logits; null where there is no teacher.</summary>
    public readonly float* Teacher { get; init; }

    /// <summary>a: the weight of the teacher in the loss, from 0 to 1.</summary>
    public readonly float TeacherWeight { get; init; }

    /// <summary>T: both networks' logits are divided by it where they are compared; positive.</summary>
    public readonly float Temperature { get; init; }
}

/// <summary>
/// Softmax and cross-entropy, with the labels and, where there is one, with a teacher; image by image.
/// <code>
/// x    [K][16]   logits of 16 images, one in each lane
/// t    = (1 − s) · [k = label] + s / K              q = softmax(z / T)
/// loss = −Σ t·log softmax(x)
/// dx   = ((1 − a) (softmax(x) − t) + a T (softmax(x / T) − q)) / N
/// </code>
/// dx is the gradient of (1 − a) · loss − a T² Σ q·log softmax(x / T). The loss that is reported is that of the labels alone, so that it means the same with
/// and without a teacher.
/// </summary>
internal readonly unsafe struct SoftmaxCrossEntropy
{
    /// <summary>Planes of the logits in the order of the classes.</summary>
    public readonly int* Input { get; init; }

    /// <summary>K.</summary>
    public readonly int Classes { get; init; }

    /// <summary>Floats of scratch that one thread needs: logits, their gradient, the target of an image.</summary>
    public long Scratch => (2L * Lanes.Count + 1) * Classes;

    /// <summary>Loss, hits and the gradient with respect to the logits.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="labels">One for each image of the block; at most 16.</param>
    /// <param name="targets">What goes with the labels; the teacher's logits begin with the block's first image.</param>
    /// <param name="reciprocal">1 / N.</param>
    /// <param name="writes">What dx means for each plane of the logits.</param>
    /// <returns>Sum of the losses by the labels, and the images whose label is first and among the first five.</returns>
    public (double Loss, int Top1, int Top5) Run<TVec>(
        in Planes planes, in Block block, float* scratch, ReadOnlySpan<int> labels, in SoftTargets targets, float reciprocal, GradientWrite* writes)
        where TVec : unmanaged, IVec<TVec>
    {
        Debug.Assert(labels.Length is > 0 and <= Lanes.Count, $"{labels.Length} labels");
        Contract.RequireScratch(scratch, Scratch);
        var size = Classes * Lanes.Count;
        float* gradients = scratch + size, target = gradients + size;
        for (var k = 0; k < Classes; k++)
            PlaneAccess.Read<TVec>(planes, block, Input[k], 0, Lanes.Count, scratch + k * Lanes.Count);
        new Span<float>(gradients, size).Clear();
        double loss = 0;
        int top1 = 0, top5 = 0;
        for (var lane = 0; lane < labels.Length; lane++)
        {
            var label = labels[lane];
            var rank = Rank(scratch + lane, Classes, label);
            top1 += rank == 0 ? 1 : 0;
            top5 += rank < 5 ? 1 : 0;

            var teacherWeight = targets.Teacher == null ? 0 : targets.TeacherWeight;
            new Span<float>(target, Classes).Fill(targets.Smoothing / Classes);
            target[label] += 1 - targets.Smoothing;
            loss += Approach(scratch + lane, target, 1, (1 - teacherWeight) * reciprocal, gradients + lane);
            if (teacherWeight == 0)
                continue;
            var temperature = targets.Temperature;
            var scale = teacherWeight * temperature * temperature;
            Softmax(targets.Teacher + (long)lane * Classes, temperature, target);
            _ = Approach(scratch + lane, target, 1 / temperature, scale * reciprocal, gradients + lane);
        }

        for (var k = 0; k < Classes; k++)
            PlaneAccess.AddGradient<TVec>(planes, block, Input[k], 0, Lanes.Count, gradients + k * Lanes.Count, writes[k]);
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

    /// <summary>−Σ target·log softmax(scale · x), whose gradient with respect to x, times a weight, is added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private double Approach(float* logits, float* target, float scale, float weight, float* gradient)
    {
        var most = float.NegativeInfinity;
        for (var k = 0; k < Classes; k++)
            most = MathF.Max(most, logits[k * Lanes.Count]);
        double sum = 0, expected = 0;
        for (var k = 0; k < Classes; k++)
        {
            var x = (logits[k * Lanes.Count] - most) * scale;
            expected += target[k] * x;
            sum += MathF.Exp(x);
        }

        var inverse = (float)(1 / sum);
        for (var k = 0; k < Classes; k++)
            gradient[k * Lanes.Count] += (MathF.Exp((logits[k * Lanes.Count] - most) * scale) * inverse - target[k]) * scale * weight;
        return Math.Log(sum) - expected;
    }

    private void Softmax(float* logits, float temperature, float* target)
    {
        var most = float.NegativeInfinity;
        for (var k = 0; k < Classes; k++)
            most = MathF.Max(most, logits[k]);
        double sum = 0;
        for (var k = 0; k < Classes; k++)
            sum += target[k] = MathF.Exp((logits[k] - most) / temperature);
        var inverse = (float)(1 / sum);
        for (var k = 0; k < Classes; k++)
            target[k] *= inverse;
    }
}
