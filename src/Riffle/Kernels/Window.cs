namespace Riffle.Kernels;

/// <summary>What 3×3 windows with padding 1 slide over, and what they write: C planes of H×W, C or other planes of h×w with h = ⌊(H − 1) / stride⌋ +
/// 1.</summary>
internal readonly unsafe struct Window
{
    /// <summary>Planes of the input in the order of its channels.</summary>
    public readonly int* Input { get; init; }

    /// <summary>First plane of the output.</summary>
    public readonly int Output { get; init; }

    /// <summary>C.</summary>
    public readonly int Channels { get; init; }

    /// <summary>H.</summary>
    public readonly int Height { get; init; }

    /// <summary>W.</summary>
    public readonly int Width { get; init; }

    /// <summary>Step of the window.</summary>
    public readonly int Stride { get; init; }

    /// <summary>L, images in a block: 16 or 1.</summary>
    public readonly int Lanes { get; init; }

    /// <summary>The input with its border, as the window reads it.</summary>
    public PaddedPlane Padded => new(Height, Width, Stride, Lanes);

    /// <summary>Floats of an output row.</summary>
    public int OutputRow => OutputWidth * Lanes;

    /// <summary>h.</summary>
    public int OutputHeight => (Height - 1) / Stride + 1;

    /// <summary>w.</summary>
    public int OutputWidth => (Width - 1) / Stride + 1;
}
