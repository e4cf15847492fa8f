using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Max pooling 3×3 with padding 1. The gradient goes to the first of the largest values of a window, in reading order.
/// <code>
/// x    [C][H][W][16]
/// y    [C][h][w][16]     h = ⌊(H − 1) / stride⌋ + 1
/// </code>
/// </summary>
internal readonly unsafe struct MaxPool
{
    /// <summary>Input, output and how they lie to each other.</summary>
    public readonly Window Window { get; init; }

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => 3L * new PaddedPlane(Window.Height, Window.Width).Size;

    /// <summary>y = largest x of each window.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        var padded = new PaddedPlane(Window.Height, Window.Width);
        int height = Window.OutputHeight, width = Window.OutputWidth, stride = Window.Stride;
        for (var c = 0; c < Window.Channels; c++)
        {
            padded.Read<TVec>(planes, block, Window.Input[c], scratch, float.NegativeInfinity);
            var target = block.Data + planes.Offset[Window.Output + c];
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++, target += Lanes.Count)
                {
                    for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                    {
                        var p = scratch + (long)y * stride * padded.Row + x * stride * Lanes.Count + lane;
                        var top = Max3<TVec>(p);
                        var middle = Max3<TVec>(p + padded.Row);
                        var bottom = Max3<TVec>(p + 2 * padded.Row);
                        TVec.Store(target + lane, TVec.Max(TVec.Max(top, middle), bottom));
                    }
                }
            }
        }
    }

    /// <summary>dx = dy at the place of each window's largest value.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="arrivals">What dx means for each input plane.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, Arrival* arrivals)
        where TVec : unmanaged, IVec<TVec>
    {
        var padded = new PaddedPlane(Window.Height, Window.Width);
        int height = Window.OutputHeight, width = Window.OutputWidth, stride = Window.Stride;
        float* input = scratch, dx = input + padded.Size, dy = dx + padded.Size;
        for (var c = 0; c < Window.Channels; c++)
        {
            padded.Read<TVec>(planes, block, Window.Input[c], input, float.NegativeInfinity);
            padded.Clear(dx);
            PlaneAccess.ReadGradient<TVec>(planes, block, Window.Output + c, 0, height * width * Lanes.Count, dy);
            var largest = block.Data + planes.Offset[Window.Output + c];
            var next = dy;
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++, largest += Lanes.Count, next += Lanes.Count)
                {
                    for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                    {
                        var top = TVec.Load(largest + lane);
                        var left = TVec.Load(next + lane);
                        var at = (long)y * stride * padded.Row + x * stride * Lanes.Count + lane;
                        for (var ky = 0; ky < 3; ky++, at += padded.Row)
                        {
                            for (var kx = 0; kx < 3; kx++)
                            {
                                // What is left goes to the first value that is the largest; then nothing is left.
                                var value = TVec.Load(input + at + kx * Lanes.Count);
                                var to = dx + at + kx * Lanes.Count;
                                TVec.Store(to, TVec.Load(to) + TVec.WhereAtLeast(value, top, left, TVec.Zero));
                                left = TVec.WhereAtLeast(value, top, TVec.Zero, left);
                            }
                        }
                    }
                }
            }

            padded.AddGradient<TVec>(planes, block, Window.Input[c], dx, arrivals[c]);
        }
    }

    private static TVec Max3<TVec>(float* p)
        where TVec : unmanaged, IVec<TVec> =>
        TVec.Max(TVec.Max(TVec.Load(p), TVec.Load(p + Lanes.Count)), TVec.Load(p + 2 * Lanes.Count));
}
