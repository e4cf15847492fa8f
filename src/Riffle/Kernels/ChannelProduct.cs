using System.Diagnostics;
using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// The matrix product of one image whose planes are too small to lay vectors over: vectors lie over output channels. output[P×R] = x[P×K] · weights[R×K]ᵀ, with
/// sixteen channels of a position side by side in the output, and x anywhere: a value of it is broadcast. Tiles are up to 6 positions by 4 vectors where there
/// are 32 registers (24 accumulators, 4 weights, a broadcast), by 2 where there are 16. The sides of <see cref="MatrixProduct"/> changed: there weights are
/// broadcast.
/// </summary>
internal static unsafe class ChannelProduct
{
    /// <summary>Most positions of a tile.</summary>
    private const int MostPositions = 6;

    /// <summary>Floats that the weights take in packed order: zeros fill the last vector.</summary>
    public static long PackedCount<TVec>(int channels, int depth)
        where TVec : unmanaged, IVec<TVec> => (long)Vectors<TVec>(channels) * TVec.Count * depth;

    /// <summary>Orders weights [R][K] by the vectors of a tile, and for each tile depth first, so that a tile reads one run of memory.</summary>
    public static void Pack<TVec>(float* weights, int channels, int depth, float* packed)
        where TVec : unmanaged, IVec<TVec>
    {
        var columns = ColumnTiles<TVec>(channels);
        for (var column = 0; column < columns.Count; column++)
        {
            int first = columns.Start(column) * TVec.Count, end = first + columns.Height(column) * TVec.Count;
            for (var k = 0; k < depth; k++)
            {
                for (var channel = first; channel < end; channel++)
                    *packed++ = channel < channels ? weights[(long)channel * depth + k] : 0;
            }
        }
    }

    /// <summary>
    /// Where the blocks of sixteen output channels of some products may be cut: their tiles begin there. Each product begins with a block of its own. The last
    /// is the number of all blocks.
    /// </summary>
    /// <param name="products">Number of products.</param>
    /// <param name="channels">R of each.</param>
    public static int[] Edges<TVec>(int products, int channels)
        where TVec : unmanaged, IVec<TVec>
    {
        var (columns, blocks) = (ColumnTiles<TVec>(channels), (channels + Lanes.Count - 1) / Lanes.Count);
        return
        [
            .. from product in Enumerable.Range(0, products)
               from column in Enumerable.Range(0, columns.Count)
               let start = columns.Start(column) * TVec.Count
               where start % Lanes.Count == 0
               select product * blocks + start / Lanes.Count,
            products * blocks,
        ];
    }

    /// <summary>output = clamp(x · weightsᵀ + bias), or clamp(x · weightsᵀ + bias + residual).</summary>
    /// <param name="packed">Weights in the order of <see cref="Pack"/>.</param>
    /// <param name="channels">R.</param>
    /// <param name="depth">K.</param>
    /// <param name="x">Where the first position's values lie.</param>
    /// <param name="step">Distance between positions of x.</param>
    /// <param name="offsets">Where each of the K values of a position lies.</param>
    /// <param name="positions">P.</param>
    /// <param name="output">Where results go.</param>
    /// <param name="share">The blocks of output channels to compute, between two of the <see cref="Edges"/>.</param>
    public static void Multiply<TVec>(
        float* packed, int channels, int depth, float* x, int step, long* offsets, int positions, in BlockedEpilogue output, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Debug.Assert(channels > 0 && depth > 0 && positions > 0, "an empty product");
        Contract.RequireLanes(output.BlockStride);
        if (output.Clamp.IsBounded)
            Multiply<TVec, Bounded>(packed, channels, depth, x, step, offsets, positions, output, share.Times(Lanes.Count));
        else
            Multiply<TVec, Unbounded>(packed, channels, depth, x, step, offsets, positions, output, share.Times(Lanes.Count));
    }

