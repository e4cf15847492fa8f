namespace Riffle.Networks;

/// <summary>Positions added around an image.</summary>
/// <param name="Top">Rows above.</param>
/// <param name="Left">Columns before.</param>
/// <param name="Bottom">Rows below.</param>
/// <param name="Right">Columns after.</param>
public readonly record struct Padding(int Top, int Left, int Bottom, int Right)
{
    /// <summary>The same at each side.</summary>
    public static Padding Of(int side) => new(side, side, side, side);
}
