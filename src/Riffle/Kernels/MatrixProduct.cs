using System.Diagnostics;
using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// The matrix product behind every convolution: output[R×P] = weights[R×K] · x[K×P]. Rows are channels; columns are positions of planes or of chunks packed
/// from them (<see cref="Rows"/>). It is computed in tiles of up to 6 rows by 4 vectors where there are 32 registers (24 accumulators, 4 loads, a broadcast),
/// by 2 where there are 16. Rows are cut into tiles of nearly equal height, so that no row is padded; the height is a type, so that the JIT drops the rows a
/// tile does not have.
/// </summary>
internal static unsafe class MatrixProduct
{
    /// <summary>Most rows of a tile of <see cref="Multiply"/>.</summary>
    public const int MostRows = 6;

    /// <summary>Floats of the positions that a tile of <see cref="Multiply"/> takes at once.</summary>
    public static int TileWidth<TVec>()
        where TVec : unmanaged, IVec<TVec> => (TVec.Registers >= 32 ? 4 : 2) * TVec.Count;

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

    /// <summary>Where the rows of some products, one behind the other, may be cut: their tiles begin there. The last is the number of all rows.</summary>
    /// <param name="products">Number of products.</param>
    /// <param name="rows">R of each.</param>
    public static int[] Edges(int products, int rows)
    {
        var tiles = new Tiles(rows, MostRows);
        return
        [
            .. from product in Enumerable.Range(0, products)
               from tile in Enumerable.Range(0, tiles.Count)
               select product * rows + tiles.Start(tile),
            products * rows,
        ];
    }

    /// <summary>output[R×P] = weights[R×K] · x[K×P].</summary>
    /// <param name="packed">Weights in the order of <see cref="Pack"/>.</param>
    /// <param name="rows">R.</param>
    /// <param name="depth">K.</param>
    /// <param name="x">K rows.</param>
    /// <param name="length">P, a multiple of the vector's floats.</param>
    /// <param name="epilogue">Takes the output.</param>
    /// <param name="share">The rows to compute, between two of the <see cref="Edges"/>.</param>
    public static void Multiply<TVec, TEpilogue>(float* packed, int rows, int depth, in Rows x, int length, in TEpilogue epilogue, Share share = default)
        where TVec : unmanaged, IVec<TVec>
        where TEpilogue : unmanaged, IEpilogue
    {
        var tiles = new Tiles(rows, MostRows);
        for (var tile = 0; tile < tiles.Count; tile++)
        {
            var (row, height) = (tiles.Start(tile), tiles.Height(tile));
            if (row >= share.EndOf(rows))
                break;
            var weights = packed;
            packed += (long)height * depth;
            if (row >= share.From)
                Tile<TVec, TEpilogue>(height, weights, height, depth, x, length, row, epilogue);
        }
    }

    /// <summary>The same with the transpose of the weights, [K×R], as it is: output[R×P] = weightsᵀ · x[K×P].</summary>
    /// <param name="weights">K rows of R floats.</param>
    /// <param name="stride">Distance between them.</param>
    /// <param name="rows">R.</param>
    /// <param name="depth">K.</param>
    /// <param name="x">K rows.</param>
    /// <param name="length">P, a multiple of the vector's floats.</param>
    /// <param name="epilogue">Takes the output.</param>
    public static void MultiplyTransposed<TVec, TEpilogue>(float* weights, int stride, int rows, int depth, in Rows x, int length, in TEpilogue epilogue)
        where TVec : unmanaged, IVec<TVec>
        where TEpilogue : unmanaged, IEpilogue
    {
        var tiles = new Tiles(rows, MostRows);
        for (var tile = 0; tile < tiles.Count; tile++)
            Tile<TVec, TEpilogue>(tiles.Height(tile), weights + tiles.Start(tile), stride, depth, x, length, tiles.Start(tile), epilogue);
    }

