using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>The two sums of each plane over a batch, from those of its blocks.</summary>
internal static unsafe class BlockSums
{
    /// <summary>The totals of a block from the sums of its lanes, unused lanes left out.</summary>
    /// <remarks>Sixteen lanes are one vector of 512 bits here whatever the machine has, so that all machines add them in the same order.</remarks>
    public static void Gather(in Block block, int firstPlane, int planes)
    {
        var mask = Vector512.Load(block.LaneMask);
        for (var plane = firstPlane; plane < firstPlane + planes; plane++)
        {
            float* sums = block.SumsOf(plane);
            var totals = block.TotalsOf(plane);
            totals[0] = SumOf(Vector512.Load(sums) * mask);
            totals[1] = SumOf(Vector512.Load(sums + Lanes.Count) * mask);
        }
    }

    /// <summary>Adds the totals of all blocks up into those of the first, in the order of a balanced binary tree over the blocks.</summary>
    public static void Add(ReadOnlySpan<Block> blocks, int firstPlane, int planes)
    {
        if (blocks.Length == 1)
            return;
        var half = BlockTree.FirstHalf(blocks.Length);
        Add(blocks[..half], firstPlane, planes);
        Add(blocks[half..], firstPlane, planes);
        Span<double> sums = new(blocks[0].TotalsOf(firstPlane), 2 * planes), others = new(blocks[half].TotalsOf(firstPlane), 2 * planes);
        var wide = MemoryMarshal.Cast<double, Vector<double>>(sums);
        var wideOthers = MemoryMarshal.Cast<double, Vector<double>>(others);
        for (var i = 0; i < wide.Length; i++)
            wide[i] += wideOthers[i];
        for (var i = wide.Length * Vector<double>.Count; i < sums.Length; i++)
            sums[i] += others[i];
    }

    private static double SumOf(Vector512<float> lanes)
    {
        var (low, high) = Vector512.Widen(lanes);
        return Vector512.Sum(low + high);
    }
}