    private static void Multiply<TVec, TBound>(
        float* packed, int channels, int depth, float* x, int step, long* offsets, int positions, in BlockedEpilogue output, Share share)
        where TVec : unmanaged, IVec<TVec>
        where TBound : IUpperBound
    {
        var columns = ColumnTiles<TVec>(channels);
        var tiles = new Tiles(positions, MostPositions);
        for (var column = 0; column < columns.Count; column++)
        {
            var (vector, width) = (columns.Start(column), columns.Height(column));
            if (vector * TVec.Count >= share.EndOf(channels))
                break;
            var weights = packed;
            packed += (long)width * TVec.Count * depth;
            if (vector * TVec.Count < share.From)
                continue;
            for (var tile = 0; tile < tiles.Count; tile++)
            {
                var (position, height) = (tiles.Start(tile), tiles.Height(tile));
                var operands = new Operands(weights, depth, x + (long)position * step, step, offsets, vector * TVec.Count, position);
                switch (height)
                {
                    case 1: Tile<TVec, TBound, Height1>(width, operands, output); break;
                    case 2: Tile<TVec, TBound, Height2>(width, operands, output); break;
                    case 3: Tile<TVec, TBound, Height3>(width, operands, output); break;
                    case 4: Tile<TVec, TBound, Height4>(width, operands, output); break;
                    case 5: Tile<TVec, TBound, Height5>(width, operands, output); break;
                    default: Tile<TVec, TBound, Height6>(width, operands, output); break;
                }
            }
        }
    }

    private static int Vectors<TVec>(int channels)
        where TVec : unmanaged, IVec<TVec> => (channels + TVec.Count - 1) / TVec.Count;

    private static Tiles ColumnTiles<TVec>(int channels)
        where TVec : unmanaged, IVec<TVec> => new(Vectors<TVec>(channels), TVec.Registers >= 32 ? 4 : 2);

    private static void Tile<TVec, TBound, THeight>(int width, in Operands operands, in BlockedEpilogue output)
        where TVec : unmanaged, IVec<TVec>
        where TBound : IUpperBound
        where THeight : IHeight
    {
        switch (width)
        {
            case 1: Tile<TVec, TBound, THeight, Height1>(operands, output); break;
            case 2: Tile<TVec, TBound, THeight, Height2>(operands, output); break;
            case 3: Tile<TVec, TBound, THeight, Height3>(operands, output); break;
            default: Tile<TVec, TBound, THeight, Height4>(operands, output); break;
        }
    }

