namespace Riffle.Evaluation;

/// <summary>An image that was taken for another class than its own.</summary>
/// <param name="Label">Its class.</param>
/// <param name="Guess">What it was taken for.</param>
/// <param name="Probability">How sure the network was, from 0 to 1.</param>
/// <param name="Pixels">Its pixels as the network saw them: row by row, red first.</param>
internal sealed record Mistake(int Label, int Guess, float Probability, byte[] Pixels);

/// <summary>Keeps the mistakes of which a network was surest: hard images, and labels that are wrong.</summary>
/// <param name="most">How many to keep.</param>
internal sealed class Mistakes(int most)
{
    private readonly List<Mistake> _kept = [];

    /// <summary>The surest first; of equal ones the one that came first.</summary>
    public IReadOnlyList<Mistake> Kept => _kept;

    /// <summary>Looks at an image; copies its pixels only if it is kept.</summary>
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
