using System.Diagnostics;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// The other form of <see cref="TransposedProduct"/>, for many sums over few positions: target[A×B] (+)= a[A×P] · b[B×P]ᵀ as a sum of outer products, one for
/// each position. b is transposed first, so that vectors lie over its rows; then it is a <see cref="MatrixProduct"/>, and no vector has to be summed up.
/// </summary>
internal static unsafe class OuterProduct
{
    /// <summary>Cycles that a sum kept as a vector takes at the end of its tile.</summary>
    private const int PerSum = 3;

    /// <summary>Cycles that a vector of a or b takes to be transposed.</summary>
    private const int PerVector = 16;

    /// <summary>Whether this form is faster, by the counts of both. B must be a whole number of vectors.</summary>
    /// <param name="rowsA">A.</param>
    /// <param name="rowsB">B.</param>
    /// <param name="length">P, a multiple of 16.</param>
    public static bool IsFaster<TVec>(int rowsA, int rowsB, int length)
        where TVec : unmanaged, IVec<TVec> =>
        rowsB % TVec.Count == 0 && length / TVec.Count * (long)(rowsA + rowsB) * PerVector < (long)rowsA * rowsB * PerSum;

    /// <summary>Floats of scratch that a product needs.</summary>
    public static long Scratch(int rowsA, int rowsB, int length) =>
        (long)length * (Stride(rowsA) + Stride(rowsB)) + MatrixProduct.MostRows * (long)rowsB + length * (sizeof(long) / sizeof(float));

    /// <summary>target[A×B] = (accumulate ? target : 0) + a[A×P] · b[B×P]ᵀ.</summary>
    /// <param name="a">A rows.</param>
    /// <param name="rowsA">A.</param>
    /// <param name="b">B rows.</param>
    /// <param name="rowsB">B, a whole number of vectors.</param>
    /// <param name="length">P, a multiple of 16.</param>
    /// <param name="target">A×B, rows contiguous.</param>
    /// <param name="accumulate">Whether the target is added to or overwritten.</param>
    /// <param name="scratch">At least <see cref="Scratch"/> floats.</param>
    /// <param name="share">The rows of the target to compute.</param>
    public static void Multiply<TVec>(in Rows a, int rowsA, in Rows b, int rowsB, int length, float* target, bool accumulate, float* scratch, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Debug.Assert(rowsA > 0 && rowsB > 0, "an empty product");
        Contract.RequireLanes(length);
        Contract.RequireVectors<TVec>(rowsB);
        Contract.RequireScratch(scratch, Scratch(rowsA, rowsB, length));
        int strideA = Stride(rowsA), strideB = Stride(rowsB);
        float* weights = scratch, x = weights + (long)length * strideA, sums = x + (long)length * strideB;
        var offsets = (long*)(sums + (long)MatrixProduct.MostRows * rowsB);
        for (var p = 0; p < length; p++)
            offsets[p] = (long)p * strideB;
        var (from, count) = (share.From, share.EndOf(rowsA) - share.From);
        ChannelLanes.Transpose<TVec>(a.From(from), count, length, weights, strideA);
        ChannelLanes.Transpose<TVec>(b, rowsB, length, x, strideB);
        var rows = new Rows(x, offsets);
        target += (long)from * rowsB;
        if (accumulate)
            MatrixProduct.MultiplyTransposed<TVec, AddedRows<TVec>>(weights, strideA, count, length, rows, rowsB, new(target, rowsB, sums));
        else
            MatrixProduct.MultiplyTransposed<TVec, StoredRows>(weights, strideA, count, length, rows, rowsB, new(target, rowsB));
    }

    /// <summary>
    /// Room for whole vectors, and a cache line more: at powers of two the rows of a transpose would share few sets of the L1 cache.
    /// </summary>
    private static int Stride(int rows) => (rows + Lanes.Count - 1) / Lanes.Count * Lanes.Count + Lanes.Count;
}
