using FsCheck;
using FsCheck.Fluent;
using Riffle.Evaluation;
using Riffle.Execution;

namespace Riffle.Tests.Evaluation;

public class TallyTests
{
    [Fact]
    public void Of_equal_logits_the_lower_class_comes_first()
    {
        float[] logits = [1, 3, 3, 0, 3];
        Assert.Equal([3, 0, 1, 4, 2], Enumerable.Range(0, 5).Select(label => Tally.Rank(logits, label)));
    }

    [Fact]
    public void Equal_logits_for_all_are_right_on_the_first_classes_alone()
    {
        var tally = Enumerable.Range(0, 10).Aggregate(default(Tally), (sum, label) => sum.Plus(new float[10], label));
        var (loss, top1, top5) = tally.Mean();
        Assert.Equal(Math.Log(10), loss, 12);
        Assert.Equal((10, 50), (top1, top5));
    }

    [Fact]
    public void Ranks_are_a_permutation() => Prop.ForAll<int[]>(values =>
    {
        float[] logits = [.. values.Select(v => (float)(v % 5)), 0];
        return Enumerable.Range(0, logits.Length).Select(label => Tally.Rank(logits, label)).Order().SequenceEqual(Enumerable.Range(0, logits.Length));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_label_that_is_not_a_number_is_wrong() => Assert.Equal(2, Tally.Rank([float.NaN, 1, 2], 0));

    [Fact]
    public void Cross_entropy_holds_for_logits_far_apart()
    {
        Assert.Equal(Math.Log(1 + Math.Exp(-2) + Math.Exp(-1)), Tally.CrossEntropy([3, 1, 2], 0), 6);
        Assert.Equal(2000, Tally.CrossEntropy([1000, -1000], 1), 6);
        Assert.Equal(0, Tally.CrossEntropy([1000, -1000], 0), 6);
    }

    [Fact]
    public void Steps_are_weighted_by_their_images()
    {
        var tally = default(Tally).Plus(new StepResult(2, 1, 3), 4).Plus(new StepResult(5, 2, 2), 2);
        Assert.Equal(new Metrics(3, 50, 100.0 * 5 / 6), tally.Mean());
        Assert.Equal(new Metrics(0, 0, 0), default(Tally).Mean());
    }
}
