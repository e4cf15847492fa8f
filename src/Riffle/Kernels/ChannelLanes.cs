using System.Runtime.CompilerServices;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Planes of one image brought side by side, sixteen channels to a block.
/// <code>
/// x    [C][P]          planes, anywhere
/// y    [C/16][P][16]
/// </code>
/// </summary>
internal static unsafe class ChannelLanes
{
    /// <summary>y = x, its lanes behind the last channel zero.</summary>
    /// <param name="data">What offsets count from.</param>
    /// <param name="planes">Where the planes begin. What is read behind them, to the end of a vector, has to be there.</param>
    /// <param name="channels">C.</param>
    /// <param name="positions">P.</param>
    /// <param name="target">y.</param>
    /// <param name="share">The blocks of y to write.</param>
    public static void FromPlanes<TVec>(float* data, long* planes, int channels, int positions, float* target, Share share = default)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireAligned(target);
        var square = stackalloc float[TVec.Count * TVec.Count];
        var sources = stackalloc float*[TVec.Count];
        var none = stackalloc float[TVec.Count];
        TVec.Store(none, TVec.Zero);
        var end = share.EndOf((channels + Lanes.Count - 1) / Lanes.Count) * Lanes.Count;
        for (var channel = share.From * Lanes.Count; channel < end; channel += TVec.Count)
        {
            var real = Math.Clamp(channels - channel, 0, TVec.Count);
            for (var c = 0; c < TVec.Count; c++)
                sources[c] = c < real ? data + planes[channel + c] : none;
            var (block, lane) = Math.DivRem(channel, Lanes.Count);
            var to = target + (long)block * positions * Lanes.Count + lane;
            for (var position = 0; position < positions; position += TVec.Count, to += TVec.Count * Lanes.Count)
            {
                Square<TVec>(sources, square, to, Lanes.Count, Math.Min(TVec.Count, positions - position));
                for (var c = 0; c < real; c++)
                    sources[c] += TVec.Count;
            }
        }
    }

    /// <summary>target[P×C] = x[C×P].</summary>
    /// <param name="x">C rows.</param>
    /// <param name="channels">C.</param>
    /// <param name="positions">P, a whole number of vectors.</param>
    /// <param name="target">P rows, with room for whole vectors; what lies behind the last channel is zero.</param>
    /// <param name="stride">Distance between them.</param>
    public static void Transpose<TVec>(in Rows x, int channels, int positions, float* target, int stride)
        where TVec : unmanaged, IVec<TVec>
    {
        Contract.RequireVectors<TVec>(positions);
        var square = stackalloc float[TVec.Count * TVec.Count];
        var sources = stackalloc float*[TVec.Count];
        var none = stackalloc float[TVec.Count];
        TVec.Store(none, TVec.Zero);
        for (var channel = 0; channel < channels; channel += TVec.Count)
        {
            var real = Math.Min(TVec.Count, channels - channel);
            for (var position = 0; position < positions; position += TVec.Count)
            {
                for (var c = 0; c < TVec.Count; c++)
                    sources[c] = c < real ? x.First + x.Offsets[channel + c] + position : none;
                Square<TVec>(sources, square, target + (long)position * stride + channel, stride, TVec.Count);
            }
        }
    }

    /// <summary>
    /// Transposes a square of n×n floats, n a power of two. Taking every second float of rows 2i and 2i + 1, the even ones into row i and the odd ones into row
    /// i + n/2, moves the last bit of each float's place to its front; log₂ n times that, row and column have changed places. Two such rounds are one pass over
    /// memory.
    /// </summary>
    /// <param name="sources">n rows.</param>
    /// <param name="square">Room for n·n floats.</param>
    /// <param name="target">Where the first row of the result goes.</param>
    /// <param name="stride">Distance between rows of the result.</param>
    /// <param name="positions">Rows of the result that are wanted.</param>
    private static void Square<TVec>(float** sources, float* square, float* target, int stride, int positions)
        where TVec : unmanaged, IVec<TVec>
    {
        if (TVec.Count == 1)
        {
            *target = sources[0][0];
            return;
        }

        int n = TVec.Count, quarter = n / 4;
        for (var i = 0; n == 8 && i < 4; i++)
        {
            var (even, odd) = TVec.Unzip(TVec.Load(sources[2 * i]), TVec.Load(sources[2 * i + 1]));
            TVec.Store(square + i * n, even);
            TVec.Store(square + (i + 4) * n, odd);
        }

        for (var i = 0; n == 16 && i < quarter; i++)
        {
            var from = sources + 4 * i;
            var (a, b, c, d) = TwoRounds<TVec>(from[0], from[1], from[2], from[3]);
            TVec.Store(square + i * n, a);
            TVec.Store(square + (i + quarter) * n, b);
            TVec.Store(square + (i + 2 * quarter) * n, c);
            TVec.Store(square + (i + 3 * quarter) * n, d);
        }

        for (var i = 0; i < quarter; i++)
        {
            var from = square + 4 * i * n;
            var (a, b, c, d) = n == 4
                ? TwoRounds<TVec>(sources[0], sources[1], sources[2], sources[3])
                : TwoRounds<TVec>(from, from + n, from + 2 * n, from + 3 * n);
            Put(target, stride, i, positions, a);
            Put(target, stride, i + quarter, positions, b);
            Put(target, stride, i + 2 * quarter, positions, c);
            Put(target, stride, i + 3 * quarter, positions, d);
        }
    }

    /// <summary>Rows 4i to 4i + 3 become the rows i, i + n/4, i + n/2 and i + 3n/4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (TVec A, TVec B, TVec C, TVec D) TwoRounds<TVec>(float* first, float* second, float* third, float* fourth)
        where TVec : unmanaged, IVec<TVec>
    {
        var (even, odd) = TVec.Unzip(TVec.Load(first), TVec.Load(second));
        var (nextEven, nextOdd) = TVec.Unzip(TVec.Load(third), TVec.Load(fourth));
        var (a, c) = TVec.Unzip(even, nextEven);
        var (b, d) = TVec.Unzip(odd, nextOdd);
        return (a, b, c, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TVec>(float* target, int stride, int row, int rows, TVec value)
        where TVec : unmanaged, IVec<TVec>
    {
        if (row < rows)
            TVec.Store(target + row * stride, value);
    }
}
