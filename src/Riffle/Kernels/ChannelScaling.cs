using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Each channel times a factor of its own, the end of squeeze-and-excite (Hu et al., 2018).
/// <code>
/// x    [C][P][16]     s [C][16]
/// y    [C][P][16]     y = s · x     dx = s · dy     ds = Σ x · dy over the positions
/// </code>
/// </summary>
internal readonly unsafe struct ChannelScaling
{
    /// <summary>Planes of x in the order of its channels.</summary>
    public readonly int* Input { get; init; }

    /// <summary>Planes of s in the same order.</summary>
    public readonly int* Factors { get; init; }

    /// <summary>First plane of y.</summary>
    public readonly int Output { get; init; }

    /// <summary>C.</summary>
    public readonly int Channels { get; init; }

    /// <summary>P·16.</summary>
    public readonly int PlaneSize { get; init; }

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => PlaneSize + Lanes.Count;

    /// <summary>y = s · x, both read with what is deferred on them.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            DeferredPlane<TVec> x = PlaneAccess.Reader<TVec>(planes, block, Input[c], 0), s = PlaneAccess.Reader<TVec>(planes, block, Factors[c], 0);
            var y = block.Data + planes.Offset[Output + c];
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var factor = s.At(lane);
                for (var i = lane; i < PlaneSize; i += Lanes.Count)
                    TVec.Store(y + i, factor * x.At(i));
            }
        }
    }

    /// <summary>y = clamp(s · x) in inference, of planes of sixteen images.</summary>
    /// <param name="planes">Offsets, and the clamp of the output's planes.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="share">The planes of y to compute.</param>
    public void Infer<TVec>(in Planes planes, float* data, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
            Multiply<TVec>(data + planes.Offset[Input[c]], data + planes.Offset[Factors[c]], data + planes.Offset[Output + c], planes.Clamp[Output + c]);
    }

    /// <summary>The same of the planes of one image; the factors lie anywhere.</summary>
    /// <param name="planes">Offsets, and the clamp of the output's planes.</param>
    /// <param name="data">The image's activations.</param>
    /// <param name="share">The planes of y to compute.</param>
    public void InferImage<TVec>(in Planes planes, float* data, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            float* x = data + planes.Offset[Input[c]], y = data + planes.Offset[Output + c];
            var (factor, clamp) = (TVec.Broadcast(data[planes.Offset[Factors[c]]]), planes.Clamp[Output + c].For<TVec>());
            for (var i = 0; i < PlaneSize; i += TVec.Count)
                TVec.Store(y + i, clamp.Apply(factor * TVec.Load(x + i)));
        }
    }

    /// <summary>The same of one image with sixteen channels side by side: planes are blocks of channels.</summary>
    /// <param name="blocks">Offsets, and the clamp of the output's blocks.</param>
    /// <param name="data">The image's activations.</param>
    /// <param name="factors">Where the factor of each lane of each block lies; −1 where a lane holds no channel.</param>
    /// <param name="share">The blocks of y to compute.</param>
    public void InferChannels<TVec>(in Planes blocks, float* data, long* factors, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        var s = stackalloc float[Lanes.Count];
        var end = share.EndOf(Channels);
        for (var block = share.From; block < end; block++)
        {
            var ofBlock = factors + block * Lanes.Count;
            for (var lane = 0; lane < Lanes.Count; lane++)
                s[lane] = ofBlock[lane] < 0 ? 0 : data[ofBlock[lane]];
            Multiply<TVec>(data + blocks.Offset[Input[block]], s, data + blocks.Offset[Output + block], blocks.Clamp[Output + block]);
        }
    }

    private void Multiply<TVec>(float* x, float* s, float* y, Clamp range)
        where TVec : unmanaged, IVec<TVec>
    {
        var clamp = range.For<TVec>();
        for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
        {
            var factor = TVec.Load(s + lane);
            for (var i = lane; i < PlaneSize; i += Lanes.Count)
                TVec.Store(y + i, clamp.Apply(factor * TVec.Load(x + i)));
        }
    }

    /// <summary>dx and ds.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="writes">What dx means for each plane of x.</param>
    /// <param name="factorWrites">What ds means for each plane of s.</param>
    /// <param name="share">The planes to compute.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, GradientWrite* writes, GradientWrite* factorWrites, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireLanes(PlaneSize);
        Contract.RequireScratch(scratch, Scratch);
        var ds = scratch + PlaneSize;
        var end = share.EndOf(Channels);
        for (var c = share.From; c < end; c++)
        {
            DeferredPlane<TVec> x = PlaneAccess.Reader<TVec>(planes, block, Input[c], 0), s = PlaneAccess.Reader<TVec>(planes, block, Factors[c], 0);
            PlaneAccess.ReadGradient<TVec>(planes, block, Output + c, 0, PlaneSize, scratch);
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                TVec factor = s.At(lane), sum = TVec.Zero;
                for (var i = lane; i < PlaneSize; i += Lanes.Count)
                {
                    var dy = TVec.Load(scratch + i);
                    TVec.Accumulate(ref sum, dy, x.At(i));
                    TVec.Store(scratch + i, factor * dy);
                }

                TVec.Store(ds + lane, sum);
            }

            PlaneAccess.AddGradient<TVec>(planes, block, Input[c], 0, PlaneSize, scratch, writes[c]);
            PlaneAccess.AddGradient<TVec>(planes, block, Factors[c], 0, Lanes.Count, ds, factorWrites[c]);
        }
    }
}
