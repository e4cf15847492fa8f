using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Convolution of any size, in groups. Training has the stem, 3×3 with a border of 1 over the images, which has no gradient with respect to the input.
/// <code>
/// x    [C][H][W][16]     w [O][C/g][k][k]
/// y    [O][h][w][16]     h = ⌊(H + top + bottom − k) / stride⌋ + 1
/// </code>
/// A row of outputs is a matrix product with the k²·C/g shifted rows that it sees, which are read where they lie in the padded planes of the input.
/// </summary>
internal readonly unsafe struct DenseConvolution
{
    /// <summary>Floats of output gradients that stay in the L2 cache until all of the strip's products are computed.</summary>
    private const int StripFloats = 192 * 1024;

    /// <summary>In one group.</summary>
    public DenseConvolution()
    {
    }

    /// <summary>Input, output and how they lie to each other.</summary>
    public readonly Window Window { get; init; }

    /// <summary>O.</summary>
    public readonly int OutputChannels { get; init; }

    /// <summary>g.</summary>
    public readonly int Groups { get; init; } = 1;

    /// <summary>Weights by group in the order of <see cref="MatrixProduct.Pack"/>.</summary>
    public readonly float* Packed { get; init; }

    /// <summary><see cref="TapOffsets"/>, where the kernel reads them.</summary>
    public readonly long* Offsets { get; init; }

    /// <summary><see cref="GradientRowOffsets"/>, where backward reads them.</summary>
    public readonly long* RowOffsets { get; init; }

    /// <summary>k²·C/g.</summary>
    public int Depth => Taps * GroupInput;

    /// <summary>O·C/g·k².</summary>
    public int WeightCount => OutputChannels * Depth;

    private int Taps => Window.Kernel * Window.Kernel;

    private int GroupInput => Window.Channels / Groups;

    private int GroupOutput => OutputChannels / Groups;

    private int GroupBlocks => (GroupOutput + Lanes.Count - 1) / Lanes.Count;

    /// <summary>Rows of outputs whose gradients backward reads together.</summary>
    private int StripRows => Math.Clamp(StripFloats / (OutputChannels * Window.OutputRow), 1, Window.OutputHeight);

    /// <summary>Distance between the channels of a strip of output gradients: no power of two.</summary>
    private int StripStride => StripRows * Window.OutputRow + Lanes.Count;

    /// <summary>Floats of scratch that one thread needs for both directions.</summary>
    public long Scratch => GroupInput * Window.Padded.Size + (long)OutputChannels * StripStride;

    /// <summary>Where the k²·C/g rows begin that the first row of outputs sees.</summary>
    public long[] TapOffsets()
    {
        var (window, padded, taps) = (Window, Window.Padded, Taps);
        return [.. Enumerable.Range(0, Depth).Select(k => k / taps * padded.Size + padded.Tap(k % taps / window.Kernel, k % window.Kernel))];
    }

    /// <summary>Where the channels of a strip of output gradients begin.</summary>
    public long[] GradientRowOffsets()
    {
        long stride = StripStride;
        return [.. Enumerable.Range(0, OutputChannels).Select(row => row * stride)];
    }

    /// <summary>Brings w [O][k²·C/g] into packed order. Once a step.</summary>
    public void Pack(float* weights)
    {
        for (var g = 0; g < Groups; g++)
        {
            var offset = (long)g * GroupOutput * Depth;
            MatrixProduct.Pack(weights + offset, Depth, 1, GroupOutput, Depth, Packed + offset);
        }
    }

    /// <summary>y = w ∗ x; gathers Σy and Σy² where batch norm follows.</summary>
    public void Forward<TVec>(in Planes planes, in Block block, float* scratch, bool gatherSums, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: true);
        Contract.RequireGroups(Groups, Window.Channels, OutputChannels);
        Contract.RequireScratch(scratch, Scratch);
        ReadInput<TVec>(planes, block, scratch);
        int height = Window.OutputHeight, length = Window.OutputRow, stride = Window.Padded.RowStep;
        for (var y = 0; y < height; y++)
        {
            var epilogue = new OutputPlanes<TVec>(planes, block, Window.Output, (long)y * length, length, (long)height * length, gatherSums);
            MatrixProduct.Multiply<TVec, OutputPlanes<TVec>>(Packed, OutputChannels, Depth, RowsAt(scratch + (long)y * stride), length, epilogue, share);
        }
    }

    /// <summary>y = clamp(w ∗ x + bias) in inference, or y = function(w ∗ x + bias).</summary>
    /// <param name="planes">Offsets, and of the output's planes the bias (shift) and the clamp.</param>
    /// <param name="data">The block's activations.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="outputStride">Distance between planes of the output.</param>
    /// <param name="function">A smooth activation of a run of floats; null without.</param>
    /// <param name="share">The planes of y to compute, between two of the <see cref="MatrixProduct.Edges"/>.</param>
    public void Infer<TVec>(
        in Planes planes, float* data, float* scratch, long outputStride, delegate*<float*, float*, int, void> function = null, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: false);
        Contract.RequireGroups(Groups, Window.Channels, OutputChannels);
        Contract.RequireScratch(scratch, Scratch);
        int height = Window.OutputHeight, row = Window.OutputRow, rowStep = Window.Padded.RowStep;
        int length = (row + TVec.Count - 1) / TVec.Count * TVec.Count, depth = Depth, outputs = GroupOutput;
        for (var g = 0; g < Groups; g++)
        {
            if (share.In(g, outputs) is not { } ofGroup)
                continue;
            ReadFinal<TVec>(planes, data, scratch, g * GroupInput);
            var first = Window.Output + g * outputs;
            float* output = data + planes.Offset[first], packed = Packed + (long)g * outputs * depth;
            for (var y = 0; y < height; y++)
            {
                FinalPlanes.Multiply<TVec>(
                    packed, outputs, depth, RowsAt(scratch + (long)y * rowStep), length,
                    output + y * row, outputStride, planes.Shift + first, planes.Clamp[first], function, ofGroup);
            }
        }
    }

    /// <summary>The same in one group, its output sixteen channels side by side.</summary>
    /// <param name="planes">Offsets.</param>
    /// <param name="data">The image's activations.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="output">Where the first row goes.</param>
    /// <param name="share">The blocks of y to compute, between two of the <see cref="ChannelProduct.Edges"/>.</param>
    public void InferChannels<TVec>(in Planes planes, float* data, float* scratch, BlockedEpilogue output, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: false);
        Contract.RequireScratch(scratch, Scratch);
        ReadFinal<TVec>(planes, data, scratch, first: 0);
        for (var y = 0; y < Window.OutputHeight; y++)
        {
            ChannelProduct.Multiply<TVec>(
                Packed, OutputChannels, Depth, scratch + (long)y * Window.Padded.RowStep, step: 1, Offsets, Window.OutputWidth, output, share);
            output = output with { Target = output.Target + (long)Window.OutputWidth * Lanes.Count };
        }
    }

    /// <summary>The same with sixteen channels side by side in the input too: the window's planes are its blocks.</summary>
    /// <param name="blocks">Offsets of the input's blocks.</param>
    /// <param name="data">The image's activations.</param>
    /// <param name="scratch">At least <see cref="BlockScratch"/> floats.</param>
    /// <param name="depth">Values that an output channel sees; for each group <see cref="Offsets"/> holds where they lie in scratch.</param>
    /// <param name="output">Where the first row goes; each group begins with a block of its own.</param>
    /// <param name="share">The blocks of y to compute, between two of the <see cref="ChannelProduct.Edges"/>.</param>
    public void InferBlocks<TVec>(in Planes blocks, float* data, float* scratch, int depth, in BlockedEpilogue output, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: false);
        Contract.RequireScratch(scratch, BlockScratch);
        for (var block = 0; block < Window.Channels; block++)
            ReadFinal<TVec>(blocks, data, block, scratch + block * Window.Padded.Size);
        var groupBlocks = GroupBlocks;
        for (var g = 0; g < Groups; g++)
        {
            if (share.In(g, groupBlocks) is not { } ofGroup)
                continue;
            var packed = Packed + g * ChannelProduct.PackedCount<TVec>(GroupOutput, depth);
            var epilogue = output with { Target = output.Target + g * groupBlocks * output.BlockStride, Bias = output.Bias + g * groupBlocks * Lanes.Count };
            for (var y = 0; y < Window.OutputHeight; y++)
            {
                var x = scratch + (long)y * Window.Padded.RowStep;
                ChannelProduct.Multiply<TVec>(packed, GroupOutput, depth, x, Lanes.Count, Offsets + (long)g * depth, Window.OutputWidth, epilogue, ofGroup);
                epilogue = epilogue with { Target = epilogue.Target + (long)Window.OutputWidth * Lanes.Count };
            }
        }
    }

    /// <summary>Floats of scratch for <see cref="InferBlocks"/>.</summary>
    public long BlockScratch => Window.Channels * Window.Padded.Size;

    /// <summary>dw (+)= dy ∗ x.</summary>
    /// <param name="planes">All planes.</param>
    /// <param name="block">The block of images.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="weightGradient">dw [O][C][3][3].</param>
    /// <param name="accumulate">Whether dw is added to or overwritten.</param>
    /// <param name="share">The rows of dw to compute, by output channels.</param>
    public void Backward<TVec>(in Planes planes, in Block block, float* scratch, float* weightGradient, bool accumulate, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireWindow(Window, isTraining: true);
        Contract.RequireGroups(Groups, Window.Channels, OutputChannels);
        Contract.RequireScratch(scratch, Scratch);
        ReadInput<TVec>(planes, block, scratch);
        int height = Window.OutputHeight, length = Window.OutputRow, strip = StripRows;
        long gradientStride = StripStride, rowStep = Window.Padded.RowStep;
        var gradients = scratch + Window.Channels * Window.Padded.Size;
        var (from, end) = (share.From, share.EndOf(OutputChannels));
        for (var y = 0; y < height; y++)
        {
            // Single rows are runs of memory too short to be read fast.
            for (var o = from; y % strip == 0 && o < end; o++)
                PlaneAccess.ReadGradient<TVec>(
                    planes, block, Window.Output + o, (long)y * length, Math.Min(strip, height - y) * length, gradients + o * gradientStride);
            var dy = new Rows(gradients + y % strip * length, RowOffsets).From(from);
            TransposedProduct.Multiply<TVec>(
                dy, end - from, RowsAt(scratch + y * rowStep), Depth, length, weightGradient + (long)from * Depth, Depth, accumulate || y > 0);
        }
    }

    private Rows RowsAt(float* row) => new(row, Offsets);

    /// <summary>Reads the channels of a group.</summary>
    private void ReadFinal<TVec>(in Planes planes, float* data, float* scratch, int first)
        where TVec : unmanaged, IVec<TVec>
    {
        for (var c = 0; c < GroupInput; c++)
            ReadFinal<TVec>(planes, data, first + c, scratch + c * Window.Padded.Size);
    }

    private void ReadFinal<TVec>(in Planes planes, float* data, int channel, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        var padded = Window.Padded;
        padded.Prepare(target, 0);
        padded.Read<TVec, FinalPlane<TVec>>(new(data + planes.Offset[Window.Input[channel]]), target, border: 0);
    }

    private void ReadInput<TVec>(in Planes planes, in Block block, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        var padded = Window.Padded;
        for (var c = 0; c < Window.Channels; c++)
        {
            var target = scratch + c * padded.Size;
            padded.Prepare(target, 0);
            padded.Read<TVec, DeferredPlane<TVec>>(PlaneAccess.Reader<TVec>(planes, block, Window.Input[c], 0), target, border: 0);
        }
    }
}
