using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Sum of two values: the shortcut of a residual unit. ReLU, where it follows, is deferred on the sum's planes.
/// <code>
/// a, b [C][H·W][16]
/// y    [C][H·W][16]
/// </code>
/// </summary>
internal readonly unsafe struct Addition
{
    /// <summary>Planes of a in the order of its channels.</summary>
    public readonly int* Left { get; init; }

    /// <summary>Planes of b in the order of its channels.</summary>
    public readonly int* Right { get; init; }

    /// <summary>First plane of the output.</summary>
    public readonly int Output { get; init; }

    /// <summary>C.</summary>
    public readonly int Channels { get; init; }

    /// <summary>H·W·16.</summary>
    public readonly int PlaneSize { get; init; }

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => PlaneSize;

    /// <summary>y = a + b.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            var target = block.Data + planes.Offset[Output + c];
            DeferredPlane<TVec> left = PlaneAccess.Reader<TVec>(planes, block, Left[c], 0), right = PlaneAccess.Reader<TVec>(planes, block, Right[c], 0);
            for (var i = 0; i < PlaneSize; i += TVec.Count)
                TVec.Store(target + i, left.At(i) + right.At(i));
        }
    }

    /// <summary>y = clamp(a + b) in inference.</summary>
    /// <param name="planes">Offsets, and the clamp of the output's planes.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="share">The planes of y to compute.</param>
    public void Infer<TVec>(in Planes planes, float* data, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            float* left = data + planes.Offset[Left[c]], right = data + planes.Offset[Right[c]], target = data + planes.Offset[Output + c];
            var clamp = planes.Clamp[Output + c].For<TVec>();
            for (var i = 0; i < PlaneSize; i += TVec.Count)
                TVec.Store(target + i, clamp.Apply(TVec.Load(left + i) + TVec.Load(right + i)));
        }
    }

    /// <summary>The same for one image whose channels lie side by side, in another order in a than in b.</summary>
    /// <param name="data">The image's activations.</param>
    /// <param name="left">Where each channel of a lies, at the first position.</param>
    /// <param name="right">The same of b.</param>
    /// <param name="output">The same of y.</param>
    /// <param name="channels">C.</param>
    /// <param name="positions">H·W.</param>
    /// <param name="clamp">What y is cut off at.</param>
    /// <param name="share">The channels of y to compute.</param>
    public static void InferChannels(
        float* data, long* left, long* right, long* output, int channels, int positions, Clamp clamp, Share share = default)
    {
        var end = share.EndOf(channels);
        for (var i = 0; i < positions * Lanes.Count; i += Lanes.Count)
        {
            for (var c = share.From; c < end; c++)
                data[output[c] + i] = clamp.Apply(data[left[c] + i] + data[right[c] + i]);
        }
    }

    /// <summary>da = db = dy. Nothing to do for planes that share y's gradient, as most do.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="leftWrites">What da means for each plane of a.</param>
    /// <param name="rightWrites">What db means for each plane of b.</param>
    /// <param name="share">The planes to compute.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, GradientWrite* leftWrites, GradientWrite* rightWrites, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        Contract.RequireScratch(scratch, Scratch);
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            if ((leftWrites[c] & rightWrites[c] & GradientWrite.Shared) != 0)
                continue;
            PlaneAccess.ReadGradient<TVec>(planes, block, Output + c, 0, PlaneSize, scratch);
            PlaneAccess.AddGradient<TVec>(planes, block, Left[c], 0, PlaneSize, scratch, leftWrites[c]);
            PlaneAccess.AddGradient<TVec>(planes, block, Right[c], 0, PlaneSize, scratch, rightWrites[c]);
        }
    }
}
