namespace Riffle.Kernels;

/// <summary>What k×k windows slide over, and what they write: C planes of H×W, C or other planes of h×w with h = ⌊(H + top + bottom − k) / stride⌋ + 1.
/// Windows are 3×3 with a border of 1 by default.</summary>
internal readonly unsafe struct Window
{
    /// <summary>3×3, border 1.</summary>
    public Window()
    {
    }

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

    /// <summary>k.</summary>
    public readonly int Kernel { get; init; } = 3;

    /// <summary>What is added around each plane.</summary>
    public readonly Border Border { get; init; } = Border.One;

    /// <summary>The input with its border, as the window reads it.</summary>
    public PaddedPlane Padded => new(Height, Width, Stride, Lanes, Border);

    /// <summary>Floats of an output row.</summary>
    public int OutputRow => OutputWidth * Lanes;

    /// <summary>h.</summary>
    public int OutputHeight => (Height + Border.Top + Border.Bottom - Kernel) / Stride + 1;

    /// <summary>w.</summary>
    public int OutputWidth => (Width + Border.Left + Border.Right - Kernel) / Stride + 1;
}

/// <summary>Positions added around a plane.</summary>
internal readonly record struct Border(int Top, int Left, int Bottom, int Right)
{
    /// <summary>One at each side.</summary>
    public static Border One => new(1, 1, 1, 1);
}
