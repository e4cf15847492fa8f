using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Dense 3×3 convolution with padding 1, stride 1 or more: the stem. Its input is the images, so it has no gradient by the input.
/// <code>
/// x    [C][H][W][16]     w [O][C][3][3]
/// y    [O][h][w][16]     h = ⌊(H − 1) / stride⌋ + 1
/// </code>
/// A row of outputs is a matrix product: the 9·C shifted rows that it sees are gathered into a panel (im2col, a row at a time).
/// </summary>
internal readonly unsafe struct DenseConvolution
{
    /// <summary>Input, output and how they lie to each other.</summary>
    public readonly Window Window { get; init; }

    /// <summary>O.</summary>
    public readonly int OutputChannels { get; init; }

    /// <summary>Weights in the order of <see cref="MatrixProduct.Pack"/>.</summary>
    public readonly float* Packed { get; init; }

    private int Depth => 9 * Window.Channels;

    private int PaddedRow => (Window.Width + 2) * Lanes.Count;

    /// <summary>Floats of an output row, and so of a row of the panel.</summary>
    private int Length => Window.OutputWidth * Lanes.Count;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => PaddedRow + (long)(Depth + OutputChannels) * Length;

    /// <summary>Brings w [O][9·C] into packed order. Once a step.</summary>
    public void Pack(float* weights) => MatrixProduct.Pack(weights, Depth, 1, OutputChannels, Depth, Packed);

    /// <summary>y = w ∗ x; gathers Σy and Σy² where batch norm follows.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch, bool gatherSums)
        where TVec : unmanaged, IVec<TVec>
    {
        var panel = scratch + PaddedRow;
        int height = Window.OutputHeight, length = Length;
        var planeSize = (long)height * length;
        for (var y = 0; y < height; y++)
        {
            GatherRow<TVec>(planes, block, y, scratch, panel);
            var start = (long)y * length;
            MatrixProduct.Multiply<TVec>(Packed, OutputChannels, Depth, panel, length, length, block.Data + planes.Offset[Window.Output] + start, planeSize);
            if (gatherSums)
            {
                for (var o = 0; o < OutputChannels; o++)
                    PlaneAccess.GatherSums<TVec>(planes, block, Window.Output + o, start, length);
            }
        }
    }

    /// <summary>dw (+)= dy ∗ x.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="weightGradient">dw [O][C][3][3].</param>
    /// <param name="accumulate">Whether dw is added to or overwritten.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, float* weightGradient, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
    {
        var panel = scratch + PaddedRow;
        int height = Window.OutputHeight, length = Length;
        var dy = panel + (long)Depth * length;
        for (var y = 0; y < height; y++)
        {
            GatherRow<TVec>(planes, block, y, scratch, panel);
            for (var o = 0; o < OutputChannels; o++)
                PlaneAccess.ReadGradient<TVec>(planes, block, Window.Output + o, (long)y * length, length, dy + (long)o * length);
            MatrixProduct.MultiplyTransposed<TVec>(dy, OutputChannels, panel, Depth, length, length, weightGradient, accumulate || y > 0);
        }
    }

    private void GatherRow<TVec>(in Planes planes, in Block block, int y, float* padded, float* panel)
        where TVec : unmanaged, IVec<TVec>
    {
        int row = Window.Width * Lanes.Count, length = Length, width = Window.OutputWidth, stride = Window.Stride;
        new Span<float>(padded, PaddedRow).Clear();
        for (var c = 0; c < Window.Channels; c++)
        {
            for (var ky = 0; ky < 3; ky++)
            {
                var inputY = y * stride + ky - 1;
                if (inputY >= 0 && inputY < Window.Height)
                    PlaneAccess.Read<TVec>(planes, block, Window.Input[c], (long)inputY * row, row, padded + Lanes.Count);
                else
                    new Span<float>(padded, PaddedRow).Clear();
                for (var kx = 0; kx < 3; kx++, panel += length)
                {
                    if (stride == 1)
                    {
                        new Span<float>(padded + kx * Lanes.Count, length).CopyTo(new Span<float>(panel, length));
                        continue;
                    }

                    for (var x = 0; x < width; x++)
                    {
                        var from = padded + (x * stride + kx) * Lanes.Count;
                        for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                            TVec.Store(panel + x * Lanes.Count + lane, TVec.Load(from + lane));
                    }
                }
            }
        }
    }
}
