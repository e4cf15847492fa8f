namespace Riffle.Simd;

/// <summary>The innermost dimension of the layout [N/L][C][H][W][L].</summary>
internal static class Lanes
{
    /// <summary>Images side by side in the innermost dimension; each is a lane. A batch that is no multiple leaves the last lanes unused.</summary>
    public const int Count = 16;

    /// <summary>Blocks of <see cref="Count"/> images that hold a batch.</summary>
    public static int Blocks(int images) => (images + Count - 1) / Count;
}
