using System.Numerics;

namespace Riffle.Kernels;

/// <summary>
/// The order in which anything is added over the blocks of a batch: a balanced binary tree. A run of blocks is cut into its first half, which is the longer one
/// where their number is odd, and its second half, down to single blocks; a sum is that of its halves. Whoever computes a run that is a node of the tree can
/// hand over its sum as one value, so the result depends neither on threads nor on the machines that share a batch.
/// </summary>
internal static class BlockTree
{
    /// <summary>Blocks in the first half.</summary>
    public static int FirstHalf(int count) => (count + 1) / 2;

    /// <summary>The sum of values, one for each block.</summary>
    public static double Sum(ReadOnlySpan<double> values)
    {
        if (values.Length == 1)
            return values[0];
        var half = FirstHalf(values.Length);
        return Sum(values[..half]) + Sum(values[half..]);
    }

    /// <summary>How many nodes of the tree over so many blocks a run of them consists of, at the least.</summary>
    public static int NodesOf(int count, int first, int end)
    {
        if (end <= 0 || first >= count || first >= end)
            return 0;
        if (first <= 0 && end >= count)
            return 1;
        var half = FirstHalf(count);
        return NodesOf(half, first, end) + NodesOf(count - half, first - half, end - half);
    }

    /// <summary>Halvings from a run of blocks to single ones.</summary>
    public static int Depth(int count) => count <= 1 ? 0 : BitOperations.Log2((uint)count - 1) + 1;
}
