using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>Where the rows of a product go, and what is done with them while they are in the L1 cache.</summary>
internal unsafe interface IRowSink
{
    /// <summary>Whether rows begin at <see cref="Bias"/> instead of 0 and end at max(<see cref="Floor"/>, row).</summary>
    static abstract bool HasBias { get; }

    /// <summary>A number for each row; not read without <see cref="HasBias"/>.</summary>
    float* Bias { get; }

    /// <summary>The same for all rows; not read without <see cref="HasBias"/>.</summary>
    float Floor { get; }

    /// <summary>Distance between rows of the target.</summary>
    long Stride { get; }

    /// <summary>Where a row is written; those behind it in its tile follow by <see cref="Stride"/>.</summary>
    float* Target(int row);

    /// <summary>Called when so many rows from this one on are written.</summary>
    void Written(int row, int count);
}

/// <summary>Rows of a matrix, each a run of floats: row r begins at First + Offsets[r].</summary>
internal readonly unsafe struct Rows(float* first, long* offsets)
{
    /// <summary>What offsets count from.</summary>
    public float* First => first;

    /// <summary>Where each row begins.</summary>
    public long* Offsets => offsets;

    /// <summary>The rows from one on.</summary>
    public Rows From(int row) => new(first, offsets + row);
}

/// <summary>
/// The two matrix products behind every convolution. Rows are channels; columns are positions, of planes or of panels packed from them (<see cref="Rows"/>).
/// <list type="bullet">
/// <item>Multiply: output[R×P] = weights[R×K] · x[K×P], in tiles of up to 6 rows by 4 vectors where there are 32 registers (24 accumulators, 4 loads, a
/// broadcast), by 2 where there are 16.</item>
/// <item>MultiplyTransposed: target[A×B] (+)= a[A×P] · b[B×P]ᵀ, in tiles of up to 4 by 6 sums (3 by 4 with 16 registers), each kept as a vector until
/// the end of the positions.</item>
/// </list>
/// Rows are cut into tiles of nearly equal height, so that no row is padded; the height is a type, so that the JIT drops the rows a tile does not have.
/// </summary>
internal static unsafe class MatrixProduct
{
    /// <summary>Most rows of a tile of <see cref="Multiply"/>.</summary>
    public const int MostRows = 6;

    /// <summary>Floats of b that <see cref="MultiplyTransposed"/> keeps in the L2 cache while all of a passes by.</summary>
    private const int BlockFloats = 24 * 1024;

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

    /// <summary>output[R×P] = weights[R×K] · x[K×P].</summary>
    /// <param name="packed">Weights in the order of <see cref="Pack"/>.</param>
    /// <param name="rows">R.</param>
    /// <param name="depth">K.</param>
    /// <param name="x">K rows.</param>
    /// <param name="length">P, a multiple of the vector's floats.</param>
    /// <param name="sink">Takes the output.</param>
    public static void Multiply<TVec, TSink>(float* packed, int rows, int depth, in Rows x, int length, in TSink sink)
        where TVec : unmanaged, IVec<TVec>
        where TSink : unmanaged, IRowSink
    {
        var tiles = new Tiles(rows, MostRows);
        for (var tile = 0; tile < tiles.Count; tile++)
        {
            var (row, height) = (tiles.Start(tile), tiles.Height(tile));
            switch (height)
            {
                case 1: Tile<TVec, Rows1, TSink>(packed, depth, x, length, row, sink); break;
                case 2: Tile<TVec, Rows2, TSink>(packed, depth, x, length, row, sink); break;
                case 3: Tile<TVec, Rows3, TSink>(packed, depth, x, length, row, sink); break;
                case 4: Tile<TVec, Rows4, TSink>(packed, depth, x, length, row, sink); break;
                case 5: Tile<TVec, Rows5, TSink>(packed, depth, x, length, row, sink); break;
                default: Tile<TVec, Rows6, TSink>(packed, depth, x, length, row, sink); break;
            }

            sink.Written(row, height);
            packed += (long)height * depth;
        }
    }

