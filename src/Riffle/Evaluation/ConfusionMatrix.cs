namespace Riffle.Evaluation;

/// <summary>Two classes that a network takes for each other.</summary>
/// <param name="First">A class.</param>
/// <param name="Second">Another one.</param>
/// <param name="FirstAsSecond">Images of the first that were taken for the second.</param>
/// <param name="SecondAsFirst">Images of the second that were taken for the first.</param>
public sealed record Confusion(int First, int Second, int FirstAsSecond, int SecondAsFirst)
{
    /// <summary>Images of either that were taken for the other.</summary>
    public int Images => FirstAsSecond + SecondAsFirst;
}

/// <summary>How often each class was taken for each.</summary>
/// <param name="classes">Number of classes, positive.</param>
public sealed class ConfusionMatrix(int classes)
{
    private readonly int[,] _images = new int[classes, classes];

    /// <summary>Images of a class that were taken for a class.</summary>
    public int this[int label, int predicted] => _images[label, predicted];

    /// <summary>Counts an image.</summary>
    /// <param name="label">Its class.</param>
    /// <param name="logits">One for each class; the highest is the prediction, of equal ones the first, as in top-1.</param>
    public void Add(int label, ReadOnlySpan<float> logits)
    {
        var predicted = 0;
        for (var i = 1; i < classes; i++)
        {
            if (logits[i] > logits[predicted])
                predicted = i;
        }

        _images[label, predicted]++;
    }

    /// <summary>The pairs of classes that are confused most, the worst first; of equal ones those of lower classes.</summary>
    /// <param name="most">Greatest number of pairs.</param>
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
