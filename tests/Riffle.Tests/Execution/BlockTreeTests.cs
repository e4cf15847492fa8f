using Riffle.Distribution;
using Riffle.Execution;
using Riffle.Kernels;

namespace Riffle.Tests.Execution;

public unsafe class BlockTreeTests
{
    /// <summary>Numbers of blocks and of threads: powers of two, odd ones, more threads than blocks.</summary>
    public static TheoryData<int, int> Cases => new MatrixTheoryData<int, int>([1, 2, 3, 4, 5, 7, 8, 11, 16, 21, 33], [1, 2, 3, 4, 5, 8, 16, 40]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void GradientsAreAddedInTheOrderOfTheTree(int blocks, int threads)
    {
        using var memory = new NativeArena();
        var sums = new GradientSums(memory, 3 * Values.Count, Enumerable.Range(1, Math.Max(blocks, 12)).Select(BlockRun.Whole), threads);
        var expected = Enumerable.Range(0, Values.Count).Select(i => Tree(0, blocks, i)).ToArray();
        foreach (var addsBlocks in (bool[])[false, true])
        {
            foreach (var isDown in (bool[])[false, true])
            {
                var step = new Values(addsBlocks);
                var used = Enumerable.Range(0, blocks).Select(b => new Block { Data = (float*)b }).ToArray();
                for (var thread = 0; thread < threads; thread++)
                    sums.Backward(step, default, BlockRun.Whole(blocks), used, thread, null, isDown);
                var gradients = new float[3 * Values.Count];
                fixed (float* pointer = gradients)
                {
                    for (var thread = 0; thread < threads; thread++)
                        sums.Add([step], BlockRun.Whole(blocks), thread, threads, pointer);
                }

                Assert.Equal(expected, gradients[step.Weights.Offset..][..Values.Count]);
                Assert.All(gradients[..step.Weights.Offset], value => Assert.Equal(0, value));
                Assert.All(gradients[(step.Weights.Offset + Values.Count)..], value => Assert.Equal(0, value));
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(13)]
    public void TotalsAreAddedInTheOrderOfTheTree(int blocks)
    {
        const int Planes = 5;
        var totals = new double[blocks][];
        var used = new Block[blocks];
        using var memory = new NativeArena();
        for (var b = 0; b < blocks; b++)
        {
            totals[b] = [.. Enumerable.Range(0, 2 * Planes).Select(i => 1 / (1.0 + b + 7 * i))];
            used[b] = new Block { Totals = memory.Copy<double>(totals[b]) };
        }

        double Sum(int first, int count, int i) => count == 1
            ? totals[first][i]
            : Sum(first, (count + 1) / 2, i) + Sum(first + (count + 1) / 2, count / 2, i);
        BlockSums.Add(used, 1, Planes - 1);
        Assert.Equal(Enumerable.Range(2, 2 * Planes - 2).Select(i => Sum(0, blocks, i)), new Span<double>(used[0].TotalsOf(1), 2 * Planes - 2).ToArray());
        Assert.Equal(Sum(0, blocks, 3), BlockTree.Sum([.. totals.Select(total => total[3])]));
    }

    /// <summary>Sums that come out otherwise in another order.</summary>
    private static float Tree(int first, int count, int i) => count == 1
        ? Values.Of(first, i)
        : Tree(first, (count + 1) / 2, i) + Tree(first + (count + 1) / 2, count / 2, i);

    /// <summary>A step whose gradients are a number of the block's; a block's number stands in the place of its data.</summary>
    private sealed class Values(bool addsBlocks) : TrainingStep
    {
        public const int Count = 71;

        public override long Scratch => 0;

        public override (int Offset, int Count) Weights => (Count, Count);

        public override int[] ForwardEdges => [0, 1];

        public override int[] BackwardEdges => [0, 1];

        public override bool AddsBlocks => addsBlocks;

        public static float Of(int block, int i) => 1f / (3 + block * 5 + i);

        public override void Forward(in Planes planes, in Block block, float* scratch, Share share)
        {
        }

        public override void Backward(in Planes planes, in Block block, float* scratch, float* gradients, bool accumulate, Share share)
        {
            Assert.True(addsBlocks || !accumulate, "a block is added that may only be stored");
            for (var i = 0; i < Count; i++)
                gradients[Count + i] = (accumulate ? gradients[Count + i] : 0) + Of((int)block.Data, i);
        }
    }
}