    private static void Tile<TVec, TEpilogue>(int height, float* weights, nint step, int depth, in Rows x, int length, int row, in TEpilogue epilogue)
        where TVec : unmanaged, IVec<TVec>
        where TEpilogue : unmanaged, IEpilogue
    {
        Debug.Assert(height > 0 && depth > 0, "an empty product");
        Contract.RequireVectors<TVec>(length);
        switch (height)
        {
            case 1: Tile<TVec, Height1, TEpilogue>(weights, step, depth, x, length, row, epilogue); break;
            case 2: Tile<TVec, Height2, TEpilogue>(weights, step, depth, x, length, row, epilogue); break;
            case 3: Tile<TVec, Height3, TEpilogue>(weights, step, depth, x, length, row, epilogue); break;
            case 4: Tile<TVec, Height4, TEpilogue>(weights, step, depth, x, length, row, epilogue); break;
            case 5: Tile<TVec, Height5, TEpilogue>(weights, step, depth, x, length, row, epilogue); break;
            default: Tile<TVec, Height6, TEpilogue>(weights, step, depth, x, length, row, epilogue); break;
        }

        epilogue.Written(row, height);
    }

    /// <summary>A tile of rows; <paramref name="step"/> is the distance from their weights to those of the next depth.</summary>
    private static void Tile<TVec, THeight, TEpilogue>(float* weights, nint step, int depth, in Rows x, int length, int row, in TEpilogue epilogue)
        where TVec : unmanaged, IVec<TVec>
        where THeight : IHeight
        where TEpilogue : unmanaged, IEpilogue
    {
        var target = epilogue.Target(row);
        var stride = epilogue.Stride;
        long* offsets = x.Offsets, end = offsets + depth;
        var from = x.First;
        nint p = 0;
        for (; TVec.Registers >= 32 && p + 4 * TVec.Count <= length; p += 4 * TVec.Count)
        {
            TVec b0 = Start<TVec, THeight, TEpilogue>(epilogue, row, 0), c00 = b0, c01 = b0, c02 = b0, c03 = b0;
            TVec b1 = Start<TVec, THeight, TEpilogue>(epilogue, row, 1), c10 = b1, c11 = b1, c12 = b1, c13 = b1;
            TVec b2 = Start<TVec, THeight, TEpilogue>(epilogue, row, 2), c20 = b2, c21 = b2, c22 = b2, c23 = b2;
            TVec b3 = Start<TVec, THeight, TEpilogue>(epilogue, row, 3), c30 = b3, c31 = b3, c32 = b3, c33 = b3;
            TVec b4 = Start<TVec, THeight, TEpilogue>(epilogue, row, 4), c40 = b4, c41 = b4, c42 = b4, c43 = b4;
            TVec b5 = Start<TVec, THeight, TEpilogue>(epilogue, row, 5), c50 = b5, c51 = b5, c52 = b5, c53 = b5;
            float* p0 = from + p, p1 = p0 + TVec.Count, p2 = p1 + TVec.Count, p3 = p2 + TVec.Count, wk = weights;
            for (var offset = offsets; offset < end; offset++)
            {
                TVec x0 = TVec.Load(p0 + *offset), x1 = TVec.Load(p1 + *offset), x2 = TVec.Load(p2 + *offset), x3 = TVec.Load(p3 + *offset);
                var w = TVec.Broadcast(wk[0]);
                TVec.Accumulate(ref c00, w, x0);
                TVec.Accumulate(ref c01, w, x1);
                TVec.Accumulate(ref c02, w, x2);
                TVec.Accumulate(ref c03, w, x3);
                if (THeight.Count > 1)
                {
                    w = TVec.Broadcast(wk[1]);
                    TVec.Accumulate(ref c10, w, x0);
                    TVec.Accumulate(ref c11, w, x1);
                    TVec.Accumulate(ref c12, w, x2);
                    TVec.Accumulate(ref c13, w, x3);
                }

                if (THeight.Count > 2)
                {
                    w = TVec.Broadcast(wk[2]);
                    TVec.Accumulate(ref c20, w, x0);
                    TVec.Accumulate(ref c21, w, x1);
                    TVec.Accumulate(ref c22, w, x2);
                    TVec.Accumulate(ref c23, w, x3);
                }

                if (THeight.Count > 3)
                {
                    w = TVec.Broadcast(wk[3]);
                    TVec.Accumulate(ref c30, w, x0);
                    TVec.Accumulate(ref c31, w, x1);
                    TVec.Accumulate(ref c32, w, x2);
                    TVec.Accumulate(ref c33, w, x3);
                }

                if (THeight.Count > 4)
                {
                    w = TVec.Broadcast(wk[4]);
                    TVec.Accumulate(ref c40, w, x0);
                    TVec.Accumulate(ref c41, w, x1);
                    TVec.Accumulate(ref c42, w, x2);
                    TVec.Accumulate(ref c43, w, x3);
                }

                if (THeight.Count > 5)
                {
                    w = TVec.Broadcast(wk[5]);
                    TVec.Accumulate(ref c50, w, x0);
                    TVec.Accumulate(ref c51, w, x1);
                    TVec.Accumulate(ref c52, w, x2);
                    TVec.Accumulate(ref c53, w, x3);
                }

                wk += step;
            }

            var to = target + p;
            Store(epilogue, to, c00, c01, c02, c03);
            if (THeight.Count > 1)
                Store(epilogue, to + stride, c10, c11, c12, c13);
            if (THeight.Count > 2)
                Store(epilogue, to + 2 * stride, c20, c21, c22, c23);
            if (THeight.Count > 3)
                Store(epilogue, to + 3 * stride, c30, c31, c32, c33);
            if (THeight.Count > 4)
                Store(epilogue, to + 4 * stride, c40, c41, c42, c43);
            if (THeight.Count > 5)
                Store(epilogue, to + 5 * stride, c50, c51, c52, c53);
        }

        for (; p + 2 * TVec.Count <= length; p += 2 * TVec.Count)
        {
            TVec b0 = Start<TVec, THeight, TEpilogue>(epilogue, row, 0), c00 = b0, c01 = b0;
            TVec b1 = Start<TVec, THeight, TEpilogue>(epilogue, row, 1), c10 = b1, c11 = b1;
            TVec b2 = Start<TVec, THeight, TEpilogue>(epilogue, row, 2), c20 = b2, c21 = b2;
            TVec b3 = Start<TVec, THeight, TEpilogue>(epilogue, row, 3), c30 = b3, c31 = b3;
            TVec b4 = Start<TVec, THeight, TEpilogue>(epilogue, row, 4), c40 = b4, c41 = b4;
            TVec b5 = Start<TVec, THeight, TEpilogue>(epilogue, row, 5), c50 = b5, c51 = b5;
            float* p0 = from + p, p1 = p0 + TVec.Count, wk = weights;
            for (var offset = offsets; offset < end; offset++)
            {
                TVec x0 = TVec.Load(p0 + *offset), x1 = TVec.Load(p1 + *offset);
                var w = TVec.Broadcast(wk[0]);
                TVec.Accumulate(ref c00, w, x0);
                TVec.Accumulate(ref c01, w, x1);
                if (THeight.Count > 1)
                {
                    w = TVec.Broadcast(wk[1]);
                    TVec.Accumulate(ref c10, w, x0);
                    TVec.Accumulate(ref c11, w, x1);
                }

                if (THeight.Count > 2)
                {
                    w = TVec.Broadcast(wk[2]);
                    TVec.Accumulate(ref c20, w, x0);
                    TVec.Accumulate(ref c21, w, x1);
                }

                if (THeight.Count > 3)
                {
                    w = TVec.Broadcast(wk[3]);
                    TVec.Accumulate(ref c30, w, x0);
                    TVec.Accumulate(ref c31, w, x1);
                }

                if (THeight.Count > 4)
                {
                    w = TVec.Broadcast(wk[4]);
                    TVec.Accumulate(ref c40, w, x0);
                    TVec.Accumulate(ref c41, w, x1);
                }

                if (THeight.Count > 5)
                {
                    w = TVec.Broadcast(wk[5]);
                    TVec.Accumulate(ref c50, w, x0);
                    TVec.Accumulate(ref c51, w, x1);
                }

                wk += step;
            }

            var to = target + p;
            Store(epilogue, to, c00, c01);
            if (THeight.Count > 1)
                Store(epilogue, to + stride, c10, c11);
            if (THeight.Count > 2)
                Store(epilogue, to + 2 * stride, c20, c21);
            if (THeight.Count > 3)
                Store(epilogue, to + 3 * stride, c30, c31);
            if (THeight.Count > 4)
                Store(epilogue, to + 4 * stride, c40, c41);
            if (THeight.Count > 5)
                Store(epilogue, to + 5 * stride, c50, c51);
        }

        for (; p < length; p += TVec.Count)
        {
            TVec b0 = Start<TVec, THeight, TEpilogue>(epilogue, row, 0), c00 = b0;
            TVec b1 = Start<TVec, THeight, TEpilogue>(epilogue, row, 1), c10 = b1;
            TVec b2 = Start<TVec, THeight, TEpilogue>(epilogue, row, 2), c20 = b2;
            TVec b3 = Start<TVec, THeight, TEpilogue>(epilogue, row, 3), c30 = b3;
            TVec b4 = Start<TVec, THeight, TEpilogue>(epilogue, row, 4), c40 = b4;
            TVec b5 = Start<TVec, THeight, TEpilogue>(epilogue, row, 5), c50 = b5;
            float* p0 = from + p, wk = weights;
            for (var offset = offsets; offset < end; offset++)
            {
                var x0 = TVec.Load(p0 + *offset);
                var w = TVec.Broadcast(wk[0]);
                TVec.Accumulate(ref c00, w, x0);
                if (THeight.Count > 1)
                {
                    w = TVec.Broadcast(wk[1]);
                    TVec.Accumulate(ref c10, w, x0);
                }

                if (THeight.Count > 2)
                {
                    w = TVec.Broadcast(wk[2]);
                    TVec.Accumulate(ref c20, w, x0);
                }

                if (THeight.Count > 3)
                {
                    w = TVec.Broadcast(wk[3]);
                    TVec.Accumulate(ref c30, w, x0);
                }

                if (THeight.Count > 4)
                {
                    w = TVec.Broadcast(wk[4]);
                    TVec.Accumulate(ref c40, w, x0);
                }

                if (THeight.Count > 5)
                {
                    w = TVec.Broadcast(wk[5]);
                    TVec.Accumulate(ref c50, w, x0);
                }

                wk += step;
            }

            var to = target + p;
            Store(epilogue, to, c00);
            if (THeight.Count > 1)
                Store(epilogue, to + stride, c10);
            if (THeight.Count > 2)
                Store(epilogue, to + 2 * stride, c20);
            if (THeight.Count > 3)
                Store(epilogue, to + 3 * stride, c30);
            if (THeight.Count > 4)
                Store(epilogue, to + 4 * stride, c40);
            if (THeight.Count > 5)
                Store(epilogue, to + 5 * stride, c50);
        }
    }

