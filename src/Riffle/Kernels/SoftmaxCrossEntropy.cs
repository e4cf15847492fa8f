using System.Diagnostics;
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
/// Softmax and cross-entropy, with the labels and, where there is one, with a teacher.
/// <code>
/// x    [K][16]   logits of 16 images, one in each lane
/// t    = (1 − s) · [k = label] + s / K              q = softmax(z / T)
/// loss = −Σ t·log softmax(x)
/// dx   = ((1 − a) (softmax(x) − t) + a T (softmax(x / T) − q)) / N
/// </code>
/// dx is the gradient of (1 − a) · loss − a T² Σ q·log softmax(x / T). The loss that is reported is that of the labels alone, so that it means the same with
/// and without a teacher. Exponentials are those of vectors, because those of the C library differ from system to system, and the weights with them.
/// </summary>
internal readonly unsafe struct SoftmaxCrossEntropy
{
    /// <summary>Planes of the logits in the order of the classes.</summary>
    public readonly int* Input { get; init; }

    /// <summary>K.</summary>
    public readonly int Classes { get; init; }

    /// <summary>Floats of scratch that one thread needs: logits, their gradient, the teacher's logits.</summary>
    public long Scratch => 3L * Lanes.Count * Classes;

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
        float* x = scratch, dx = x + size, teacher = dx + size;
        for (var k = 0; k < Classes; k++)
            PlaneAccess.Read<TVec>(planes, block, Input[k], 0, Lanes.Count, x + k * Lanes.Count);
        float* most = stackalloc float[Lanes.Count], sum = stackalloc float[Lanes.Count];
        Softmax<TVec>(x, 1, dx, most, sum);
        double loss = 0;
        int top1 = 0, top5 = 0;
        for (var lane = 0; lane < labels.Length; lane++)
        {
            var rank = Rank(x + lane, Classes, labels[lane]);
            top1 += rank == 0 ? 1 : 0;
            top5 += rank < 5 ? 1 : 0;
            loss += PortableMath.Log(sum[lane]) + most[lane] - Expected(x + lane, labels[lane], targets.Smoothing);
        }

        var weight = targets.Teacher == null ? 0 : targets.TeacherWeight;
        var ofLabels = (1 - weight) * reciprocal;
        Scale<TVec>(dx, ofLabels, targets.Smoothing / Classes);
        for (var lane = 0; lane < labels.Length; lane++)
            dx[labels[lane] * Lanes.Count + lane] -= ofLabels * (1 - targets.Smoothing);
        if (weight > 0)
        {
            ReadTeacher(targets.Teacher, labels.Length, teacher);
            Softmax<TVec>(x, 1 / targets.Temperature, x, most, sum);
            Softmax<TVec>(teacher, 1 / targets.Temperature, teacher, most, sum);
            AddDifference<TVec>(x, teacher, weight * targets.Temperature * reciprocal, dx);
        }

        for (var k = 0; k < Classes; k++)
        {
            new Span<float>(dx + k * Lanes.Count + labels.Length, Lanes.Count - labels.Length).Clear();
            PlaneAccess.AddGradient<TVec>(planes, block, Input[k], 0, Lanes.Count, dx + k * Lanes.Count, writes[k]);
        }

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

    /// <summary>Σ t·x of one image.</summary>
    private double Expected(float* logits, int label, float smoothing)
    {
        double all = 0;
        for (var k = 0; k < Classes && smoothing > 0; k++)
            all += logits[k * Lanes.Count];
        return (1 - smoothing) * logits[label * Lanes.Count] + smoothing / Classes * all;
    }

    /// <summary>The teacher's logits from image by image to [K][16]. Lanes without an image get zeros.</summary>
    private void ReadTeacher(float* logits, int images, float* target)
    {
        for (var k = 0; k < Classes; k++)
        {
            for (var lane = 0; lane < Lanes.Count; lane++)
                target[k * Lanes.Count + lane] = lane < images ? logits[(long)lane * Classes + k] : 0;
        }
    }

    /// <summary>softmax(scale · x) in each lane, which may take the place of x; most is the highest scaled logit, sum the divisor.</summary>
    private void Softmax<TVec>(float* x, float scale, float* target, float* most, float* sum)
        where TVec : unmanaged, IVec<TVec>
    {
        int end = Classes * Lanes.Count;
        var factor = TVec.Broadcast(scale);
        for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
        {
            var highest = TVec.Load(x + lane);
            for (var i = lane + Lanes.Count; i < end; i += Lanes.Count)
                highest = TVec.Max(highest, TVec.Load(x + i));
            var total = TVec.Zero;
            for (var i = lane; i < end; i += Lanes.Count)
            {
                var value = TVec.Exp((TVec.Load(x + i) - highest) * factor);
                TVec.Store(target + i, value);
                total += value;
            }

            var inverse = TVec.Broadcast(1) / total;
            for (var i = lane; i < end; i += Lanes.Count)
                TVec.Store(target + i, TVec.Load(target + i) * inverse);
            TVec.Store(most + lane, highest * factor);
            TVec.Store(sum + lane, total);
        }
    }

    /// <summary>p = weight · (p − constant).</summary>
    private void Scale<TVec>(float* p, float weight, float constant)
        where TVec : unmanaged, IVec<TVec>
    {
        TVec factor = TVec.Broadcast(weight), less = TVec.Broadcast(constant);
        for (float* at = p, end = p + Classes * Lanes.Count; at < end; at += TVec.Count)
            TVec.Store(at, (TVec.Load(at) - less) * factor);
    }

    /// <summary>target += weight · (p − q).</summary>
    private void AddDifference<TVec>(float* p, float* q, float weight, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        var factor = TVec.Broadcast(weight);
        for (var i = 0; i < Classes * Lanes.Count; i += TVec.Count)
            TVec.Store(target + i, TVec.MultiplyAdd(TVec.Load(p + i) - TVec.Load(q + i), factor, TVec.Load(target + i)));
    }
}
