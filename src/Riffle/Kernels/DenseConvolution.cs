using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Dense 3×3 convolution with padding 1, stride 1 or 2: the stem. Its input is the images, so it has no gradient by the input.
/// <code>
/// x    [C][H][W][16]     w [O][C][3][3]
/// y    [O][h][w][16]     h = ⌊(H − 1) / stride⌋ + 1
/// </code>
/// A row of outputs is a matrix product with the 9·C shifted rows that it sees, which are read where they lie in the padded planes of the input.
/// </summary>
internal readonly unsafe struct DenseConvolution
{
    /// <summary>Input, output and how they lie to each other.</summary>
    public readonly Window Window { get; init; }

    /// <summary>O.</summary>
    public readonly int OutputChannels { get; init; }

    /// <summary>Weights in the order of <see cref="MatrixProduct.Pack"/>.</summary>
    public readonly float* Packed { get; init; }

    /// <summary><see cref="TapOffsets"/>, where the kernel reads them.</summary>
    public readonly long* Offsets { get; init; }

    /// <summary><see cref="PanelOffsets"/>, where backward reads them.</summary>
    public readonly long* RowOffsets { get; init; }

    /// <summary>9·C.</summary>
    public int Depth => 9 * Window.Channels;

    /// <summary>Distance between the rows of the panel of output gradients: no power of two.</summary>
    private int PanelStride => Window.OutputRow + Lanes.Count;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => Window.Channels * Window.Padded.Size + (long)OutputChannels * PanelStride;

    /// <summary>Where the 9·C rows begin that the first row of outputs sees.</summary>
    public long[] TapOffsets()
    {
        var padded = Window.Padded;
        return [.. Enumerable.Range(0, Depth).Select(k => k / 9 * padded.Size + padded.Tap(k % 9))];
    }

    /// <summary>Where the rows of the panel of output gradients begin.</summary>
    public long[] PanelOffsets()
    {
        long stride = PanelStride;
        return [.. Enumerable.Range(0, OutputChannels).Select(row => row * stride)];
    }

    /// <summary>Brings w [O][9·C] into packed order. Once a step.</summary>
    public void Pack(float* weights) => MatrixProduct.Pack(weights, Depth, 1, OutputChannels, Depth, Packed);

    /// <summary>y = w ∗ x; gathers Σy and Σy² where batch norm follows.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch, bool gatherSums)
        where TVec : unmanaged, IVec<TVec>
    {
        ReadInput<TVec>(planes, block, scratch);
        int height = Window.OutputHeight, length = Window.OutputRow, stride = Window.Padded.RowStep;
        for (var y = 0; y < height; y++)
        {
            var sink = new OutputPlanes<TVec>(planes, block, Window.Output, (long)y * length, length, (long)height * length, gatherSums);
            MatrixProduct.Multiply<TVec, OutputPlanes<TVec>>(Packed, OutputChannels, Depth, Taps(scratch + (long)y * stride), length, sink);
        }
    }

    /// <summary>y = max(floor, w ∗ x + bias) in inference.</summary>
    /// <param name="planes">Offsets, and of the output's planes the bias (shift) and the floor.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="outputStride">Distance between planes of the output.</param>
    public void Infer<TVec>(in Planes planes, float* data, float* scratch, long outputStride)
        where TVec : unmanaged, IVec<TVec>
    {
        ReadFinal<TVec>(planes, data, scratch);
        var length = (Window.OutputRow + TVec.Count - 1) / TVec.Count * TVec.Count;
        var output = data + planes.Offset[Window.Output];
        for (var y = 0; y < Window.OutputHeight; y++)
        {
            var sink = new FinalPlanes(output + y * Window.OutputRow, outputStride, planes.Shift + Window.Output, planes.Floor[Window.Output]);
            MatrixProduct.Multiply<TVec, FinalPlanes>(Packed, OutputChannels, Depth, Taps(scratch + (long)y * Window.Padded.RowStep), length, sink);
        }
    }

    /// <summary>The same, its output sixteen channels side by side.</summary>
    /// <param name="planes">Offsets.</param>
    /// <param name="data">The image's activations.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="output">Where the first row goes.</param>
    public void InferChannels<TVec>(in Planes planes, float* data, float* scratch, LaneSink output)
        where TVec : unmanaged, IVec<TVec>
    {
        ReadFinal<TVec>(planes, data, scratch);
        for (var y = 0; y < Window.OutputHeight; y++)
        {
            ChannelProduct.Multiply<TVec>(
                Packed, OutputChannels, Depth, scratch + (long)y * Window.Padded.RowStep, step: 1, Offsets, Window.OutputWidth, output);
            output = output with { Target = output.Target + (long)Window.OutputWidth * Lanes.Count };
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
        ReadInput<TVec>(planes, block, scratch);
        int height = Window.OutputHeight, length = Window.OutputRow, stride = Window.Padded.RowStep;
        var dy = new Rows(scratch + Window.Channels * Window.Padded.Size, RowOffsets);
        for (var y = 0; y < height; y++)
        {
            for (var o = 0; o < OutputChannels; o++)
                PlaneAccess.ReadGradient<TVec>(planes, block, Window.Output + o, (long)y * length, length, dy.First + (long)o * PanelStride);
            TransposedProduct.Multiply<TVec>(dy, OutputChannels, Taps(scratch + (long)y * stride), Depth, length, weightGradient, accumulate || y > 0);
        }
    }

    private Rows Taps(float* row) => new(row, Offsets);

    private void ReadFinal<TVec>(in Planes planes, float* data, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        var padded = Window.Padded;
        for (var c = 0; c < Window.Channels; c++)
        {
            var target = scratch + c * padded.Size;
            padded.Prepare(target, 0);
            padded.Read<TVec, FinalPlane<TVec>>(new(data + planes.Offset[Window.Input[c]]), target, border: 0);
        }
    }

    private void ReadInput<TVec>(in Planes planes, in Block block, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        var padded = Window.Padded;
        for (var c = 0; c < Window.Channels; c++)
        {
            var target = scratch + c * padded.Size;
            padded.Prepare(target, 0);
            padded.Read<TVec, PendingPlane<TVec>>(PlaneAccess.Reader<TVec>(planes, block, Window.Input[c], 0), target, border: 0);
        }
    }
}
