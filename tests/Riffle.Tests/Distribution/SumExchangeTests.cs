using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Distribution;
using Riffle.Kernels;

namespace Riffle.Tests.Distribution;

public unsafe class SumExchangeTests
{
    private const int Length = 3;

    [Fact]
    public void Any_number_of_ranks_adds_any_number_of_blocks_in_the_order_of_the_tree() => Prop.ForAll<byte, byte>((blocks, ranks) =>
    {
        var (used, count) = (1 + blocks % 40, 1 + ranks % 20);
        var expected = Enumerable.Range(0, Length).Select(i => BlockTree.Sum([.. Enumerable.Range(0, used).Select(block => Value(block, i))])).ToArray();
        var results = InProcessRanks.Run(count, own =>
        {
            var exchange = new SumExchange(own, used, Length + 2);
            double[] Sum()
            {
                foreach (var (node, (first, length)) in exchange.Nodes.Index())
                {
                    for (var i = 0; i < Length; i++)
                        exchange.SumOf(node)[i] = BlockTree.Sum([.. Enumerable.Range(first, length).Select(block => Value(block, i))]);
                }

                return new Span<double>(exchange.Run(Length), Length).ToArray();
            }

            var once = Sum();
            Assert.Equal(once, Sum());
            return (Sum: once, exchange.Exchanges);
        });
        Assert.All(results, result => Assert.Equal(expected, result.Sum));
        Assert.All(results, result => Assert.InRange(result.Exchanges, 0, BlockTree.Depth(used) + 1));
    }).QuickCheckThrowOnFailure();

    /// <summary>Ranks that have a node of the tree each need no more exchanges than recursive doubling.</summary>
    [Theory]
    [InlineData(8, 2, 1)]
    [InlineData(8, 4, 2)]
    [InlineData(16, 16, 4)]
    [InlineData(128, 16, 4)]
    public void Powers_of_two_take_as_many_exchanges_as_they_have_bits(int blocks, int ranks, int expected) =>
        Assert.All(InProcessRanks.Run(ranks, own => new SumExchange(own, blocks, 1).Exchanges), exchanges => Assert.Equal(expected, exchanges));

    [Fact]
    public void Ranks_share_all_blocks_evenly() => Prop.ForAll<byte, byte>((blocks, ranks) =>
    {
        var (used, count) = (1 + blocks % 80, 1 + ranks % 40);
        var runs = Enumerable.Range(0, count).Select(rank => BlockRun.Of(used, count, rank)).ToArray();
        Assert.Equal(Enumerable.Range(0, used), runs.SelectMany(run => Enumerable.Range(run.First, run.Count)));
        var shares = runs.Select(run => run.Count).Where((_, rank) => rank < used).ToArray();
        Assert.InRange(shares.Max() - shares.Min(), 0, 1);
        foreach (var run in runs)
            Assert.Equal(Enumerable.Range(run.First, run.Count), run.Nodes().SelectMany(node => Enumerable.Range(node.First, node.Count)));
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Messages_of_all_ranks_reach_all(int count)
    {
        static string Text(int rank) => new string('a', rank * rank * 3) + rank;
        var results = InProcessRanks.Run(count, own =>
        {
            own.Introduce($"host{own.Rank}");
            var all = own.Gather(Encoding.UTF8.GetBytes(Text(own.Rank))).Select(Encoding.UTF8.GetString).ToArray();
            var first = Encoding.UTF8.GetString(own.FromFirst(own.IsFirst ? Encoding.UTF8.GetBytes("from 0") : null));
            return (all, first, own.Any(own.Rank == count - 1), own.Any(false), own.NameOf(count - 1));
        });
        Assert.All(results, result =>
        {
            Assert.Equal(Enumerable.Range(0, count).Select(Text), result.all);
            Assert.Equal(("from 0", true, false, $"rank {count - 1} (host{count - 1})"), (result.first, result.Item3, result.Item4, result.Item5));
        });
    }

    /// <summary>Values whose sum comes out otherwise in another order.</summary>
    private static double Value(int block, int i) => 1 / (3.0 + block * 5 + i);
}
