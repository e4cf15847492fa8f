using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;
using Riffle.Data.Sources;

namespace Riffle.Tests.Data;

public class PreparationPlanTests
{
    private static readonly Arbitrary<(int[] Sizes, double Fraction, int Seed, int Shards, int Copies)> Cases =
        (from sizes in Gen.Choose(1, 40).ArrayOf()
         where sizes.Length >= 2
         from fraction in Gen.Choose(0, 99)
         from seed in Gen.Choose(0, 1000)
         from shards in Gen.Choose(1, 30)
         from copies in Gen.Choose(0, 3)
         select (sizes, fraction / 100.0, seed, shards, copies)).ToArbitrary();

    [Fact]
    public void Each_position_is_used_once_and_shards_are_even() => Prop.ForAll(Cases, c =>
    {
        var plan = Plan(c.Sizes, c.Fraction, c.Seed, c.Shards, c.Copies);
        Assert.Equal(Enumerable.Range(0, plan.Records), plan.Positions.SelectMany(positions => positions).Order());
        Assert.Equal(plan.Positions.Select(positions => positions[0]), plan.Positions.Select(positions => positions[0]).Order());
        Assert.Equal(c.Sizes.Sum(), plan.Images.Count);
        foreach (var split in new[] { Split.Train, Split.Validation })
        {
            var ends = plan.Shards.Where(shard => shard.Split == split).Select(shard => shard.End).ToList();
            var start = split == Split.Train ? 0 : plan.Shards.Last(shard => shard.Split == Split.Train).End;
            var sizes = ends.Zip(ends.Prepend(start), (end, begin) => end - begin).ToList();
            Assert.True(sizes.Count == 0 || (sizes.Min() >= 1 && sizes.Max() - sizes.Min() <= 1));
            for (var i = 0; i < plan.Images.Count; i++)
            {
                if (plan.Images[i].Split == split)
                    Assert.All(plan.Positions[i], position => Assert.InRange(position, start, ends[^1] - 1));
            }
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_fraction_holds_in_each_class_and_never_takes_all() => Prop.ForAll(Cases, c =>
    {
        var plan = Plan(c.Sizes, c.Fraction, c.Seed, c.Shards, c.Copies);
        for (var label = 0; label < c.Sizes.Length; label++)
        {
            var (size, set) = (c.Sizes[label], plan.Images.Count(image => image.Label == label && image.Split == Split.Validation));
            Assert.InRange(set, c.Fraction > 0 && size > 1 ? 1 : 0, size - 1);
            Assert.True(size == 1 || Math.Abs(set - (c.Fraction * size)) <= 1);
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Which_images_are_set_aside_depends_on_their_own_class_alone() => Prop.ForAll(Cases, c =>
    {
        IEnumerable<string> SetAside(int[] sizes, int shards) => Plan(sizes, c.Fraction, c.Seed, shards, 0).Images
            .Where(image => image.Split == Split.Validation && image.Label == 0).Select(image => image.Name).Order(StringComparer.Ordinal);
        Assert.Equal(SetAside(c.Sizes, c.Shards), SetAside([c.Sizes[0], 7], 1));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Neither_fraction_changes_what_the_other_takes_and_no_class_is_emptied() => Prop.ForAll(Cases, c =>
    {
        var (validation, test) = (c.Fraction / 2, c.Copies / 8.0);
        IReadOnlyList<string> Names(Split split, double first, double last) =>
            [.. Plan(c.Sizes, first, c.Seed, c.Shards, 0, last).Images.Where(image => image.Split == split).Select(image => image.Name).Order(StringComparer.Ordinal)];
        Assert.Equal(Names(Split.Validation, validation, 0), Names(Split.Validation, validation, test));
        if (c.Sizes.Min() > 2)
            Assert.Equal(Names(Split.Test, 0, test), Names(Split.Test, validation, test));
        var all = Splits.All.SelectMany(split => Names(split, validation, test)).ToArray();
        Assert.Equal(c.Sizes.Sum(), all.Distinct().Count());
        Assert.Equal(c.Sizes.Length, Names(Split.Train, validation, test).Select(name => name.Split('/')[0]).Distinct().Count());
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Classes_are_mixed()
    {
        var plan = Plan([500, 500, 500, 500], 0, 1, 4, 0);
        var same = plan.Images.Zip(plan.Images.Skip(1), (a, b) => a.Label == b.Label).Count(equal => equal);
        Assert.InRange(same, 400, 600);
    }

    private static PreparationPlan Plan(int[] sizes, double fraction, int seed, int shards, int copies, double test = 0)
    {
        var listing = new SourceListing();
        for (var label = 0; label < sizes.Length; label++)
        {
            for (var i = 0; i < sizes[label]; i++)
                listing.Files.Add(new SourceEntry(listing.Files.Count, $"class{label:D3}/{i}.jpg", 100));
        }

        var layout = SourceLayout.Find("source", listing, new Skips("source", strict: true));
        var options = new PreparationOptions { ValidationFraction = fraction, TestFraction = test, Seed = (ulong)seed, Shards = shards, BakeCopies = copies };
        return PreparationPlan.Make(layout, options);
    }
}
