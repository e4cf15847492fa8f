using Riffle.Learning;
using Riffle.Models;
using Riffle.Recipes;

namespace Riffle.Tests.Learning;

public class CrossValidationTests
{
    [Fact]
    public void Each_fold_is_judged_at_the_epoch_that_the_others_choose()
    {
        // The first fold alone would choose epoch 1, the others choose epoch 2; without the third fold, epoch 3 is the best of the first two.
        var found = CrossValidation.Of([(Record(9, 5, 8), 10), (Record(2, 6, 9), 10), (Record(1, 20, 4), 20)]);
        Assert.Equal((5 + 6 + 4, 40), (found.Right, found.Images));
        Assert.Equal(37.5, found.Top1);
        Assert.InRange(found.Top1, found.Interval.Low, found.Interval.High);
    }

    [Fact]
    public void Only_epochs_that_all_folds_have_count()
    {
        var found = CrossValidation.Of([(Record(5, 5), 10), (Record(5, 4, 10, 10), 10)]);
        Assert.Equal(10, found.Right);
        Assert.Throws<ArgumentException>(() => CrossValidation.Of([(Record(5), 10)]));
        Assert.Throws<ArgumentException>(() => CrossValidation.Of([(Record(5), 10), (Record(), 10)]));
    }

    [Theory]
    [InlineData(0.2, 199, true)]
    [InlineData(0.2, 200, false)]
    [InlineData(0.1, 50, false)]
    [InlineData(null, 50, false)]
    public void It_is_for_few_images_that_were_set_aside(double? fraction, int validation, bool isOfUse) => Assert.Equal(isOfUse, CrossValidation.IsOfUse(new()
    {
        ValidationFraction = fraction,
        Train = 500,
        Validation = validation,
        TrainShards = 1,
        ValidationShards = 1,
        Fingerprint = "",
        Classes = [],
    }));

    /// <summary>A training of so many right images after each epoch, of 10 or, where any is more, of 20.</summary>
    private static TrainingRecord Record(params int[] right)
    {
        var images = right.Any(count => count > 10) ? 20 : 10;
        return new(Recipe.Best, 0, new("0", 1, images), Progress.None, [.. right.Select((count, i) => new EpochMetrics(i + 1, 0.1, new(1, 1, 1), new(1, 100.0 * count / images, 100)))]);
    }
}
