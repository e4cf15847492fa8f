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

    /// <summary>Backward works window by window, on planes in the order of positions.</summary>
    private PaddedPlane Plain => new(Window.Height, Window.Width, stride: 1, Window.Lanes);

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => Math.Max(Window.Padded.Size, 2 * Plain.Size + (long)Window.OutputHeight * Window.OutputRow);

    /// <summary>y = largest x of each window.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        Window.Padded.Prepare(scratch, float.NegativeInfinity);
        for (var c = 0; c < Window.Channels; c++)
        {
            var value = PlaneAccess.Reader<TVec>(planes, block, Window.Input[c], 0);
            Window.Padded.Read<TVec, PendingPlane<TVec>>(value, scratch, float.NegativeInfinity);
            Largest<TVec>(scratch, float.NegativeInfinity, block.Data + planes.Offset[Window.Output + c]);
        }
    }

    /// <summary>y = max(floor, largest x of each window) in inference.</summary>
    /// <param name="planes">Offsets, and the floor of the output's planes.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    public void Infer<TVec>(in Planes planes, float* data, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        Window.Padded.Prepare(scratch, float.NegativeInfinity);
        for (var c = 0; c < Window.Channels; c++)
        {
            Window.Padded.Read<TVec, FinalPlane<TVec>>(new(data + planes.Offset[Window.Input[c]]), scratch, float.NegativeInfinity);
            Largest<TVec>(scratch, planes.Floor[Window.Output + c], data + planes.Offset[Window.Output + c]);
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
        var padded = Plain;
        int height = Window.OutputHeight, width = Window.OutputWidth, stride = Window.Stride;
        float* input = scratch, dx = input + padded.Size, dy = dx + padded.Size;
        padded.Prepare(input, float.NegativeInfinity);
        for (var c = 0; c < Window.Channels; c++)
        {
            var value = PlaneAccess.Reader<TVec>(planes, block, Window.Input[c], 0);
            padded.Read<TVec, PendingPlane<TVec>>(value, input, float.NegativeInfinity);
            padded.Prepare(dx, 0);
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
                                var seen = TVec.Load(input + at + kx * Lanes.Count);
                                var to = dx + at + kx * Lanes.Count;
                                TVec.Store(to, TVec.Load(to) + TVec.WhereAtLeast(seen, top, left, TVec.Zero));
                                left = TVec.WhereAtLeast(seen, top, TVec.Zero, left);
                            }
                        }
                    }
                }
            }

            var row = Window.Width * Lanes.Count;
            for (var y = 0; y < Window.Height; y++)
                PlaneAccess.AddGradient<TVec>(planes, block, Window.Input[c], (long)y * row, row, dx + padded.Tap(4) + (long)y * padded.Row, arrivals[c]);
        }
    }

    private void Largest<TVec>(float* top, float floor, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        var padded = Window.Padded;
        int length = Window.OutputRow, middle = padded.Middle, right = padded.Right;
        var least = TVec.Broadcast(floor);
        for (var y = 0; y < Window.OutputHeight; y++, target += length, top += padded.RowStep)
        {
            float* centre = top + padded.Row, bottom = centre + padded.Row;
            for (var i = 0; i < length; i += TVec.Count)
            {
                var left = Max3(TVec.Load(top + i), TVec.Load(centre + i), TVec.Load(bottom + i));
                var between = Max3(TVec.Load(top + middle + i), TVec.Load(centre + middle + i), TVec.Load(bottom + middle + i));
                var last = Max3(TVec.Load(top + right + i), TVec.Load(centre + right + i), TVec.Load(bottom + right + i));
                TVec.Store(target + i, TVec.Max(least, Max3(left, between, last)));
            }
        }
    }

    private static TVec Max3<TVec>(TVec a, TVec b, TVec c)
        where TVec : unmanaged, IVec<TVec> => TVec.Max(TVec.Max(a, b), c);
}
