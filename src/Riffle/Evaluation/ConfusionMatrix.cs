using System.Collections.Immutable;

namespace Riffle.Evaluation;

/// <summary>Two classes that a network confuses.</summary>
/// <param name="First">A class.</param>
/// <param name="Second">Another one.</param>
/// <param name="FirstAsSecond">Images of the first class that were classified as the second.</param>
/// <param name="SecondAsFirst">Images of the second class that were classified as the first.</param>
public sealed record Confusion(int First, int Second, int FirstAsSecond, int SecondAsFirst)
{
    /// <summary>The sum of both.</summary>
    public int Images => FirstAsSecond + SecondAsFirst;
}

/// <summary>A confusion matrix: how often images of each class were classified as each class.</summary>
/// <param name="classes">Number of classes, positive.</param>
public sealed class ConfusionMatrix(int classes)
{
    private readonly int[,] _images = new int[classes, classes];

    /// <summary>The number of classes.</summary>
    public int Classes => classes;

    /// <summary>The mean recall of the classes that have images, in percent: what top-1 would be if all had equally many. 0 without images.</summary>
    public double BalancedAccuracy => Enumerable.Range(0, classes).Average(label => Of(label).Recall) ?? 0;

    /// <summary>All images, and those of them that were recognised.</summary>
    internal (int Right, int Images) Total => (Enumerable.Range(0, classes).Sum(label => this[label, label]), _images.Cast<int>().Sum());

    /// <summary>All counts, a row for each class of the images.</summary>
    internal ImmutableArray<int> Counts => [.. _images.Cast<int>()];

    /// <summary>The number of images of a class that were classified as a given class.</summary>
    public int this[int label, int predicted] => _images[label, predicted];

    /// <summary>Counts an image.</summary>
    /// <param name="label">Its class.</param>
    /// <param name="logits">One logit per class. The highest is the prediction; among equal ones the first, as in top-1.</param>
    public void Add(int label, ReadOnlySpan<float> logits) => Add(label, Predicted(logits));

    /// <summary>Counts an image whose prediction is known.</summary>
    internal void Add(int label, int predicted) => _images[label, predicted]++;

    /// <summary>A matrix of given <see cref="Counts"/>.</summary>
    internal static ConfusionMatrix Of(ReadOnlySpan<int> counts)
    {
        var matrix = new ConfusionMatrix((int)Math.Sqrt(counts.Length));
        for (var i = 0; i < counts.Length; i++)
            matrix._images[i / matrix.Classes, i % matrix.Classes] = counts[i];
        return matrix;
    }

    /// <summary>How well a class is recognised.</summary>
    public ClassMetrics Of(int label)
    {
        var all = Enumerable.Range(0, classes);
        return new(all.Sum(other => this[label, other]), all.Sum(other => this[other, label]), this[label, label]);
    }

    /// <summary>The class that most images of a class are wrongly taken for; null if none is.</summary>
    public int? MostlyTakenFor(int label) =>
        Enumerable.Range(0, classes).Where(other => other != label).Select(other => (int?)other).MaxBy(other => this[label, other!.Value]) is { } most
            && this[label, most] > 0 ? most : null;

    /// <summary>The class with the highest logit; among equal ones the first.</summary>
    internal static int Predicted(ReadOnlySpan<float> logits)
    {
        var predicted = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[predicted])
                predicted = i;
        }

        return predicted;
    }

    /// <summary>The most confused pairs of classes, the worst first; among equal ones, lower classes first.</summary>
    /// <param name="most">The maximum number of pairs.</param>
    public IReadOnlyList<Confusion> MostConfused(int most)
    {
        var pairs =
            from first in Enumerable.Range(0, classes)
            from second in Enumerable.Range(first + 1, classes - first - 1)
            let pair = new Confusion(first, second, this[first, second], this[second, first])
            where pair.Images > 0
            select pair;
        return [.. pairs.OrderByDescending(pair => pair.Images).Take(most)];
    }
}
