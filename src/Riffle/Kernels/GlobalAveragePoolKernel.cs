using System.Diagnostics;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Mean over all positions. L is 16, or in inference 1.
/// <code>
/// x    [C][H·W][L]
/// y    [C][L]
/// </code>
/// </summary>
internal readonly unsafe struct GlobalAveragePoolKernel
{
    /// <summary>Over planes of sixteen lanes.</summary>
    public GlobalAveragePoolKernel()
    {
    }

    /// <summary>Planes of the input in the order of its channels.</summary>
    public readonly int* Input { get; init; }

    /// <summary>First plane of the output.</summary>
    public readonly int Output { get; init; }

    /// <summary>C.</summary>
    public readonly int Channels { get; init; }

    /// <summary>H·W·L.</summary>
    public readonly int PlaneSize { get; init; }

    /// <summary>L: 16 images or channels side by side, or 1 image.</summary>
    public readonly int LaneCount { get; init; } = Lanes.Count;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => PlaneSize;

    private float LaneWeight => (float)LaneCount / PlaneSize;

    /// <summary>y = mean of x.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        var weight = TVec.Broadcast(LaneWeight);
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            var value = PlaneAccess.Reader<TVec>(planes, block, Input[c], 0);
            var target = block.Data + planes.Offset[Output + c];
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var sum = TVec.Zero;
                for (var i = lane; i < PlaneSize; i += Lanes.Count)
                    sum += value.At(i);
                TVec.Store(target + lane, sum * weight);
            }
        }
    }

    /// <summary>y = clamp(mean of x) in inference, of planes of sixteen images, of sixteen channels or of one image.</summary>
    /// <param name="planes">Offsets, and the clamp of the output's planes.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="share">The planes of y to compute.</param>
    public void Infer<TVec>(in Planes planes, float* data, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Debug.Assert(LaneCount is 1 or Lanes.Count && PlaneSize % LaneCount == 0, $"{PlaneSize} floats of {LaneCount} lanes");
        var weight = TVec.Broadcast(LaneWeight);
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            float* x = data + planes.Offset[Input[c]], y = data + planes.Offset[Output + c];
            if (LaneCount == 1)
            {
                *y = planes.Clamp[Output + c].Apply(Sum<TVec>(x) * LaneWeight);
                continue;
            }

            var clamp = planes.Clamp[Output + c].For<TVec>();
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var sum = TVec.Zero;
                for (var i = lane; i < PlaneSize; i += Lanes.Count)
                    sum += TVec.Load(x + i);
                TVec.Store(y + lane, clamp.Apply(sum * weight));
            }
        }
    }

    /// <summary>Σx of one image's plane.</summary>
    private float Sum<TVec>(float* x)
        where TVec : unmanaged, IVec<TVec>
    {
        var sums = TVec.Zero;
        var i = 0;
        for (; i + TVec.Count <= PlaneSize; i += TVec.Count)
            sums += TVec.Load(x + i);
        var sum = TVec.Sum(sums);
        for (; i < PlaneSize; i++)
            sum += x[i];
        return sum;
    }

    /// <summary>dx = dy / (H·W) everywhere.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="writes">What dx means for each input plane.</param>
    /// <param name="share">The planes to compute.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, GradientWrite* writes, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        Contract.RequireScratch(scratch, Scratch);
        var weight = TVec.Broadcast(LaneWeight);
        var dy = stackalloc float[Lanes.Count];
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            PlaneAccess.ReadGradient<TVec>(planes, block, Output + c, 0, Lanes.Count, dy);
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var value = TVec.Load(dy + lane) * weight;
                for (var i = lane; i < PlaneSize; i += Lanes.Count)
                    TVec.Store(scratch + i, value);
            }

            PlaneAccess.AddGradient<TVec>(planes, block, Input[c], 0, PlaneSize, scratch, writes[c]);
        }
    }
}