    /// <summary>A tile of so many positions by so many vectors; the JIT drops those that it does not have.</summary>
    private static void Tile<TVec, TBound, TPositions, TVectors>(in Operands operands, in BlockedEpilogue output)
        where TVec : unmanaged, IVec<TVec>
        where TBound : IUpperBound
        where TPositions : IHeight
        where TVectors : IHeight
    {
        var bias = output.Bias + operands.Channel;
        var b0 = TVec.Load(bias);
        var b1 = TVectors.Count > 1 ? TVec.Load(bias + TVec.Count) : TVec.Zero;
        var b2 = TVectors.Count > 2 ? TVec.Load(bias + 2 * TVec.Count) : TVec.Zero;
        var b3 = TVectors.Count > 3 ? TVec.Load(bias + 3 * TVec.Count) : TVec.Zero;
        TVec c00 = b0, c01 = b1, c02 = b2, c03 = b3;
        TVec c10 = b0, c11 = b1, c12 = b2, c13 = b3;
        TVec c20 = b0, c21 = b1, c22 = b2, c23 = b3;
        TVec c30 = b0, c31 = b1, c32 = b2, c33 = b3;
        TVec c40 = b0, c41 = b1, c42 = b2, c43 = b3;
        TVec c50 = b0, c51 = b1, c52 = b2, c53 = b3;
        var step = operands.Step;
        var weights = operands.Weights;
        float* x0 = operands.X, x1 = x0 + step, x2 = x1 + step, x3 = x2 + step, x4 = x3 + step, x5 = x4 + step;
        long* offset = operands.Offsets, end = offset + operands.Depth;
        for (; offset < end; offset++, weights += TVectors.Count * TVec.Count)
        {
            var at = *offset;
            var w0 = TVec.Load(weights);
            var w1 = TVectors.Count > 1 ? TVec.Load(weights + TVec.Count) : TVec.Zero;
            var w2 = TVectors.Count > 2 ? TVec.Load(weights + 2 * TVec.Count) : TVec.Zero;
            var w3 = TVectors.Count > 3 ? TVec.Load(weights + 3 * TVec.Count) : TVec.Zero;
            var value0 = TVec.Broadcast(x0[at]);
            TVec.Accumulate(ref c00, value0, w0);
            if (TVectors.Count > 1)
                TVec.Accumulate(ref c01, value0, w1);
            if (TVectors.Count > 2)
                TVec.Accumulate(ref c02, value0, w2);
            if (TVectors.Count > 3)
                TVec.Accumulate(ref c03, value0, w3);

            if (TPositions.Count > 1)
            {
                var value1 = TVec.Broadcast(x1[at]);
                TVec.Accumulate(ref c10, value1, w0);
                if (TVectors.Count > 1)
                    TVec.Accumulate(ref c11, value1, w1);
                if (TVectors.Count > 2)
                    TVec.Accumulate(ref c12, value1, w2);
                if (TVectors.Count > 3)
                    TVec.Accumulate(ref c13, value1, w3);
            }

            if (TPositions.Count > 2)
            {
                var value2 = TVec.Broadcast(x2[at]);
                TVec.Accumulate(ref c20, value2, w0);
                if (TVectors.Count > 1)
                    TVec.Accumulate(ref c21, value2, w1);
                if (TVectors.Count > 2)
                    TVec.Accumulate(ref c22, value2, w2);
                if (TVectors.Count > 3)
                    TVec.Accumulate(ref c23, value2, w3);
            }

            if (TPositions.Count > 3)
            {
                var value3 = TVec.Broadcast(x3[at]);
                TVec.Accumulate(ref c30, value3, w0);
                if (TVectors.Count > 1)
                    TVec.Accumulate(ref c31, value3, w1);
                if (TVectors.Count > 2)
                    TVec.Accumulate(ref c32, value3, w2);
                if (TVectors.Count > 3)
                    TVec.Accumulate(ref c33, value3, w3);
            }

            if (TPositions.Count > 4)
            {
                var value4 = TVec.Broadcast(x4[at]);
                TVec.Accumulate(ref c40, value4, w0);
                if (TVectors.Count > 1)
                    TVec.Accumulate(ref c41, value4, w1);
                if (TVectors.Count > 2)
                    TVec.Accumulate(ref c42, value4, w2);
                if (TVectors.Count > 3)
                    TVec.Accumulate(ref c43, value4, w3);
            }

            if (TPositions.Count > 5)
            {
                var value5 = TVec.Broadcast(x5[at]);
                TVec.Accumulate(ref c50, value5, w0);
                if (TVectors.Count > 1)
                    TVec.Accumulate(ref c51, value5, w1);
                if (TVectors.Count > 2)
                    TVec.Accumulate(ref c52, value5, w2);
                if (TVectors.Count > 3)
                    TVec.Accumulate(ref c53, value5, w3);
            }
        }

        float* to0 = output.Target + Place<TVec>(output, operands, 0), to1 = output.Target + Place<TVec>(output, operands, 1);
        float* to2 = output.Target + Place<TVec>(output, operands, 2), to3 = output.Target + Place<TVec>(output, operands, 3);
        if (output.Addends != null)
        {
            float* add0 = Addend<TVec>(output, operands, 0), add1 = TVectors.Count > 1 ? Addend<TVec>(output, operands, 1) : null;
            float* add2 = TVectors.Count > 2 ? Addend<TVec>(output, operands, 2) : null, add3 = TVectors.Count > 3 ? Addend<TVec>(output, operands, 3) : null;
            Add<TVec, TVectors>(add0, add1, add2, add3, 0, ref c00, ref c01, ref c02, ref c03);
            if (TPositions.Count > 1)
                Add<TVec, TVectors>(add0, add1, add2, add3, Lanes.Count, ref c10, ref c11, ref c12, ref c13);
            if (TPositions.Count > 2)
                Add<TVec, TVectors>(add0, add1, add2, add3, 2 * Lanes.Count, ref c20, ref c21, ref c22, ref c23);
            if (TPositions.Count > 3)
                Add<TVec, TVectors>(add0, add1, add2, add3, 3 * Lanes.Count, ref c30, ref c31, ref c32, ref c33);
            if (TPositions.Count > 4)
                Add<TVec, TVectors>(add0, add1, add2, add3, 4 * Lanes.Count, ref c40, ref c41, ref c42, ref c43);
            if (TPositions.Count > 5)
                Add<TVec, TVectors>(add0, add1, add2, add3, 5 * Lanes.Count, ref c50, ref c51, ref c52, ref c53);
        }

        Store<TVec, TBound, TVectors>(output, to0, to1, to2, to3, 0, c00, c01, c02, c03);
        if (TPositions.Count > 1)
            Store<TVec, TBound, TVectors>(output, to0, to1, to2, to3, Lanes.Count, c10, c11, c12, c13);
        if (TPositions.Count > 2)
            Store<TVec, TBound, TVectors>(output, to0, to1, to2, to3, 2 * Lanes.Count, c20, c21, c22, c23);
        if (TPositions.Count > 3)
            Store<TVec, TBound, TVectors>(output, to0, to1, to2, to3, 3 * Lanes.Count, c30, c31, c32, c33);
        if (TPositions.Count > 4)
            Store<TVec, TBound, TVectors>(output, to0, to1, to2, to3, 4 * Lanes.Count, c40, c41, c42, c43);
        if (TPositions.Count > 5)
            Store<TVec, TBound, TVectors>(output, to0, to1, to2, to3, 5 * Lanes.Count, c50, c51, c52, c53);
    }

