using System.Runtime.Intrinsics;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>Sums over a batch from the sums of its blocks, always in the order of the blocks, so that they do not depend on threads.</summary>
internal static unsafe class BlockSums
{
    /// <summary>Both sums of a plane over all images in use.</summary>
    /// <remarks>Sixteen lanes are one vector of 512 bits here whatever the machine has: it stands between steps, where one thread works and the others
    /// wait.</remarks>
    public static (double First, double Second) Add(ReadOnlySpan<Block> blocks, int plane)
    {
        Vector512<float> first = default, second = default;
        foreach (ref readonly var block in blocks)
        {
            var sums = block.SumsOf(plane);
            var mask = Vector512.Load(block.LaneMask);
            first += Vector512.Load(sums) * mask;
            second += Vector512.Load(sums + Lanes.Count) * mask;
        }

        return (SumOf(first), SumOf(second));
    }

    private static double SumOf(Vector512<float> lanes)
    {
        var (low, high) = Vector512.Widen(lanes);
        return Vector512.Sum(low + high);
    }
}
