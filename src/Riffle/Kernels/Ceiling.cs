using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>What ReLU6 does beyond ReLU: values that were just written, while they are in a cache, are cut off above.</summary>
internal static unsafe class Ceiling
{
    /// <summary>x = min(x, ceiling).</summary>
    /// <param name="x">The values.</param>
    /// <param name="length">How many there are; the last vector may reach behind them.</param>
    /// <param name="ceiling">The largest value.</param>
    public static void Apply<TVec>(float* x, long length, float ceiling)
        where TVec : unmanaged, IVec<TVec>
    {
        var most = TVec.Broadcast(ceiling);
        for (var i = 0L; i < length; i += TVec.Count)
        {
            var value = TVec.Load(x + i);
            TVec.Store(x + i, TVec.WhereAtLeast(value, most, most, value));
        }
    }
}
