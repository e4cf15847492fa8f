using Riffle.Evaluation;

namespace Riffle.Tests.Evaluation;

public class LinearDiscriminantTests
{
    /// <summary>With as many features as this, a classifier that has seen a label repeats it.</summary>
    [Fact]
    public void Labels_that_nothing_tells_are_guessed_no_better_than_by_chance()
    {
        const int Images = 480, Features = 240, Classes = 8;
        var random = new Random(3);
        float[] features = [.. Enumerable.Range(0, Images * Features).Select(_ => random.NextSingle())];
        int[] labels = [.. Enumerable.Range(0, Images).Select(_ => random.Next(Classes))];
        var logits = LinearDiscriminant.OutOfFold(features, labels, Classes, CancellationToken.None);
        var right = labels.Where((label, i) => Guess(logits, i, Classes) == label).Count();
        Assert.InRange(right, 30, 95);
    }

    [Fact]
    public void Classes_that_lie_apart_are_told_apart()
    {
        const int Images = 300, Features = 20, Classes = 3;
        var random = new Random(4);
        int[] labels = [.. Enumerable.Range(0, Images).Select(i => i % Classes)];
        float[] features = [.. Enumerable.Range(0, Images * Features).Select(i => random.NextSingle() + (i % Features == labels[i / Features] ? 1 : 0))];
        var logits = LinearDiscriminant.OutOfFold(features, labels, Classes, CancellationToken.None);
        Assert.All(labels.Index(), image => Assert.Equal(image.Item, Guess(logits, image.Index, Classes)));
    }

    private static int Guess(float[] logits, int image, int classes) => ConfusionMatrix.Predicted(logits.AsSpan(image * classes, classes));
}
