using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// The two matrix products behind every convolution. Rows are channels; columns are positions, H·W·16 contiguous floats of one image block or a part of them.
/// <list type="bullet">
/// <item>Multiply: output[R×P] = weights[R×K] · x[K×P], in tiles of up to 6 rows by 4 vectors: 24 accumulators, 4 loads and a broadcast fill 32
/// registers.</item>
/// <item>MultiplyTransposed: target[A×B] (+)= a[A×P] · b[B×P]ᵀ, in tiles of up to 4 by 6 sums, each kept as a vector until the end of the positions.</item>
/// </list>
/// Rows are cut into tiles of nearly equal height, so that no row is padded; the height is a type, so that the JIT drops the rows a tile does not have.
/// </summary>
internal static unsafe class MatrixProduct
{
    /// <summary>Most rows of a tile of <see cref="Multiply"/>.</summary>
    private const int MostRows = 6;

    private const int MostLeft = 4;
    private const int MostRight = 6;

    /// <summary>Orders weights for <see cref="Multiply"/>: tile by tile, in a tile depth first, so that one tile reads one run of memory.</summary>
    /// <param name="weights">Element (row, k) at row · rowStride + k · depthStride: with strides swapped it packs the transpose.</param>
    /// <param name="rowStride">Distance between rows.</param>
    /// <param name="depthStride">Distance along the depth.</param>
    /// <param name="rows">R.</param>
    /// <param name="depth">K.</param>
    /// <param name="packed">Receives R·K floats.</param>
    public static void Pack(float* weights, long rowStride, long depthStride, int rows, int depth, float* packed)
    {
        var tiles = new Tiles(rows, MostRows);
        for (var tile = 0; tile < tiles.Count; tile++)
        {
            var first = weights + tiles.Start(tile) * rowStride;
            var height = tiles.Height(tile);
            for (var k = 0; k < depth; k++)
            {
                for (var r = 0; r < height; r++)
                    *packed++ = first[r * rowStride + k * depthStride];
            }
        }
    }

    /// <summary>output[R×P] = weights[R×K] · x[K×P].</summary>
    /// <param name="packed">Weights in the order of <see cref="Pack"/>.</param>
    /// <param name="rows">R.</param>
    /// <param name="depth">K.</param>
    /// <param name="x">First row of x.</param>
    /// <param name="stride">Distance between rows of x.</param>
    /// <param name="length">P, a multiple of 16.</param>
    /// <param name="output">First row of the output.</param>
    /// <param name="outputStride">Distance between rows of the output.</param>
    public static void Multiply<TVec>(float* packed, int rows, int depth, float* x, long stride, int length, float* output, long outputStride)
        where TVec : unmanaged, IVec<TVec>
    {
        var tiles = new Tiles(rows, MostRows);
        for (var tile = 0; tile < tiles.Count; tile++)
        {
            var height = tiles.Height(tile);
            switch (height)
            {
                case 1: Tile<TVec, Rows1>(packed, depth, x, stride, length, output, outputStride); break;
                case 2: Tile<TVec, Rows2>(packed, depth, x, stride, length, output, outputStride); break;
                case 3: Tile<TVec, Rows3>(packed, depth, x, stride, length, output, outputStride); break;
                case 4: Tile<TVec, Rows4>(packed, depth, x, stride, length, output, outputStride); break;
                case 5: Tile<TVec, Rows5>(packed, depth, x, stride, length, output, outputStride); break;
                default: Tile<TVec, Rows6>(packed, depth, x, stride, length, output, outputStride); break;
            }

            packed += (long)height * depth;
            output += height * outputStride;
        }
    }