    /// <summary>target[A×B] = (accumulate ? target : 0) + a[A×P] · b[B×P]ᵀ.</summary>
    /// <param name="a">A rows.</param>
    /// <param name="rowsA">A.</param>
    /// <param name="b">B rows.</param>
    /// <param name="rowsB">B.</param>
    /// <param name="length">P, a multiple of 16.</param>
    /// <param name="target">A×B, rows contiguous.</param>
    /// <param name="accumulate">Whether the target is added to or overwritten.</param>
    public static void MultiplyTransposed<TVec>(in Rows a, int rowsA, in Rows b, int rowsB, int length, float* target, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
    {
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
                    var sums = target + (long)left.Start(i) * rowsB + right.Start(j);
                    switch (left.Height(i))
                    {
                        case 1: Dot<TVec, Rows1>(right.Height(j), fromA, fromB, length, sums, rowsB, accumulate); break;
                        case 2: Dot<TVec, Rows2>(right.Height(j), fromA, fromB, length, sums, rowsB, accumulate); break;
                        case 3: Dot<TVec, Rows3>(right.Height(j), fromA, fromB, length, sums, rowsB, accumulate); break;
                        default: Dot<TVec, Rows4>(right.Height(j), fromA, fromB, length, sums, rowsB, accumulate); break;
                    }
                }
            }
        }
    }

    private static void Dot<TVec, TA>(int heightB, in Rows a, in Rows b, int length, float* target, long targetStride, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
        where TA : IRows
    {
        switch (heightB)
        {
            case 1: DotTile<TVec, TA, Rows1>(a, b, length, target, targetStride, accumulate); break;
            case 2: DotTile<TVec, TA, Rows2>(a, b, length, target, targetStride, accumulate); break;
            case 3: DotTile<TVec, TA, Rows3>(a, b, length, target, targetStride, accumulate); break;
            case 4: DotTile<TVec, TA, Rows4>(a, b, length, target, targetStride, accumulate); break;
            case 5: DotTile<TVec, TA, Rows5>(a, b, length, target, targetStride, accumulate); break;
            default: DotTile<TVec, TA, Rows6>(a, b, length, target, targetStride, accumulate); break;
        }
    }

    private static void Tile<TVec, TRows, TSink>(float* weights, int depth, in Rows x, int length, int row, in TSink sink)
        where TVec : unmanaged, IVec<TVec>
        where TRows : IRows
        where TSink : unmanaged, IRowSink
    {
        var target = sink.Target(row);
        var stride = sink.Stride;
        long* offsets = x.Offsets, end = offsets + depth;
        var from = x.First;
        nint p = 0;
        for (; TVec.Registers >= 32 && p + 4 * TVec.Count <= length; p += 4 * TVec.Count)
        {
            TVec b0 = Start<TVec, TRows, TSink>(sink, row, 0), c00 = b0, c01 = b0, c02 = b0, c03 = b0;
            TVec b1 = Start<TVec, TRows, TSink>(sink, row, 1), c10 = b1, c11 = b1, c12 = b1, c13 = b1;
            TVec b2 = Start<TVec, TRows, TSink>(sink, row, 2), c20 = b2, c21 = b2, c22 = b2, c23 = b2;
            TVec b3 = Start<TVec, TRows, TSink>(sink, row, 3), c30 = b3, c31 = b3, c32 = b3, c33 = b3;
            TVec b4 = Start<TVec, TRows, TSink>(sink, row, 4), c40 = b4, c41 = b4, c42 = b4, c43 = b4;
            TVec b5 = Start<TVec, TRows, TSink>(sink, row, 5), c50 = b5, c51 = b5, c52 = b5, c53 = b5;
            float* p0 = from + p, p1 = p0 + TVec.Count, p2 = p1 + TVec.Count, p3 = p2 + TVec.Count, wk = weights;
            for (var offset = offsets; offset < end; offset++)
            {
                TVec x0 = TVec.Load(p0 + *offset), x1 = TVec.Load(p1 + *offset), x2 = TVec.Load(p2 + *offset), x3 = TVec.Load(p3 + *offset);
                var w = TVec.Broadcast(wk[0]);
                TVec.Accumulate(ref c00, w, x0);
                TVec.Accumulate(ref c01, w, x1);
                TVec.Accumulate(ref c02, w, x2);
                TVec.Accumulate(ref c03, w, x3);
                if (TRows.Count > 1)
                {
                    w = TVec.Broadcast(wk[1]);
                    TVec.Accumulate(ref c10, w, x0);
                    TVec.Accumulate(ref c11, w, x1);
                    TVec.Accumulate(ref c12, w, x2);
                    TVec.Accumulate(ref c13, w, x3);
                }

                if (TRows.Count > 2)
                {
                    w = TVec.Broadcast(wk[2]);
                    TVec.Accumulate(ref c20, w, x0);
                    TVec.Accumulate(ref c21, w, x1);
                    TVec.Accumulate(ref c22, w, x2);
                    TVec.Accumulate(ref c23, w, x3);
                }

                if (TRows.Count > 3)
                {
                    w = TVec.Broadcast(wk[3]);
                    TVec.Accumulate(ref c30, w, x0);
                    TVec.Accumulate(ref c31, w, x1);
                    TVec.Accumulate(ref c32, w, x2);
                    TVec.Accumulate(ref c33, w, x3);
                }

                if (TRows.Count > 4)
                {
                    w = TVec.Broadcast(wk[4]);
                    TVec.Accumulate(ref c40, w, x0);
                    TVec.Accumulate(ref c41, w, x1);
                    TVec.Accumulate(ref c42, w, x2);
                    TVec.Accumulate(ref c43, w, x3);
                }

                if (TRows.Count > 5)
                {
                    w = TVec.Broadcast(wk[5]);
                    TVec.Accumulate(ref c50, w, x0);
                    TVec.Accumulate(ref c51, w, x1);
                    TVec.Accumulate(ref c52, w, x2);
                    TVec.Accumulate(ref c53, w, x3);
                }

                wk += TRows.Count;
            }

            var to = target + p;
            Store(sink, to, c00, c01, c02, c03);
            if (TRows.Count > 1)
                Store(sink, to + stride, c10, c11, c12, c13);
            if (TRows.Count > 2)
                Store(sink, to + 2 * stride, c20, c21, c22, c23);
            if (TRows.Count > 3)
                Store(sink, to + 3 * stride, c30, c31, c32, c33);
            if (TRows.Count > 4)
                Store(sink, to + 4 * stride, c40, c41, c42, c43);
            if (TRows.Count > 5)
                Store(sink, to + 5 * stride, c50, c51, c52, c53);
        }

        for (; p + 2 * TVec.Count <= length; p += 2 * TVec.Count)
        {
            TVec b0 = Start<TVec, TRows, TSink>(sink, row, 0), c00 = b0, c01 = b0;
            TVec b1 = Start<TVec, TRows, TSink>(sink, row, 1), c10 = b1, c11 = b1;
            TVec b2 = Start<TVec, TRows, TSink>(sink, row, 2), c20 = b2, c21 = b2;
            TVec b3 = Start<TVec, TRows, TSink>(sink, row, 3), c30 = b3, c31 = b3;
            TVec b4 = Start<TVec, TRows, TSink>(sink, row, 4), c40 = b4, c41 = b4;
            TVec b5 = Start<TVec, TRows, TSink>(sink, row, 5), c50 = b5, c51 = b5;
            float* p0 = from + p, p1 = p0 + TVec.Count, wk = weights;
            for (var offset = offsets; offset < end; offset++)
            {
                TVec x0 = TVec.Load(p0 + *offset), x1 = TVec.Load(p1 + *offset);
                var w = TVec.Broadcast(wk[0]);
                TVec.Accumulate(ref c00, w, x0);
                TVec.Accumulate(ref c01, w, x1);
                if (TRows.Count > 1)
                {
                    w = TVec.Broadcast(wk[1]);
                    TVec.Accumulate(ref c10, w, x0);
                    TVec.Accumulate(ref c11, w, x1);
                }

                if (TRows.Count > 2)
                {
                    w = TVec.Broadcast(wk[2]);
                    TVec.Accumulate(ref c20, w, x0);
                    TVec.Accumulate(ref c21, w, x1);
                }

                if (TRows.Count > 3)
                {
                    w = TVec.Broadcast(wk[3]);
                    TVec.Accumulate(ref c30, w, x0);
                    TVec.Accumulate(ref c31, w, x1);
                }

                if (TRows.Count > 4)
                {
                    w = TVec.Broadcast(wk[4]);
                    TVec.Accumulate(ref c40, w, x0);
                    TVec.Accumulate(ref c41, w, x1);
                }

                if (TRows.Count > 5)
                {
                    w = TVec.Broadcast(wk[5]);
                    TVec.Accumulate(ref c50, w, x0);
                    TVec.Accumulate(ref c51, w, x1);
                }

                wk += TRows.Count;
            }

            var to = target + p;
            Store(sink, to, c00, c01);
            if (TRows.Count > 1)
                Store(sink, to + stride, c10, c11);
            if (TRows.Count > 2)
                Store(sink, to + 2 * stride, c20, c21);
            if (TRows.Count > 3)
                Store(sink, to + 3 * stride, c30, c31);
            if (TRows.Count > 4)
                Store(sink, to + 4 * stride, c40, c41);
            if (TRows.Count > 5)
                Store(sink, to + 5 * stride, c50, c51);
        }

        for (; p < length; p += TVec.Count)
        {
            TVec b0 = Start<TVec, TRows, TSink>(sink, row, 0), c00 = b0;
            TVec b1 = Start<TVec, TRows, TSink>(sink, row, 1), c10 = b1;
            TVec b2 = Start<TVec, TRows, TSink>(sink, row, 2), c20 = b2;
            TVec b3 = Start<TVec, TRows, TSink>(sink, row, 3), c30 = b3;
            TVec b4 = Start<TVec, TRows, TSink>(sink, row, 4), c40 = b4;
            TVec b5 = Start<TVec, TRows, TSink>(sink, row, 5), c50 = b5;
            float* p0 = from + p, wk = weights;
            for (var offset = offsets; offset < end; offset++)
            {
                var x0 = TVec.Load(p0 + *offset);
                var w = TVec.Broadcast(wk[0]);
                TVec.Accumulate(ref c00, w, x0);
                if (TRows.Count > 1)
                {
                    w = TVec.Broadcast(wk[1]);
                    TVec.Accumulate(ref c10, w, x0);
                }

                if (TRows.Count > 2)
                {
                    w = TVec.Broadcast(wk[2]);
                    TVec.Accumulate(ref c20, w, x0);
                }

                if (TRows.Count > 3)
                {
                    w = TVec.Broadcast(wk[3]);
                    TVec.Accumulate(ref c30, w, x0);
                }

                if (TRows.Count > 4)
                {
                    w = TVec.Broadcast(wk[4]);
                    TVec.Accumulate(ref c40, w, x0);
                }

                if (TRows.Count > 5)
                {
                    w = TVec.Broadcast(wk[5]);
                    TVec.Accumulate(ref c50, w, x0);
                }

                wk += TRows.Count;
            }

            var to = target + p;
            Store(sink, to, c00);
            if (TRows.Count > 1)
                Store(sink, to + stride, c10);
            if (TRows.Count > 2)
                Store(sink, to + 2 * stride, c20);
            if (TRows.Count > 3)
                Store(sink, to + 3 * stride, c30);
            if (TRows.Count > 4)
                Store(sink, to + 4 * stride, c40);
            if (TRows.Count > 5)
                Store(sink, to + 5 * stride, c50);
        }
    }

    private static void DotTile<TVec, TA, TB>(in Rows a, in Rows b, int length, float* target, long targetStride, bool accumulate)
        where TVec : unmanaged, IVec<TVec>
        where TA : IRows
        where TB : IRows
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

        AddSums<TVec, TB>(target, accumulate, c00, c01, c02, c03, c04, c05);
        if (TA.Count > 1)
            AddSums<TVec, TB>(target + targetStride, accumulate, c10, c11, c12, c13, c14, c15);
        if (TA.Count > 2)
            AddSums<TVec, TB>(target + 2 * targetStride, accumulate, c20, c21, c22, c23, c24, c25);
        if (TA.Count > 3)
            AddSums<TVec, TB>(target + 3 * targetStride, accumulate, c30, c31, c32, c33, c34, c35);
    }

    /// <summary>What a row's sums begin with; rows that the tile does not have are left out by the JIT.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVec Start<TVec, TRows, TSink>(in TSink sink, int row, int r)
        where TVec : unmanaged, IVec<TVec>
        where TRows : IRows
        where TSink : unmanaged, IRowSink => TSink.HasBias && TRows.Count > r ? TVec.Broadcast(sink.Bias[row + r]) : TVec.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVec, TSink>(in TSink sink, float* target, TVec v0)
        where TVec : unmanaged, IVec<TVec>
        where TSink : unmanaged, IRowSink => TVec.Store(target, TSink.HasBias ? TVec.Max(TVec.Broadcast(sink.Floor), v0) : v0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVec, TSink>(in TSink sink, float* target, TVec v0, TVec v1)
        where TVec : unmanaged, IVec<TVec>
        where TSink : unmanaged, IRowSink
    {
        Store(sink, target, v0);
        Store(sink, target + TVec.Count, v1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVec, TSink>(in TSink sink, float* target, TVec v0, TVec v1, TVec v2, TVec v3)
        where TVec : unmanaged, IVec<TVec>
        where TSink : unmanaged, IRowSink
    {
        Store(sink, target, v0, v1);
        Store(sink, target + 2 * TVec.Count, v2, v3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSums<TVec, TB>(float* target, bool accumulate, TVec c0, TVec c1, TVec c2, TVec c3, TVec c4, TVec c5)
        where TVec : unmanaged, IVec<TVec>
        where TB : IRows
    {
        if (TB.Count >= 4)
        {
            // Four sums at once take half the instructions of four single ones.
            var four = TVec.Sum4(c0, c1, c2, c3);
            (accumulate ? Vector128.Load(target) + four : four).Store(target);
            if (TB.Count > 4)
                AddSum(target + 4, accumulate, c4);
            if (TB.Count > 5)
                AddSum(target + 5, accumulate, c5);
            return;
        }

        AddSum(target, accumulate, c0);
        if (TB.Count > 1)
            AddSum(target + 1, accumulate, c1);
        if (TB.Count > 2)
            AddSum(target + 2, accumulate, c2);
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
