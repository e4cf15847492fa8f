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
    public static void FromPlanes<TVec>(float* data, long* planes, int channels, int positions, float* target)
        where TVec : unmanaged, IVec<TVec>
    {
        const int Most = Lanes.Count * Lanes.Count;
        float* one = stackalloc float[Most], other = stackalloc float[Most];
        var sources = stackalloc float*[TVec.Count];
        var none = stackalloc float[positions + TVec.Count];
        new Span<float>(none, positions + TVec.Count).Clear();
        for (var channel = 0; channel < (channels + Lanes.Count - 1) / Lanes.Count * Lanes.Count; channel += TVec.Count)
        {
            for (var c = 0; c < TVec.Count; c++)
                sources[c] = channel + c < channels ? data + planes[channel + c] : none;
            var (block, lane) = Math.DivRem(channel, Lanes.Count);
            var to = target + (long)block * positions * Lanes.Count + lane;
            for (var position = 0; position < positions; position += TVec.Count, to += TVec.Count * Lanes.Count)
                Transpose<TVec>(sources, position, one, other, to, Math.Min(TVec.Count, positions - position));
        }
    }

    /// <summary>
    /// Transposes a square of n×n floats, n a power of two. Taking every second float of rows 2i and 2i + 1, the even ones into row i and the odd ones into row
    /// i + n/2, moves the last bit of each float's place to its front; log₂ n times that, row and column have changed places.
    /// </summary>
    private static void Transpose<TVec>(float** sources, int position, float* one, float* other, float* target, int positions)
        where TVec : unmanaged, IVec<TVec>
    {
        const int Half = 2;
        if (TVec.Count == 1)
        {
            *target = sources[0][position];
            return;
        }

        for (var row = 0; row < TVec.Count / Half; row++)
        {
            var (even, odd) = TVec.Unzip(TVec.Load(sources[2 * row] + position), TVec.Load(sources[2 * row + 1] + position));
            TVec.Store(one + row * TVec.Count, even);
            TVec.Store(one + (row + TVec.Count / Half) * TVec.Count, odd);
        }

        for (var bit = 4; bit < TVec.Count; bit *= 2)
        {
            for (var row = 0; row < TVec.Count / Half; row++)
            {
                var (even, odd) = TVec.Unzip(TVec.Load(one + 2 * row * TVec.Count), TVec.Load(one + (2 * row + 1) * TVec.Count));
                TVec.Store(other + row * TVec.Count, even);
                TVec.Store(other + (row + TVec.Count / Half) * TVec.Count, odd);
            }

            var done = other;
            other = one;
            one = done;
        }

        for (var row = 0; row < TVec.Count / Half; row++)
        {
            var (even, odd) = TVec.Unzip(TVec.Load(one + 2 * row * TVec.Count), TVec.Load(one + (2 * row + 1) * TVec.Count));
            if (row < positions)
                TVec.Store(target + row * Lanes.Count, even);
            if (row + TVec.Count / Half < positions)
                TVec.Store(target + (row + TVec.Count / Half) * Lanes.Count, odd);
        }
    }
}