    /// <summary>What a row's sums begin with; rows that the tile does not have are left out by the JIT.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVec Start<TVec, THeight, TEpilogue>(in TEpilogue epilogue, int row, int r)
        where TVec : unmanaged, IVec<TVec>
        where THeight : IHeight
        where TEpilogue : unmanaged, IEpilogue => TEpilogue.HasBias && THeight.Count > r ? TVec.Broadcast(epilogue.Bias[row + r]) : TVec.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVec, TEpilogue>(in TEpilogue epilogue, float* target, TVec v0)
        where TVec : unmanaged, IVec<TVec>
        where TEpilogue : unmanaged, IEpilogue
    {
        if (TEpilogue.HasBias)
            v0 = TVec.Max(TVec.Broadcast(epilogue.Low), v0);
        if (TEpilogue.HasHigh)
            v0 = TVec.Min(TVec.Broadcast(epilogue.High), v0);
        TVec.Store(target, v0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVec, TEpilogue>(in TEpilogue epilogue, float* target, TVec v0, TVec v1)
        where TVec : unmanaged, IVec<TVec>
        where TEpilogue : unmanaged, IEpilogue
    {
        Store(epilogue, target, v0);
        Store(epilogue, target + TVec.Count, v1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVec, TEpilogue>(in TEpilogue epilogue, float* target, TVec v0, TVec v1, TVec v2, TVec v3)
        where TVec : unmanaged, IVec<TVec>
        where TEpilogue : unmanaged, IEpilogue
    {
        Store(epilogue, target, v0, v1);
        Store(epilogue, target + 2 * TVec.Count, v2, v3);
    }
}
