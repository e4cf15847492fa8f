using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// The product behind the gradient with respect to the weights: target[A×B] (+)= a[A×P] · b[B×P]ᵀ, in tiles of up to 4 by 6 sums (3 by 4 with 16 registers), each kept as a
/// vector until the end of the positions.
/// </summary>
internal static unsafe class TransposedProduct
{
    /// <summary>Floats of b that are kept in the L2 cache while all of a passes by.</summary>
    private const int BlockFloats = 24 * 1024;

    /// <summary>target[A×B] = (accumulate ? target : 0) + a[A×P] · b[B×P]ᵀ.</summary>
    /// <param name="a">A rows.</param>
    /// <param name="rowsA">A.</param>
    /// <param name="b">B rows.</param>
    /// <param name="rowsB">B.</param>
    /// <param name="length">P, a multiple of 16.</param>
    /// <param name="target">A×B.</param>
    /// <param name="targetStride">Distance between its rows.</param>
    /// <param name="accumulate">Whether the target is added to or overwritten.</param>
    public static void Multiply<TVec>(in Rows a, int rowsA, in Rows b, int rowsB, int length, float* target, int targetStride, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
    {
        Debug.Assert(rowsA > 0 && rowsB > 0, "an empty product");
        Contract.RequireLanes(length);
        var (mostLeft, mostRight) = TVec.Registers >= 32 ? (4, 6) : (3, 4);
        Tiles left = new(rowsA, mostLeft), right = new(rowsB, mostRight);
        var together = Math.Max(1, BlockFloats / (length * mostRight));
        for (var first = 0; first < right.Count; first += together)
        {
            var end = Math.Min(right.Count, first + together);
            for (var i = 0; i < left.Count; i++)
            {
                var fromA = a.From(left.Start(i));
                for (var j = first; j < end; j++)
                {
                    var fromB = b.From(right.Start(j));
                    var sums = target + (long)left.Start(i) * targetStride + right.Start(j);
                    switch (left.Height(i))
                    {
                        case 1: Dot<TVec, Height1>(right.Height(j), fromA, fromB, length, sums, targetStride, accumulate); break;
                        case 2: Dot<TVec, Height2>(right.Height(j), fromA, fromB, length, sums, targetStride, accumulate); break;
                        case 3: Dot<TVec, Height3>(right.Height(j), fromA, fromB, length, sums, targetStride, accumulate); break;
                        default: Dot<TVec, Height4>(right.Height(j), fromA, fromB, length, sums, targetStride, accumulate); break;
                    }
                }
            }
        }
    }

    private static void Dot<TVec, TA>(int heightB, in Rows a, in Rows b, int length, float* target, long targetStride, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
        where TA : IHeight
    {
        switch (heightB)
        {
            case 1: DotTile<TVec, TA, Height1>(a, b, length, target, targetStride, accumulate); break;
            case 2: DotTile<TVec, TA, Height2>(a, b, length, target, targetStride, accumulate); break;
            case 3: DotTile<TVec, TA, Height3>(a, b, length, target, targetStride, accumulate); break;
            case 4: DotTile<TVec, TA, Height4>(a, b, length, target, targetStride, accumulate); break;
            case 5: DotTile<TVec, TA, Height5>(a, b, length, target, targetStride, accumulate); break;
            default: DotTile<TVec, TA, Height6>(a, b, length, target, targetStride, accumulate); break;
        }
    }

    private static void DotTile<TVec, TA, TB>(in Rows a, in Rows b, int length, float* target, long targetStride, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
        where TA : IHeight
        where TB : IHeight
    {
        TVec c00 = TVec.Zero, c01 = TVec.Zero, c02 = TVec.Zero, c03 = TVec.Zero, c04 = TVec.Zero, c05 = TVec.Zero;
        TVec c10 = TVec.Zero, c11 = TVec.Zero, c12 = TVec.Zero, c13 = TVec.Zero, c14 = TVec.Zero, c15 = TVec.Zero;
        TVec c20 = TVec.Zero, c21 = TVec.Zero, c22 = TVec.Zero, c23 = TVec.Zero, c24 = TVec.Zero, c25 = TVec.Zero;
        TVec c30 = TVec.Zero, c31 = TVec.Zero, c32 = TVec.Zero, c33 = TVec.Zero, c34 = TVec.Zero, c35 = TVec.Zero;
        float* a0 = a.First + a.Offsets[0], a1 = TA.Count > 1 ? a.First + a.Offsets[1] : a0;
        float* a2 = TA.Count > 2 ? a.First + a.Offsets[2] : a0, a3 = TA.Count > 3 ? a.First + a.Offsets[3] : a0;
        float* b0 = b.First + b.Offsets[0], b1 = TB.Count > 1 ? b.First + b.Offsets[1] : b0, b2 = TB.Count > 2 ? b.First + b.Offsets[2] : b0;
        float* b3 = TB.Count > 3 ? b.First + b.Offsets[3] : b0, b4 = TB.Count > 4 ? b.First + b.Offsets[4] : b0;
        var b5 = TB.Count > 5 ? b.First + b.Offsets[5] : b0;
        for (nint p = 0; p < length; p += TVec.Count)
        {
            var x = TVec.Load(a0 + p);
            var y = TA.Count > 1 ? TVec.Load(a1 + p) : TVec.Zero;
            var z = TA.Count > 2 ? TVec.Load(a2 + p) : TVec.Zero;
            var w = TA.Count > 3 ? TVec.Load(a3 + p) : TVec.Zero;
            {
                var t = TVec.Load(b0 + p);
                TVec.Accumulate(ref c00, x, t);
                if (TA.Count > 1)
                    TVec.Accumulate(ref c10, y, t);
                if (TA.Count > 2)
                    TVec.Accumulate(ref c20, z, t);
                if (TA.Count > 3)
                    TVec.Accumulate(ref c30, w, t);
            }

            if (TB.Count > 1)
            {
                var t = TVec.Load(b1 + p);
                TVec.Accumulate(ref c01, x, t);
                if (TA.Count > 1)
                    TVec.Accumulate(ref c11, y, t);
                if (TA.Count > 2)
                    TVec.Accumulate(ref c21, z, t);
                if (TA.Count > 3)
                    TVec.Accumulate(ref c31, w, t);
            }

            if (TB.Count > 2)
            {
                var t = TVec.Load(b2 + p);
                TVec.Accumulate(ref c02, x, t);
                if (TA.Count > 1)
                    TVec.Accumulate(ref c12, y, t);
                if (TA.Count > 2)
                    TVec.Accumulate(ref c22, z, t);
                if (TA.Count > 3)
                    TVec.Accumulate(ref c32, w, t);
            }

            if (TB.Count > 3)
            {
                var t = TVec.Load(b3 + p);
                TVec.Accumulate(ref c03, x, t);
                if (TA.Count > 1)
                    TVec.Accumulate(ref c13, y, t);
                if (TA.Count > 2)
                    TVec.Accumulate(ref c23, z, t);
                if (TA.Count > 3)
                    TVec.Accumulate(ref c33, w, t);
            }

            if (TB.Count > 4)
            {
                var t = TVec.Load(b4 + p);
                TVec.Accumulate(ref c04, x, t);
                if (TA.Count > 1)
                    TVec.Accumulate(ref c14, y, t);
                if (TA.Count > 2)
                    TVec.Accumulate(ref c24, z, t);
                if (TA.Count > 3)
                    TVec.Accumulate(ref c34, w, t);
            }

            if (TB.Count > 5)
            {
                var t = TVec.Load(b5 + p);
                TVec.Accumulate(ref c05, x, t);
                if (TA.Count > 1)
                    TVec.Accumulate(ref c15, y, t);
                if (TA.Count > 2)
                    TVec.Accumulate(ref c25, z, t);
                if (TA.Count > 3)
                    TVec.Accumulate(ref c35, w, t);
            }
        }

        if (TB.Count >= 4)
        {
            AddRow(target, accumulate, c00, c01, c02, c03);
            if (TA.Count > 1)
                AddRow(target + targetStride, accumulate, c10, c11, c12, c13);
            if (TA.Count > 2)
                AddRow(target + 2 * targetStride, accumulate, c20, c21, c22, c23);
            if (TA.Count > 3)
                AddRow(target + 3 * targetStride, accumulate, c30, c31, c32, c33);
        }
        else
        {
            AddColumn<TVec, TA>(target, targetStride, accumulate, c00, c10, c20, c30);
            if (TB.Count > 1)
                AddColumn<TVec, TA>(target + 1, targetStride, accumulate, c01, c11, c21, c31);
            if (TB.Count > 2)
                AddColumn<TVec, TA>(target + 2, targetStride, accumulate, c02, c12, c22, c32);
        }

        if (TB.Count > 4)
            AddColumn<TVec, TA>(target + 4, targetStride, accumulate, c04, c14, c24, c34);
        if (TB.Count > 5)
            AddColumn<TVec, TA>(target + 5, targetStride, accumulate, c05, c15, c25, c35);
    }

    /// <summary>Four sums of a row. Four at once take far fewer instructions than four single ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow<TVec>(float* target, bool accumulate, TVec c0, TVec c1, TVec c2, TVec c3)
        where TVec : unmanaged, IVec<TVec>
    {
        var four = TVec.Sum4(c0, c1, c2, c3);
        (accumulate ? Vector128.Load(target) + four : four).Store(target);
    }

    /// <summary>The sums of a column, as many as the tile has rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddColumn<TVec, TA>(float* target, long stride, bool accumulate, TVec c0, TVec c1, TVec c2, TVec c3)
        where TVec : unmanaged, IVec<TVec>
        where TA : IHeight
    {
        var four = TVec.Sum4(c0, c1, c2, c3);
        AddSum(target, accumulate, four[0]);
        if (TA.Count > 1)
            AddSum(target + stride, accumulate, four[1]);
        if (TA.Count > 2)
            AddSum(target + 2 * stride, accumulate, four[2]);
        if (TA.Count > 3)
            AddSum(target + 3 * stride, accumulate, four[3]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSum(float* target, bool accumulate, float sum) => *target = accumulate ? *target + sum : sum;
}
