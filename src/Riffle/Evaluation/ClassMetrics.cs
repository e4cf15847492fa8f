namespace Riffle.Evaluation;

/// <summary>How well a network recognises one class.</summary>
/// <param name="Images">Images of the class.</param>
/// <param name="Predicted">Images of any class that were classified as it.</param>
/// <param name="Right">Images of the class that were classified as it.</param>
public sealed record ClassMetrics(int Images, int Predicted, int Right)
{
    /// <summary>The share of its images that are recognised, in percent; null if it has none.</summary>
    public double? Recall => Images == 0 ? null : 100.0 * Right / Images;

    /// <summary>The share of the images classified as it that are of it, in percent; null if there are none.</summary>
    public double? Precision => Predicted == 0 ? null : 100.0 * Right / Predicted;

    /// <summary>The harmonic mean of both, in percent; null if there is no image of either kind.</summary>
    public double? F1 => Images + Predicted == 0 ? null : 200.0 * Right / (Images + Predicted);
}
