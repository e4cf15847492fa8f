namespace Riffle.Evaluation;

/// <summary>Whether a network is right as often as it is sure.</summary>
public sealed class Calibration
{
    private const int Count = 15;

    private readonly (double Sure, int Right, int Images)[] _bins = new (double, int, int)[Count];

    /// <summary>The bins that have images, from the least sure: how many, the mean probability of their predictions, and the share of right ones, both from 0
    /// to 1.</summary>
    public IReadOnlyList<(int Images, double Probability, double Right)> Bins =>
        [.. _bins.Where(bin => bin.Images > 0).Select(bin => (bin.Images, bin.Sure / bin.Images, bin.Right / (double)bin.Images))];

    /// <summary>
    /// The expected calibration error, from 0 to 1: the difference between the probability of the prediction and the share of right ones, in the mean over fifteen
    /// bins of equal width, each weighted by its images (Guo et al., "On Calibration of Modern Neural Networks", 2017). 0 without images.
    /// </summary>
    public double Error => _bins.Sum(bin => Math.Abs(bin.Sure - bin.Right)) / Math.Max(1, _bins.Sum(bin => bin.Images));

    /// <summary>Counts an image.</summary>
    /// <param name="label">Its class.</param>
    /// <param name="logits">One logit per class.</param>
    public void Add(int label, ReadOnlySpan<float> logits)
    {
        var predicted = ConfusionMatrix.Predicted(logits);
        var sure = Math.Exp(-Tally.CrossEntropy(logits, predicted));
        ref var bin = ref _bins[Math.Clamp((int)(sure * Count), 0, Count - 1)];
        bin = (bin.Sure + sure, bin.Right + (predicted == label ? 1 : 0), bin.Images + 1);
    }
}
