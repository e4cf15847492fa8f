namespace Riffle.Evaluation;

/// <summary>A misclassified image.</summary>
/// <param name="Label">Its class.</param>
/// <param name="Guess">The predicted class.</param>
/// <param name="Probability">The probability of the predicted class, from 0 to 1.</param>
/// <param name="Pixels">The pixels that the network saw: row by row, red first.</param>
internal sealed record Mistake(int Label, int Guess, float Probability, byte[] Pixels);

/// <summary>Keeps the misclassified images with the highest confidence: hard images, or wrong labels.</summary>
/// <param name="most">The maximum number to keep.</param>
internal sealed class Mistakes(int most)
{
    private readonly List<Mistake> _kept = [];

    /// <summary>The most confident first; among equal ones, in their order of arrival.</summary>
    public IReadOnlyList<Mistake> Kept => _kept;

    /// <summary>Adds an image if it is among the most confident mistakes. Copies its pixels only then.</summary>
    public void Add(ReadOnlySpan<float> logits, int label, ReadOnlySpan<byte> pixels)
    {
        var guess = 0;
        for (var c = 1; c < logits.Length; c++)
        {
            if (logits[c] > logits[guess])
                guess = c;
        }

        if (guess == label)
            return;
        var probability = (float)Math.Exp(-Tally.CrossEntropy(logits, guess));
        var place = _kept.FindIndex(kept => probability > kept.Probability);
        if (place < 0 && _kept.Count == most)
            return;
        _kept.Insert(place < 0 ? _kept.Count : place, new(label, guess, probability, pixels.ToArray()));
        if (_kept.Count > most)
            _kept.RemoveAt(most);
    }
}