    /// <summary>Adds what lies so far behind the addends' first position.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TVec, TVectors>(
        float* add0, float* add1, float* add2, float* add3, int at, ref TVec v0, ref TVec v1, ref TVec v2, ref TVec v3)
        where TVec : unmanaged, IVec<TVec>
        where TVectors : IHeight
    {
        v0 += TVec.Load(add0 + at);
        if (TVectors.Count > 1)
            v1 += TVec.Load(add1 + at);
        if (TVectors.Count > 2)
            v2 += TVec.Load(add2 + at);
        if (TVectors.Count > 3)
            v3 += TVec.Load(add3 + at);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVec, TBound, TVectors>(
        in BlockedEpilogue output, float* to0, float* to1, float* to2, float* to3, int at, TVec v0, TVec v1, TVec v2, TVec v3)
        where TVec : unmanaged, IVec<TVec>
        where TBound : IUpperBound
        where TVectors : IHeight
    {
        Store<TVec, TBound>(output, to0 + at, v0);
        if (TVectors.Count > 1)
            Store<TVec, TBound>(output, to1 + at, v1);
        if (TVectors.Count > 2)
            Store<TVec, TBound>(output, to2 + at, v2);
        if (TVectors.Count > 3)
            Store<TVec, TBound>(output, to3 + at, v3);
    }

    /// <summary>Where the first position of one of a tile's vectors lies in what counts from the output's first block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Place<TVec>(in BlockedEpilogue output, in Operands operands, int vector)
        where TVec : unmanaged, IVec<TVec>
    {
        var (block, lane) = Math.DivRem((uint)(operands.Channel + vector * TVec.Count), (uint)Lanes.Count);
        return block * output.BlockStride + lane + (long)operands.Position * Lanes.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Addend<TVec>(in BlockedEpilogue output, in Operands operands, int vector)
        where TVec : unmanaged, IVec<TVec>
    {
        var (block, lane) = Math.DivRem((uint)(operands.Channel + vector * TVec.Count), (uint)Lanes.Count);
        return output.Data + output.Addends[block] + lane + (long)operands.Position * Lanes.Count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TVec, TBound>(in BlockedEpilogue output, float* target, TVec value)
        where TVec : unmanaged, IVec<TVec>
        where TBound : IUpperBound
    {
        value = TVec.Max(TVec.Broadcast(output.Clamp.Low), value);
        if (TBound.IsThere)
            value = TVec.Min(TVec.Broadcast(output.Clamp.High), value);
        TVec.Store(target, value);
    }

    /// <summary>What a tile reads: the weights of its vectors, x from its first position on.</summary>
    private readonly struct Operands(float* weights, int depth, float* x, int step, long* offsets, int channel, int position)
    {
        public readonly float* Weights = weights;
        public readonly int Depth = depth;
        public readonly float* X = x;
        public readonly int Step = step;
        public readonly long* Offsets = offsets;
        public readonly int Channel = channel;
        public readonly int Position = position;
    }
}

/// <summary>Where a product of channel lanes goes: blocks of sixteen channels, [position][16] each.</summary>
internal readonly unsafe struct BlockedEpilogue
{
    /// <summary>The block of the first channel, at the first position.</summary>
    public readonly float* Target { get; init; }

    /// <summary>Distance between blocks.</summary>
    public readonly long BlockStride { get; init; }

    /// <summary>What each channel begins with.</summary>
    public readonly float* Bias { get; init; }

    /// <summary>What all values are cut off at.</summary>
    public readonly Clamp Clamp { get; init; }

    /// <summary>What addends count from.</summary>
    public readonly float* Data { get; init; }

    /// <summary>For each block where another value lies that is added, at the first position; null without.</summary>
    public readonly long* Addends { get; init; }
}
