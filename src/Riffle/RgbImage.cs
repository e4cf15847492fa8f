namespace Riffle;

/// <summary>A decoded image: rows from the top, red first, upright.</summary>
/// <param name="Width">Columns, from 1.</param>
/// <param name="Height">Rows, from 1.</param>
/// <param name="Pixels">The samples, <c>Height × Width × 3</c> of them.</param>
public sealed record RgbImage(int Width, int Height, byte[] Pixels)
{
    /// <summary>Columns that the upright image has in its file, if it was decoded at a reduced size.</summary>
    public int FullWidth { get; init; } = Width;

    /// <summary>Rows that the upright image has in its file.</summary>
    public int FullHeight { get; init; } = Height;
}
