using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// The fully connected layer of one image, in inference.
/// <code>
/// x    [C]   features, anywhere      w [K][C]
/// y    [K]   logits, side by side
/// </code>
/// With a single position there is nothing to lay vectors over but the features: each logit is a sum over a row of weights.
/// </summary>
internal readonly unsafe struct Classification
{
    /// <summary>Where the features lie in the block's memory.</summary>
    public readonly long* Inputs { get; init; }

    /// <summary>C.</summary>
    public readonly int InputChannels { get; init; }

    /// <summary>K.</summary>
    public readonly int Classes { get; init; }

    /// <summary>Where the logits lie in the block's memory.</summary>
    public readonly long Output { get; init; }

    /// <summary>One for each logit.</summary>
    public readonly float* Bias { get; init; }

    /// <summary>w in rows of <see cref="RowLength"/>, zero behind C.</summary>
    public readonly float* Weights { get; init; }

    /// <summary><see cref="RowOffsets"/>, where the kernel reads them.</summary>
    public readonly long* Rows { get; init; }

    /// <summary>Floats of a row: whole vectors of any width. Also what is needed of scratch.</summary>
    public int RowLength => (InputChannels + Lanes.Count - 1) / Lanes.Count * Lanes.Count;

    /// <summary>Where the rows of w begin.</summary>
    public long[] RowOffsets()
    {
        long length = RowLength;
        return [.. Enumerable.Range(0, Classes).Select(row => row * length)];
    }

    /// <summary>Lays w [K][C] out in rows.</summary>
    public void Pack(float* weights)
    {
        for (var row = 0; row < Classes; row++)
            new ReadOnlySpan<float>(weights + (long)row * InputChannels, InputChannels).CopyTo(new Span<float>(Weights + Rows[row], InputChannels));
    }

    /// <summary>y = w · x + bias.</summary>
    public void Infer<TVec>(float* data, float* scratch)
        where TVec : unmanaged, IVec<TVec>
    {
        for (var c = 0; c < InputChannels; c++)
            scratch[c] = data[Inputs[c]];
        new Span<float>(scratch + InputChannels, RowLength - InputChannels).Clear();
        var logits = data + Output;
        new ReadOnlySpan<float>(Bias, Classes).CopyTo(new Span<float>(logits, Classes));
        MatrixProduct.MultiplyTransposed<TVec>(scratch, 1, 0, Weights, Classes, Rows, RowLength, logits, accumulate: true);
    }
}
