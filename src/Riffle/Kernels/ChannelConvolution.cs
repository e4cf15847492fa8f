using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Grouped pointwise convolution of one image, in inference, with sixteen channels side by side; the fully connected layer is one over 1×1 images.
/// <code>
/// x    [C/16][P][16]      its channels anywhere in blocks     w [O][C/g]
/// y    [O/16][P][16]      in one run; each group begins with a block of its own
/// </code>
/// </summary>
internal readonly unsafe struct ChannelConvolution
{
    /// <summary>Where each channel of x lies, at the first position.</summary>
    public readonly long* Offsets { get; init; }

    /// <summary>C.</summary>
    public readonly int InputChannels { get; init; }

    /// <summary>O.</summary>
    public readonly int OutputChannels { get; init; }

    /// <summary>g.</summary>
    public readonly int Groups { get; init; }

    /// <summary>P.</summary>
    public readonly int Positions { get; init; }

    /// <summary>Weights by group in the order of <see cref="ChannelProduct.Pack"/>.</summary>
    public readonly float* Packed { get; init; }

    private int GroupInput => InputChannels / Groups;

    private int GroupOutput => OutputChannels / Groups;

    private int GroupBlocks => (GroupOutput + Lanes.Count - 1) / Lanes.Count;

    /// <summary>Floats that <see cref="Packed"/> must hold.</summary>
    public long PackedCount<TVec>()
        where TVec : unmanaged, IVec<TVec> => Groups * ChannelProduct.PackedCount<TVec>(GroupOutput, GroupInput);

    /// <summary>Brings w [O][C/g] into the order in which it is read.</summary>
    public void Pack<TVec>(float* weights)
        where TVec : unmanaged, IVec<TVec>
    {
        for (var g = 0; g < Groups; g++)
        {
            ChannelProduct.Pack<TVec>(
                weights + (long)g * GroupOutput * GroupInput,
                GroupOutput,
                GroupInput,
                Packed + g * ChannelProduct.PackedCount<TVec>(GroupOutput, GroupInput));
        }
    }

    /// <summary>y = clamp(w · x + bias), or clamp(w · x + bias + residual).</summary>
    /// <param name="data">The image's activations.</param>
    /// <param name="output">Where y, the bias and the residual of all groups lie, and the clamp.</param>
    /// <param name="share">The blocks of y to compute, between two of the <see cref="ChannelProduct.Edges"/>.</param>
    public void Infer<TVec>(float* data, in BlockedEpilogue output, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireGroups(Groups, InputChannels, OutputChannels);
        Contract.RequireAligned(output.Target);
        Contract.RequireLanes(output.BlockStride);
        for (var g = 0; g < Groups; g++)
        {
            if (share.In(g, GroupBlocks) is not { } ofGroup)
                continue;
            var block = g * GroupBlocks;
            var epilogue = output with
            {
                Target = output.Target + block * output.BlockStride,
                Bias = output.Bias + block * Lanes.Count,
                Addends = output.Addends == null ? null : output.Addends + block,
            };
            ChannelProduct.Multiply<TVec>(
                Packed + g * ChannelProduct.PackedCount<TVec>(GroupOutput, GroupInput),
                GroupOutput,
                GroupInput,
                data,
                Lanes.Count,
                Offsets + (long)g * GroupInput,
                Positions,
                epilogue,
                ofGroup);
        }
    }
}
