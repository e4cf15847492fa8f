using Riffle.Distribution;
using Riffle.Kernels;

namespace Riffle.Execution;

/// <summary>
/// What batch norm and biases need to know of the whole batch: the totals of their planes, added over its blocks, and over the ranks that share them, in the order of
/// the <see cref="BlockTree"/>.
/// </summary>
internal sealed unsafe class BatchSums
{
    private readonly SumExchange? _exchange;
    private readonly BlockRun _run;

    /// <param name="affines">What needs them; those of an array are wanted at the same time.</param>
    /// <param name="run">The blocks that this process computes.</param>
    /// <param name="ranks">Those who share the batch; null: nobody, or each has statistics of its own.</param>
    public BatchSums(IEnumerable<DeferredAffine[]> affines, BlockRun run, Ranks? ranks)
    {
        _run = run;
        if (ranks is not null)
            _exchange = new(ranks, run.Used, affines.Select(together => 2 * together.Sum(affine => affine.PlaneCount)).DefaultIfEmpty().Max());
    }

    /// <summary>Makes the totals of the first block those of the batch.</summary>
    /// <param name="blocks">The blocks of this process, whose totals are gathered.</param>
    /// <param name="batch">The first of them; a process without blocks has one that takes the result.</param>
    /// <param name="affines">What needs the totals.</param>
    public void Add(ReadOnlySpan<Block> blocks, in Block batch, ReadOnlySpan<DeferredAffine> affines)
    {
        if (_exchange is null)
        {
            foreach (var affine in affines)
                BlockSums.Add(blocks, affine.FirstPlane, affine.PlaneCount);
            return;
        }

        var length = 0;
        foreach (var affine in affines)
            length += 2 * affine.PlaneCount;
        if (length == 0)
            return;

        for (var node = 0; node < _exchange.Nodes.Count; node++)
        {
            var (first, count) = _exchange.Nodes[node];
            var sums = _exchange.SumOf(node);
            foreach (var affine in affines)
            {
                BlockSums.Add(blocks.Slice(first - _run.First, count), affine.FirstPlane, affine.PlaneCount);
                var totals = TotalsOf(blocks[first - _run.First], affine);
                totals.CopyTo(new Span<double>(sums, totals.Length));
                sums += totals.Length;
            }
        }

        var total = _exchange.Run(length);
        foreach (var affine in affines)
        {
            var totals = TotalsOf(batch, affine);
            new Span<double>(total, totals.Length).CopyTo(totals);
            total += totals.Length;
        }
    }

    private static Span<double> TotalsOf(in Block block, DeferredAffine affine) => new(block.TotalsOf(affine.FirstPlane), 2 * affine.PlaneCount);
}
