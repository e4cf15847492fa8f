using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;

namespace Riffle.Tests.Data;

public class Random64Tests
{
    /// <summary>The numbers that the authors' C program prints for the state 1, 2, 3, 4.</summary>
    [Fact]
    public void Is_xoshiro256_starstar()
    {
        var random = new Random64(1, 2, 3, 4);
        ulong[] expected =
        [
            11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600, 16172922978634559625,
            8476171486693032832, 10595114339597558777, 2904607092377533576,
        ];
        Assert.Equal(expected, expected.Select(_ => random.NextUInt64()));
    }

    /// <summary>The numbers that the author's C program prints for the seed 1234567.</summary>
    [Fact]
    public void Is_seeded_by_splitmix64()
    {
        ulong state = 1234567;
        ulong[] expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        Assert.Equal(expected, expected.Select(_ => Random64.SplitMix(ref state)));
    }

    /// <summary>Runs saved by one version go on in the next: these numbers (from a model in Python) never change.</summary>
    [Theory]
    [InlineData(0, 0, 0, 0x8A21CD34A214A917, 0x9C507E12243E64D0, 0xC3763B828E49DC84)]
    [InlineData(1, 2, 3, 0xF44463172D5AB7CF, 0xFCF9374149E54B62, 0xF397800B44968B62)]
    [InlineData(ulong.MaxValue, ulong.MaxValue, ulong.MaxValue, 0x4AEFEF7B4ACD59F7, 0x9F8916C257C922C5, 0x67210A556E5AA874)]
    public void Streams_stay_what_they_are(ulong seed, ulong stream, ulong index, ulong first, ulong second, ulong third)
    {
        var random = Random64.Create(seed, stream, index);
        Assert.Equal((first, second, third), (random.NextUInt64(), random.NextUInt64(), random.NextUInt64()));
    }

    [Fact]
    public void Numbers_of_each_kind_stay_what_they_are()
    {
        var random = Random64.Create(7, 0);
        Assert.Equal([0.35600441694259644f, 0.5801619291305542f, 0.37585657835006714f], Enumerable.Range(0, 3).Select(_ => random.NextFloat()));
        random = Random64.Create(7, 0);
        Assert.Equal([356, 580, 375, 495, 310, 391], Enumerable.Range(0, 6).Select(_ => random.Next(1000)));
        random = Random64.Create(7, 0);
        float[] gaussians = [-1.8409423828125f, -2.358198642730713f, -1.5808510780334473f, -0.6700692176818848f];
        Assert.Equal(gaussians, gaussians.Select(_ => random.NextGaussian()));
    }

    [Fact]
    public void Streams_that_differ_in_one_number_share_nothing() =>
        Prop.ForAll<ulong, ulong, ulong>((seed, stream, index) =>
        {
            ulong[] states = [.. Neighbours(seed, stream, index).SelectMany(r => new[] { r.NextUInt64(), r.NextUInt64() })];
            return states.Distinct().Count() == states.Length;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Bounded_numbers_are_equally_likely()
    {
        var random = Random64.Create(1, 1);
        var counts = new int[7];
        for (var i = 0; i < 70_000; i++)
            counts[random.Next(counts.Length)]++;

        // Chi squared with 6 degrees of freedom is above 22.5 once in a thousand seeds; this seed is one of the others.
        Assert.InRange(counts.Sum(c => (c - 10_000.0) * (c - 10_000.0) / 10_000), 0, 22.5);
    }

    [Fact]
    public void Bounded_numbers_stay_within_their_bound() =>
        Prop.ForAll(Gen.Choose(1, int.MaxValue).ToArbitrary(), bound =>
        {
            var random = Random64.Create((ulong)bound, 0);
            return Enumerable.Range(0, 20).All(_ => random.Next(bound) is var n && n >= 0 && n < bound);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_bound_is_positive() => Assert.Throws<ArgumentOutOfRangeException>(() => Random64.Create(0, 0).Next(0));

    [Fact]
    public void Floats_fill_the_unit_interval()
    {
        var random = Random64.Create(2, 0);
        var numbers = Enumerable.Range(0, 100_000).Select(_ => random.NextFloat()).ToArray();
        Assert.InRange(numbers.Min(), 0, 1e-4f);
        Assert.InRange(numbers.Max(), 1 - 1e-4f, 1 - 1e-8f);
        Assert.Equal(0.5, numbers.Average(), 0.005);
    }

    [Fact]
    public void Gaussians_have_the_moments_of_the_normal_distribution()
    {
        var random = Random64.Create(3, 0);
        var numbers = Enumerable.Range(0, 100_000).Select(_ => (double)random.NextGaussian()).ToArray();
        Assert.Equal(0, numbers.Average(), 0.02);
        Assert.Equal(1, numbers.Average(x => x * x), 0.03);
        Assert.Equal(0, numbers.Average(x => x * x * x), 0.05);
        Assert.Equal(3, numbers.Average(x => x * x * x * x), 0.15);
    }

    [Fact]
    public void A_shuffle_keeps_each_item_once() =>
        Prop.ForAll<ulong, int[]>((seed, items) =>
        {
            var shuffled = items.ToArray();
            Random64.Create(seed, 0).Shuffle(shuffled);
            return shuffled.Order().SequenceEqual(items.Order());
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void All_orders_of_three_are_equally_likely()
    {
        var random = Random64.Create(4, 0);
        var counts = new Dictionary<(int, int, int), int>();
        for (var i = 0; i < 60_000; i++)
        {
            int[] three = [0, 1, 2];
            random.Shuffle(three);
            var order = (three[0], three[1], three[2]);
            counts[order] = counts.GetValueOrDefault(order) + 1;
        }

        Assert.Equal(6, counts.Count);
        Assert.All(counts.Values, count => Assert.InRange(count, 9_600, 10_400));
    }

    private static IEnumerable<Random64> Neighbours(ulong seed, ulong stream, ulong index) => unchecked(
    [
        Random64.Create(seed, stream, index), Random64.Create(seed + 1, stream, index), Random64.Create(seed, stream + 1, index),
        Random64.Create(seed, stream, index + 1),
    ]);
}