    /// <summary>target[A×B] = (accumulate ? target : 0) + a[A×P] · b[B×P]ᵀ.</summary>
    /// <param name="a">First row of a.</param>
    /// <param name="rowsA">A.</param>
    /// <param name="b">First row of b.</param>
    /// <param name="rowsB">B.</param>
    /// <param name="stride">Distance between rows of a and of b.</param>
    /// <param name="length">P, a multiple of 16.</param>
    /// <param name="target">A×B, rows contiguous.</param>
    /// <param name="accumulate">Whether the target is added to or overwritten.</param>
    public static void MultiplyTransposed<TVec>(float* a, int rowsA, float* b, int rowsB, long stride, int length, float* target, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
    {
        Tiles left = new(rowsA, MostLeft), right = new(rowsB, MostRight);
        for (var i = 0; i < left.Count; i++)
        {
            var rowA = a + left.Start(i) * stride;
            for (var j = 0; j < right.Count; j++)
            {
                var rowB = b + right.Start(j) * stride;
                var sums = target + (long)left.Start(i) * rowsB + right.Start(j);
                switch (left.Height(i))
                {
                    case 1: Dot<TVec, Rows1>(right.Height(j), rowA, rowB, stride, length, sums, rowsB, accumulate); break;
                    case 2: Dot<TVec, Rows2>(right.Height(j), rowA, rowB, stride, length, sums, rowsB, accumulate); break;
                    case 3: Dot<TVec, Rows3>(right.Height(j), rowA, rowB, stride, length, sums, rowsB, accumulate); break;
                    default: Dot<TVec, Rows4>(right.Height(j), rowA, rowB, stride, length, sums, rowsB, accumulate); break;
                }
            }
        }
    }

    private static void Dot<TVec, TA>(int heightB, float* a, float* b, long stride, int length, float* target, long targetStride, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
        where TA : IRows
    {
        switch (heightB)
        {
            case 1: DotTile<TVec, TA, Rows1>(a, b, stride, length, target, targetStride, accumulate); break;
            case 2: DotTile<TVec, TA, Rows2>(a, b, stride, length, target, targetStride, accumulate); break;
            case 3: DotTile<TVec, TA, Rows3>(a, b, stride, length, target, targetStride, accumulate); break;
            case 4: DotTile<TVec, TA, Rows4>(a, b, stride, length, target, targetStride, accumulate); break;
            case 5: DotTile<TVec, TA, Rows5>(a, b, stride, length, target, targetStride, accumulate); break;
            default: DotTile<TVec, TA, Rows6>(a, b, stride, length, target, targetStride, accumulate); break;
        }
    }

    private static void Tile<TVec, TRows>(float* weights, int depth, float* x, long stride, int length, float* output, long outputStride)
        where TVec : unmanaged, IVec<TVec>
        where TRows : IRows
    {
        var step = 4 * TVec.Count;
        var p = 0;
        for (; p + step <= length; p += step)
        {
            TVec c00 = TVec.Zero, c01 = TVec.Zero, c02 = TVec.Zero, c03 = TVec.Zero;
            TVec c10 = TVec.Zero, c11 = TVec.Zero, c12 = TVec.Zero, c13 = TVec.Zero;
            TVec c20 = TVec.Zero, c21 = TVec.Zero, c22 = TVec.Zero, c23 = TVec.Zero;
            TVec c30 = TVec.Zero, c31 = TVec.Zero, c32 = TVec.Zero, c33 = TVec.Zero;
            TVec c40 = TVec.Zero, c41 = TVec.Zero, c42 = TVec.Zero, c43 = TVec.Zero;
            TVec c50 = TVec.Zero, c51 = TVec.Zero, c52 = TVec.Zero, c53 = TVec.Zero;
            var xk = x + p;
            var wk = weights;
            for (var k = 0; k < depth; k++)
            {
                var x0 = TVec.Load(xk);
                var x1 = TVec.Load(xk + TVec.Count);
                var x2 = TVec.Load(xk + 2 * TVec.Count);
                var x3 = TVec.Load(xk + 3 * TVec.Count);
                var w = TVec.Broadcast(wk[0]);
                c00 = TVec.MultiplyAdd(w, x0, c00);
                c01 = TVec.MultiplyAdd(w, x1, c01);
                c02 = TVec.MultiplyAdd(w, x2, c02);
                c03 = TVec.MultiplyAdd(w, x3, c03);
                if (TRows.Count > 1)
                {
                    w = TVec.Broadcast(wk[1]);
                    c10 = TVec.MultiplyAdd(w, x0, c10);
                    c11 = TVec.MultiplyAdd(w, x1, c11);
                    c12 = TVec.MultiplyAdd(w, x2, c12);
                    c13 = TVec.MultiplyAdd(w, x3, c13);
                }

                if (TRows.Count > 2)
                {
                    w = TVec.Broadcast(wk[2]);
                    c20 = TVec.MultiplyAdd(w, x0, c20);
                    c21 = TVec.MultiplyAdd(w, x1, c21);
                    c22 = TVec.MultiplyAdd(w, x2, c22);
                    c23 = TVec.MultiplyAdd(w, x3, c23);
                }

                if (TRows.Count > 3)
                {
                    w = TVec.Broadcast(wk[3]);
                    c30 = TVec.MultiplyAdd(w, x0, c30);
                    c31 = TVec.MultiplyAdd(w, x1, c31);
                    c32 = TVec.MultiplyAdd(w, x2, c32);
                    c33 = TVec.MultiplyAdd(w, x3, c33);
                }

                if (TRows.Count > 4)
                {
                    w = TVec.Broadcast(wk[4]);
                    c40 = TVec.MultiplyAdd(w, x0, c40);
                    c41 = TVec.MultiplyAdd(w, x1, c41);
                    c42 = TVec.MultiplyAdd(w, x2, c42);
                    c43 = TVec.MultiplyAdd(w, x3, c43);
                }

                if (TRows.Count > 5)
                {
                    w = TVec.Broadcast(wk[5]);
                    c50 = TVec.MultiplyAdd(w, x0, c50);
                    c51 = TVec.MultiplyAdd(w, x1, c51);
                    c52 = TVec.MultiplyAdd(w, x2, c52);
                    c53 = TVec.MultiplyAdd(w, x3, c53);
                }

                xk += stride;
                wk += TRows.Count;
            }

            var target = output + p;
            Store4(target, c00, c01, c02, c03);
            if (TRows.Count > 1)
                Store4(target + outputStride, c10, c11, c12, c13);
            if (TRows.Count > 2)
                Store4(target + 2 * outputStride, c20, c21, c22, c23);
            if (TRows.Count > 3)
                Store4(target + 3 * outputStride, c30, c31, c32, c33);
            if (TRows.Count > 4)
                Store4(target + 4 * outputStride, c40, c41, c42, c43);
            if (TRows.Count > 5)
                Store4(target + 5 * outputStride, c50, c51, c52, c53);
        }

        for (; p < length; p += TVec.Count)
        {
            TVec c0 = TVec.Zero, c1 = TVec.Zero, c2 = TVec.Zero, c3 = TVec.Zero, c4 = TVec.Zero, c5 = TVec.Zero;
            var xk = x + p;
            var wk = weights;
            for (var k = 0; k < depth; k++)
            {
                var x0 = TVec.Load(xk);
                c0 = TVec.MultiplyAdd(TVec.Broadcast(wk[0]), x0, c0);
                if (TRows.Count > 1)
                    c1 = TVec.MultiplyAdd(TVec.Broadcast(wk[1]), x0, c1);
                if (TRows.Count > 2)
                    c2 = TVec.MultiplyAdd(TVec.Broadcast(wk[2]), x0, c2);
                if (TRows.Count > 3)
                    c3 = TVec.MultiplyAdd(TVec.Broadcast(wk[3]), x0, c3);
                if (TRows.Count > 4)
                    c4 = TVec.MultiplyAdd(TVec.Broadcast(wk[4]), x0, c4);
                if (TRows.Count > 5)
                    c5 = TVec.MultiplyAdd(TVec.Broadcast(wk[5]), x0, c5);
                xk += stride;
                wk += TRows.Count;
            }

            var target = output + p;
            TVec.Store(target, c0);
            if (TRows.Count > 1)
                TVec.Store(target + outputStride, c1);
            if (TRows.Count > 2)
                TVec.Store(target + 2 * outputStride, c2);
            if (TRows.Count > 3)
                TVec.Store(target + 3 * outputStride, c3);
            if (TRows.Count > 4)
                TVec.Store(target + 4 * outputStride, c4);
            if (TRows.Count > 5)
                TVec.Store(target + 5 * outputStride, c5);
        }
    }

    private static void DotTile<TVec, TA, TB>(float* a, float* b, long stride, int length, float* target, long targetStride, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
        where TA : IRows
        where TB : IRows
    {
        TVec c00 = TVec.Zero, c01 = TVec.Zero, c02 = TVec.Zero, c03 = TVec.Zero, c04 = TVec.Zero, c05 = TVec.Zero;
        TVec c10 = TVec.Zero, c11 = TVec.Zero, c12 = TVec.Zero, c13 = TVec.Zero, c14 = TVec.Zero, c15 = TVec.Zero;
        TVec c20 = TVec.Zero, c21 = TVec.Zero, c22 = TVec.Zero, c23 = TVec.Zero, c24 = TVec.Zero, c25 = TVec.Zero;
        TVec c30 = TVec.Zero, c31 = TVec.Zero, c32 = TVec.Zero, c33 = TVec.Zero, c34 = TVec.Zero, c35 = TVec.Zero;
        for (var p = 0; p < length; p += TVec.Count)
        {
            var bp = b + p;
            var a0 = TVec.Load(a + p);
            var a1 = TA.Count > 1 ? TVec.Load(a + p + 1 * stride) : TVec.Zero;
            var a2 = TA.Count > 2 ? TVec.Load(a + p + 2 * stride) : TVec.Zero;
            var a3 = TA.Count > 3 ? TVec.Load(a + p + 3 * stride) : TVec.Zero;
            {
                var x = TVec.Load(bp);
                c00 = TVec.MultiplyAdd(a0, x, c00);
                if (TA.Count > 1)
                    c10 = TVec.MultiplyAdd(a1, x, c10);
                if (TA.Count > 2)
                    c20 = TVec.MultiplyAdd(a2, x, c20);
                if (TA.Count > 3)
                    c30 = TVec.MultiplyAdd(a3, x, c30);
            }

            if (TB.Count > 1)
            {
                var x = TVec.Load(bp + 1 * stride);
                c01 = TVec.MultiplyAdd(a0, x, c01);
                if (TA.Count > 1)
                    c11 = TVec.MultiplyAdd(a1, x, c11);
                if (TA.Count > 2)
                    c21 = TVec.MultiplyAdd(a2, x, c21);
                if (TA.Count > 3)
                    c31 = TVec.MultiplyAdd(a3, x, c31);
            }

            if (TB.Count > 2)
            {
                var x = TVec.Load(bp + 2 * stride);
                c02 = TVec.MultiplyAdd(a0, x, c02);
                if (TA.Count > 1)
                    c12 = TVec.MultiplyAdd(a1, x, c12);
                if (TA.Count > 2)
                    c22 = TVec.MultiplyAdd(a2, x, c22);
                if (TA.Count > 3)
                    c32 = TVec.MultiplyAdd(a3, x, c32);
            }

            if (TB.Count > 3)
            {
                var x = TVec.Load(bp + 3 * stride);
                c03 = TVec.MultiplyAdd(a0, x, c03);
                if (TA.Count > 1)
                    c13 = TVec.MultiplyAdd(a1, x, c13);
                if (TA.Count > 2)
                    c23 = TVec.MultiplyAdd(a2, x, c23);
                if (TA.Count > 3)
                    c33 = TVec.MultiplyAdd(a3, x, c33);
            }

            if (TB.Count > 4)
            {
                var x = TVec.Load(bp + 4 * stride);
                c04 = TVec.MultiplyAdd(a0, x, c04);
                if (TA.Count > 1)
                    c14 = TVec.MultiplyAdd(a1, x, c14);
                if (TA.Count > 2)
                    c24 = TVec.MultiplyAdd(a2, x, c24);
                if (TA.Count > 3)
                    c34 = TVec.MultiplyAdd(a3, x, c34);
            }

            if (TB.Count > 5)
            {
                var x = TVec.Load(bp + 5 * stride);
                c05 = TVec.MultiplyAdd(a0, x, c05);
                if (TA.Count > 1)
                    c15 = TVec.MultiplyAdd(a1, x, c15);
                if (TA.Count > 2)
                    c25 = TVec.MultiplyAdd(a2, x, c25);
                if (TA.Count > 3)
                    c35 = TVec.MultiplyAdd(a3, x, c35);
            }
        }

        AddRow<TVec, TB>(target, accumulate, c00, c01, c02, c03, c04, c05);
        if (TA.Count > 1)
            AddRow<TVec, TB>(target + targetStride, accumulate, c10, c11, c12, c13, c14, c15);
        if (TA.Count > 2)
            AddRow<TVec, TB>(target + 2 * targetStride, accumulate, c20, c21, c22, c23, c24, c25);
        if (TA.Count > 3)
            AddRow<TVec, TB>(target + 3 * targetStride, accumulate, c30, c31, c32, c33, c34, c35);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store4<TVec>(float* target, TVec v0, TVec v1, TVec v2, TVec v3)
        where TVec : unmanaged, IVec<TVec>
    {
        TVec.Store(target, v0);
        TVec.Store(target + TVec.Count, v1);
        TVec.Store(target + 2 * TVec.Count, v2);
        TVec.Store(target + 3 * TVec.Count, v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow<TVec, TB>(float* target, bool accumulate, TVec c0, TVec c1, TVec c2, TVec c3, TVec c4, TVec c5)
        where TVec : unmanaged, IVec<TVec>
        where TB : IRows
    {
        AddSum(target, accumulate, c0);
        if (TB.Count > 1)
            AddSum(target + 1, accumulate, c1);
        if (TB.Count > 2)
            AddSum(target + 2, accumulate, c2);
        if (TB.Count > 3)
            AddSum(target + 3, accumulate, c3);
        if (TB.Count > 4)
            AddSum(target + 4, accumulate, c4);
        if (TB.Count > 5)
            AddSum(target + 5, accumulate, c5);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSum<TVec>(float* target, bool accumulate, TVec c)
        where TVec : unmanaged, IVec<TVec> => *target = accumulate ? *target + TVec.Sum(c) : TVec.Sum(c);

    /// <summary>Rows cut into as few tiles as possible, whose heights differ by one at most: the first ones are the higher.</summary>
    private readonly struct Tiles(int rows, int most)
    {
        public readonly int Count = (rows + most - 1) / most;

        public int Height(int tile) => rows / Count + (tile < rows % Count ? 1 : 0);

        public int Start(int tile) => tile * (rows / Count) + Math.Min(tile, rows % Count);
    }

    /// <summary>Height of a tile as a type.</summary>
    private interface IRows
    {
        static abstract int Count { get; }
    }

    private readonly struct Rows1 : IRows
    {
        public static int Count => 1;
    }

    private readonly struct Rows2 : IRows
    {
        public static int Count => 2;
    }

    private readonly struct Rows3 : IRows
    {
        public static int Count => 3;
    }

    private readonly struct Rows4 : IRows
    {
        public static int Count => 4;
    }

    private readonly struct Rows5 : IRows
    {
        public static int Count => 5;
    }

    private readonly struct Rows6 : IRows
    {
        public static int Count => 6;
    }
}
