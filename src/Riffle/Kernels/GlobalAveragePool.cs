using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Mean over all positions.
/// <code>
/// x    [C][H·W][16]
/// y    [C][16]
/// </code>
/// </summary>
internal readonly unsafe struct GlobalAveragePool
{
    /// <summary>Planes of the input in the order of its channels.</summary>
    public readonly int* Input { get; init; }

    /// <summary>First plane of the output.</summary>
    public readonly int Output { get; init; }

    /// <summary>C.</summary>
    public readonly int Channels { get; init; }

    /// <summary>H·W·16.</summary>
    public readonly int PlaneSize { get; init; }

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => PlaneSize;

    private float Share => (float)Lanes.Count / PlaneSize;

    /// <summary>y = mean of x.</summary>
    public void Forward<TVec>(in Planes planes, in Block block)
        where TVec : unmanaged, IVec<TVec>
    {
        var share = TVec.Broadcast(Share);
        for (var c = 0; c < Channels; c++)
        {
            var value = PlaneAccess.Reader<TVec>(planes, block, Input[c], 0);
            var target = block.Data + planes.Offset[Output + c];
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var sum = TVec.Zero;
                for (var i = lane; i < PlaneSize; i += Lanes.Count)
                    sum += value.At(i);
                TVec.Store(target + lane, sum * share);
            }
        }
    }

    /// <summary>y = max(floor, mean of x) in inference, of planes of sixteen images or of sixteen channels.</summary>
    /// <param name="planes">Offsets, and the floor of the output's planes.</param>
    /// <param name="data">The block's activations.</param>
    public void Infer<TVec>(in Planes planes, float* data)
        where TVec : unmanaged, IVec<TVec>
    {
        var share = TVec.Broadcast(Share);
        for (var c = 0; c < Channels; c++)
        {
            float* x = data + planes.Offset[Input[c]], y = data + planes.Offset[Output + c];
            var floor = TVec.Broadcast(planes.Floor[Output + c]);
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var sum = TVec.Zero;
                for (var i = lane; i < PlaneSize; i += Lanes.Count)
                    sum += TVec.Load(x + i);
                TVec.Store(y + lane, TVec.Max(floor, sum * share));
            }
        }
    }

    /// <summary>dx = dy / (H·W) everywhere.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="arrivals">What dx means for each input plane.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, Arrival* arrivals)
        where TVec : unmanaged, IVec<TVec>
    {
        var share = TVec.Broadcast(Share);
        var dy = stackalloc float[Lanes.Count];
        for (var c = 0; c < Channels; c++)
        {
            PlaneAccess.ReadGradient<TVec>(planes, block, Output + c, 0, Lanes.Count, dy);
            for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
            {
                var value = TVec.Load(dy + lane) * share;
                for (var i = lane; i < PlaneSize; i += Lanes.Count)
                    TVec.Store(scratch + i, value);
            }

            PlaneAccess.AddGradient<TVec>(planes, block, Input[c], 0, PlaneSize, scratch, arrivals[c]);
        }
    }
}
