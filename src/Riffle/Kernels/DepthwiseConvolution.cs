using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Depthwise 3×3 convolution with padding 1, stride 1 or more; average pooling is one whose weights are all 1/9.
/// <code>
/// x    [C][H][W][16]     w [C][3][3]
/// y    [C][h][w][16]     h = ⌊(H − 1) / stride⌋ + 1
/// </code>
/// Each plane is read once into a padded scratch, normalised on the way. A vector holds the same position of several images.
/// </summary>
internal readonly unsafe struct DepthwiseConvolution
{
    /// <summary>Input, output and how they lie to each other.</summary>
    public readonly Window Window { get; init; }

    /// <summary>w, 9 for each channel.</summary>
    public readonly float* Weights { get; init; }

    /// <summary>9 where each channel has its own weights, 0 where all share nine.</summary>
    public readonly int WeightStride { get; init; }

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => 3L * new PaddedPlane(Window.Height, Window.Width).Size;

    /// <summary>y = w ∗ x; gathers Σy and Σy² where batch norm follows.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch, bool gatherSums)
        where TVec : unmanaged, IVec<TVec>
    {
        var padded = new PaddedPlane(Window.Height, Window.Width);
        int height = Window.OutputHeight, width = Window.OutputWidth;
        for (var c = 0; c < Window.Channels; c++)
        {
            padded.Read<TVec>(planes, block, Window.Input[c], scratch, border: 0);
            var target = block.Data + planes.Offset[Window.Output + c];
            Correlate<TVec>(scratch, padded.Row, Window.Stride, Weights + c * WeightStride, target, height, width);
            if (gatherSums)
                PlaneAccess.GatherSums<TVec>(planes, block, Window.Output + c, 0, height * width * Lanes.Count);
        }
    }

    /// <summary>dw (+)= dy ∗ x and dx = the spread of dy by w.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="weightGradient">dw [C][3][3], or null where the weights are constants.</param>
    /// <param name="accumulate">Whether dw is added to or overwritten.</param>
    /// <param name="arrivals">What dx means for each input plane.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, float* weightGradient, bool accumulate, Arrival* arrivals)
        where TVec : unmanaged, IVec<TVec>
    {
        PaddedPlane input = new(Window.Height, Window.Width), output = new(Window.OutputHeight, Window.OutputWidth);
        float* x = scratch, dx = x + input.Size, dy = dx + input.Size;
        var flipped = stackalloc float[9];
        for (var c = 0; c < Window.Channels; c++)
        {
            output.ReadGradient<TVec>(planes, block, Window.Output + c, dy);
            var dyInterior = dy + output.Row + Lanes.Count;
            if (weightGradient != null)
            {
                input.Read<TVec>(planes, block, Window.Input[c], x, border: 0);
                WeightGradient<TVec>(x, input.Row, dyInterior, output.Row, weightGradient + c * 9, accumulate);
            }

            var weights = Weights + c * WeightStride;
            if (Window.Stride == 1)
            {
                // Written without borders: a plane as large as x's, handed on as one run.
                for (var i = 0; i < 9; i++)
                    flipped[i] = weights[8 - i];
                Correlate<TVec>(dy, output.Row, 1, flipped, dx, Window.Height, Window.Width);
                PlaneAccess.AddGradient<TVec>(planes, block, Window.Input[c], 0, Window.Height * Window.Width * Lanes.Count, dx, arrivals[c]);
            }
            else
            {
                input.Clear(dx);
                Spread<TVec>(dyInterior, output.Row, weights, dx, input.Row);
                input.AddGradient<TVec>(planes, block, Window.Input[c], dx, arrivals[c]);
            }
        }
    }

    private static void Correlate<TVec>(float* padded, int row, int stride, float* weights, float* target, int height, int width)
        where TVec : unmanaged, IVec<TVec>
    {
        TVec w0 = TVec.Broadcast(weights[0]), w1 = TVec.Broadcast(weights[1]), w2 = TVec.Broadcast(weights[2]);
        TVec w3 = TVec.Broadcast(weights[3]), w4 = TVec.Broadcast(weights[4]), w5 = TVec.Broadcast(weights[5]);
        TVec w6 = TVec.Broadcast(weights[6]), w7 = TVec.Broadcast(weights[7]), w8 = TVec.Broadcast(weights[8]);
        for (var y = 0; y < height; y++)
        {
            var top = padded + (long)y * stride * row;
            for (var x = 0; x < width; x++)
            {
                for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                {
                    var p = top + lane;
                    var sum = w0 * TVec.Load(p);
                    var other = w1 * TVec.Load(p + Lanes.Count);
                    sum = TVec.MultiplyAdd(w2, TVec.Load(p + 2 * Lanes.Count), sum);
                    p += row;
                    other = TVec.MultiplyAdd(w3, TVec.Load(p), other);
                    sum = TVec.MultiplyAdd(w4, TVec.Load(p + Lanes.Count), sum);
                    other = TVec.MultiplyAdd(w5, TVec.Load(p + 2 * Lanes.Count), other);
                    p += row;
                    sum = TVec.MultiplyAdd(w6, TVec.Load(p), sum);
                    other = TVec.MultiplyAdd(w7, TVec.Load(p + Lanes.Count), other);
                    sum = TVec.MultiplyAdd(w8, TVec.Load(p + 2 * Lanes.Count), sum);
                    TVec.Store(target + lane, sum + other);
                }

                target += Lanes.Count;
                top += stride * Lanes.Count;
            }
        }
    }

    private void Spread<TVec>(float* dy, int dyRow, float* weights, float* dx, int dxRow)
        where TVec : unmanaged, IVec<TVec>
    {
        int height = Window.OutputHeight, width = Window.OutputWidth, stride = Window.Stride;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                {
                    var value = TVec.Load(dy + (long)y * dyRow + x * Lanes.Count + lane);
                    var p = dx + (long)y * stride * dxRow + x * stride * Lanes.Count + lane;
                    for (var ky = 0; ky < 3; ky++, p += dxRow)
                    {
                        TVec.Store(p, TVec.MultiplyAdd(TVec.Broadcast(weights[3 * ky]), value, TVec.Load(p)));
                        TVec.Store(p + Lanes.Count, TVec.MultiplyAdd(TVec.Broadcast(weights[3 * ky + 1]), value, TVec.Load(p + Lanes.Count)));
                        TVec.Store(p + 2 * Lanes.Count, TVec.MultiplyAdd(TVec.Broadcast(weights[3 * ky + 2]), value, TVec.Load(p + 2 * Lanes.Count)));
                    }
                }
            }
        }
    }

    private void WeightGradient<TVec>(float* x, int xRow, float* dy, int dyRow, float* target, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
    {
        TVec s0 = TVec.Zero, s1 = TVec.Zero, s2 = TVec.Zero, s3 = TVec.Zero, s4 = TVec.Zero, s5 = TVec.Zero, s6 = TVec.Zero, s7 = TVec.Zero, s8 = TVec.Zero;
        int height = Window.OutputHeight, width = Window.OutputWidth, stride = Window.Stride;
        for (var oy = 0; oy < height; oy++)
        {
            for (var ox = 0; ox < width; ox++)
            {
                for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                {
                    var value = TVec.Load(dy + (long)oy * dyRow + ox * Lanes.Count + lane);
                    var p = x + (long)oy * stride * xRow + ox * stride * Lanes.Count + lane;
                    s0 = TVec.MultiplyAdd(value, TVec.Load(p), s0);
                    s1 = TVec.MultiplyAdd(value, TVec.Load(p + Lanes.Count), s1);
                    s2 = TVec.MultiplyAdd(value, TVec.Load(p + 2 * Lanes.Count), s2);
                    p += xRow;
                    s3 = TVec.MultiplyAdd(value, TVec.Load(p), s3);
                    s4 = TVec.MultiplyAdd(value, TVec.Load(p + Lanes.Count), s4);
                    s5 = TVec.MultiplyAdd(value, TVec.Load(p + 2 * Lanes.Count), s5);
                    p += xRow;
                    s6 = TVec.MultiplyAdd(value, TVec.Load(p), s6);
                    s7 = TVec.MultiplyAdd(value, TVec.Load(p + Lanes.Count), s7);
                    s8 = TVec.MultiplyAdd(value, TVec.Load(p + 2 * Lanes.Count), s8);
                }
            }
        }

        if (!accumulate)
            new Span<float>(target, 9).Clear();
        target[0] += TVec.Sum(s0);
        target[1] += TVec.Sum(s1);
        target[2] += TVec.Sum(s2);
        target[3] += TVec.Sum(s3);
        target[4] += TVec.Sum(s4);
        target[5] += TVec.Sum(s5);
        target[6] += TVec.Sum(s6);
        target[7] += TVec.Sum(s7);
        target[8] += TVec.Sum(s8);
    }
}
