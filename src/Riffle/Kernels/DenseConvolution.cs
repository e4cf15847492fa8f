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
    /// <summary>Planes of the input in the order of its channels.</summary>
    public readonly int* Input { get; init; }

    /// <summary>First plane of the output.</summary>
    public readonly int Output { get; init; }

    /// <summary>C.</summary>
    public readonly int InputChannels { get; init; }

    /// <summary>O.</summary>
    public readonly int OutputChannels { get; init; }

    /// <summary>H.</summary>
    public readonly int Height { get; init; }

    /// <summary>W.</summary>
    public readonly int Width { get; init; }

    /// <summary>Step of the window.</summary>
    public readonly int Stride { get; init; }

    /// <summary>Weights in the order of <see cref="MatrixProduct.Pack"/>.</summary>
    public readonly float* Packed { get; init; }

    private int Depth => 9 * InputChannels;

    private int OutputHeight => (Height - 1) / Stride + 1;

    private int OutputWidth => (Width - 1) / Stride + 1;

    private int PaddedRow => (Width + 2) * Lanes.Count;

    /// <summary>Floats of an output row, and so of a row of the panel.</summary>
    private int Length => OutputWidth * Lanes.Count;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => PaddedRow + (long)(Depth + OutputChannels) * Length;

    /// <summary>Brings w [O][9·C] into packed order. Once a step.</summary>
    public void Pack(float* weights) => MatrixProduct.Pack(weights, Depth, 1, OutputChannels, Depth, Packed);

    /// <summary>y = w ∗ x; gathers Σy and Σy² where batch norm follows.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch, bool gatherSums)
        where TVec : unmanaged, IVec<TVec>
    {
        var panel = scratch + PaddedRow;
        var planeSize = (long)OutputHeight * Length;
        for (var y = 0; y < OutputHeight; y++)
        {
            GatherRow<TVec>(planes, block, y, scratch, panel);
            var start = (long)y * Length;
            MatrixProduct.Multiply<TVec>(Packed, OutputChannels, Depth, panel, Length, Length, block.Data + planes.Offset[Output] + start, planeSize);
            if (gatherSums)
            {
                for (var o = 0; o < OutputChannels; o++)
                    PlaneAccess.GatherSums<TVec>(planes, block, Output + o, start, Length);
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
        var dy = panel + (long)Depth * Length;
        for (var y = 0; y < OutputHeight; y++)
        {
            GatherRow<TVec>(planes, block, y, scratch, panel);
            for (var o = 0; o < OutputChannels; o++)
                PlaneAccess.ReadGradient<TVec>(planes, block, Output + o, (long)y * Length, Length, dy + (long)o * Length);
            MatrixProduct.MultiplyTransposed<TVec>(dy, OutputChannels, panel, Depth, Length, Length, weightGradient, accumulate || y > 0);
        }
    }

    private void GatherRow<TVec>(in Planes planes, in Block block, int y, float* padded, float* panel)
        where TVec : unmanaged, IVec<TVec>
    {
        var row = Width * Lanes.Count;
        new Span<float>(padded, PaddedRow).Clear();
        for (var c = 0; c < InputChannels; c++)
        {
            for (var ky = 0; ky < 3; ky++)
            {
                var inputY = y * Stride + ky - 1;
                if (inputY >= 0 && inputY < Height)
                    PlaneAccess.Read<TVec>(planes, block, Input[c], (long)inputY * row, row, padded + Lanes.Count);
                else
                    new Span<float>(padded, PaddedRow).Clear();
                for (var kx = 0; kx < 3; kx++, panel += Length)
                {
                    if (Stride == 1)
                    {
                        new Span<float>(padded + kx * Lanes.Count, Length).CopyTo(new Span<float>(panel, Length));
                        continue;
                    }

                    for (var x = 0; x < OutputWidth; x++)
                    {
                        var from = padded + (x * Stride + kx) * Lanes.Count;
                        for (var lane = 0; lane < Lanes.Count; lane += TVec.Count)
                            TVec.Store(panel + x * Lanes.Count + lane, TVec.Load(from + lane));
                    }
                }
            }
        }
    }
}
