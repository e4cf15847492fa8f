using System.Collections;

namespace Riffle;

/// <summary>The most likely classes of an image, the likeliest first, and how far they can be trusted.</summary>
/// <param name="predictions">The likeliest first; among equal ones, the lower index first.</param>
/// <param name="verdict">Null if the model has no <see cref="Doubt"/>.</param>
public sealed class Classification(IReadOnlyList<Prediction> predictions, Verdict? verdict) : IReadOnlyList<Prediction>
{
    /// <summary>Whether the network is sure; null if the model has no <see cref="Doubt"/>, because it was never fitted to validation images.</summary>
    public Verdict? Verdict { get; } = verdict;

    /// <summary>The likeliest class.</summary>
    public Prediction Best => predictions[0];

    /// <inheritdoc/>
    public int Count => predictions.Count;

    /// <inheritdoc/>
    public Prediction this[int index] => predictions[index];

    /// <inheritdoc/>
    public IEnumerator<Prediction> GetEnumerator() => predictions.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
