using Riffle.Kernels;

namespace Riffle.Distribution;

/// <summary>A run of the blocks of a batch, which one rank computes.</summary>
/// <param name="Used">Blocks of the whole batch.</param>
/// <param name="First">The first block of the run.</param>
/// <param name="End">The block after the last.</param>
internal readonly record struct BlockRun(int Used, int First, int End)
{
    /// <summary>Blocks in the run.</summary>
    public int Count => End - First;

    /// <summary>All blocks of a batch.</summary>
    public static BlockRun Whole(int used) => new(used, 0, used);

    /// <summary>The blocks of a rank: runs that differ by one block at most. If there are more ranks than blocks, the last ranks have none.</summary>
    public static BlockRun Of(int used, int ranks, int rank)
    {
        var active = Math.Min(used, ranks);
        return rank < active ? Whole(used).Part(rank, active) : new(used, used, used);
    }

    /// <summary>One of several parts of the run.</summary>
    public BlockRun Part(int part, int parts) => new(Used, First + (int)((long)Count * part / parts), First + (int)((long)Count * (part + 1) / parts));

    /// <summary>The nodes of the <see cref="BlockTree"/> that the run consists of, in their order.</summary>
    public List<(int First, int Count)> Nodes()
    {
        var nodes = new List<(int, int)>();
        Visit(this, 0, Used, nodes);
        return nodes;

        static void Visit(BlockRun run, int first, int count, List<(int, int)> nodes)
        {
            if (first >= run.End || first + count <= run.First)
                return;
            if (first >= run.First && first + count <= run.End)
            {
                nodes.Add((first, count));
                return;
            }

            var half = BlockTree.FirstHalf(count);
            Visit(run, first, half, nodes);
            Visit(run, first + half, count - half, nodes);
        }
    }
}
