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
    public void Neither_fraction_moves_what_the_other_takes_and_no_class_is_emptied() => Prop.ForAll(Cases, c =>
    {
        var (validation, test) = (c.Fraction / 2, c.Copies / 8.0);
        IReadOnlyList<string> Names(Split split, double first, double last) =>
            [.. Plan(c.Sizes, first, c.Seed, c.Shards, 0, last).Images.Where(image => image.Split == split).Select(image => image.Name).Order(StringComparer.Ordinal)];
        Assert.Equal(Names(Split.Validation, validation, 0), Names(Split.Validation, validation, test));

        // Together they may leave a small class too little for what each would take.
        Assert.Subset(Names(Split.Test, 0, test).ToHashSet(), Names(Split.Test, validation, test).ToHashSet());
        var all = Splits.All.SelectMany(split => Names(split, validation, test)).ToArray();
        Assert.Equal(c.Sizes.Sum(), all.Distinct().Count());
        Assert.Equal(c.Sizes.Length, Names(Split.Train, validation, test).Select(name => name.Split('/')[0]).Distinct().Count());
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_folds_of_a_fifth_set_each_image_aside_once() => Prop.ForAll(Cases, c =>
    {
        string[][] folds = [.. Enumerable.Range(0, 5).Select(fold => Fold(c.Sizes, fold, c.Seed, 0)
            .Images.Where(image => image.Split == Split.Validation).Select(image => image.Name).ToArray())];
        Assert.Equal(Plan(c.Sizes, 0.2, c.Seed, 4, 0).Images.Where(image => image.Split == Split.Validation).Select(image => image.Name), folds[0]);
        var all = folds.SelectMany(names => names).ToArray();
        Assert.Equal(c.Sizes.Where(size => size > 1).Sum(), all.Length);
        Assert.Equal(all.Length, all.Distinct().Count());
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Folds_leave_the_test_images_alone()
    {
        IEnumerable<string> Tests(int fold) => Fold([20, 30], fold, 3, 0.1).Images.Where(image => image.Split == Split.Test).Select(image => image.Name).Order(StringComparer.Ordinal);
        Assert.Equal(5, Tests(0).Count());
        for (var fold = 1; fold < 4; fold++)
            Assert.Equal(Tests(0), Tests(fold));
    }

    [Fact]
    public void No_group_stands_in_two_splits_and_shares_are_near_what_is_wanted() => Prop.ForAll(Cases, c =>
    {
        // Groups of up to five images go through all classes.
        var options = new PreparationOptions { ValidationFraction = c.Fraction / 2, TestFraction = c.Copies / 8.0, Seed = (ulong)c.Seed, GroupBy = @"/(\d+)-" };
        var random = new Random(c.Seed);
        var listing = new SourceListing();
        foreach (var (label, size) in c.Sizes.Index())
        {
            for (var i = 0; i < size * 5; i++)
                listing.Files.Add(new SourceEntry(listing.Files.Count, $"class{label:D3}/{random.Next(c.Sizes.Sum())}-{i}.jpg", 100));
        }

        var plan = Plan(listing, options);
        Assert.Equal(listing.Files.Count, plan.Images.Count);
        Assert.All(plan.Images.GroupBy(image => image.Name.Split('/')[1].Split('-')[0]), group => Assert.Single(group.Select(image => image.Split).Distinct()));
        Assert.All(plan.Images.GroupBy(image => image.Label), label => Assert.Contains(label, image => image.Split == Split.Train));
        var groups = plan.Images.GroupBy(image => image.Name.Split('/')[1].Split('-')[0]).ToArray();
        var largest = groups.Max(group => group.Count());
        foreach (var (split, fraction) in new[] { (Split.Validation, options.ValidationFraction), (Split.Test, options.TestFraction) })
        {
            var wanted = fraction!.Value * plan.Images.Count;
            Assert.InRange(plan.Images.Count(image => image.Split == split), 0, wanted + (c.Sizes.Length * (largest + 1)));
            if (groups.Length > 20 && fraction > 0.2 && c.Sizes.Length < 4)
                Assert.InRange(plan.Images.Count(image => image.Split == split), wanted / 2, wanted * 2);
        }
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
        var options = new PreparationOptions { ValidationFraction = fraction, TestFraction = test, Seed = (ulong)seed, Shards = shards, BakeCopies = copies };
        return Plan(Listing(sizes), options);
    }

    private static SourceListing Listing(int[] sizes)
    {
        var listing = new SourceListing();
        for (var label = 0; label < sizes.Length; label++)
        {
            for (var i = 0; i < sizes[label]; i++)
                listing.Files.Add(new SourceEntry(listing.Files.Count, $"class{label:D3}/{i}.jpg", 100));
        }

        return listing;
    }

    private static PreparationPlan Fold(int[] sizes, int fold, int seed, double test) =>
        Plan(Listing(sizes), new() { ValidationFraction = 0.2, Fold = fold, TestFraction = test, Seed = (ulong)seed, Shards = 4 });

    private static PreparationPlan Plan(SourceListing listing, PreparationOptions options)
    {
        var layout = SourceLayout.Find("source", listing, new Skips("source", strict: true));
        return PreparationPlan.Make(SettingAside.Apply(layout.Images, layout.HasValidation, options), options);
    }
}
