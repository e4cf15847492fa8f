using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Models;

namespace Riffle.Learning;

/// <summary>How often networks are right on images that they were not trained on: each is trained on all but one fold of the images and judged on that fold.</summary>
/// <param name="Right">Images that were recognised, over all folds.</param>
/// <param name="Images">Images of all folds.</param>
public sealed record CrossValidation(int Right, int Images)
{
    /// <summary>The number of folds that <c>riffle learn</c> makes.</summary>
    public const int Folds = 5;

    /// <summary>Top-1 in percent.</summary>
    public double Top1 => 100.0 * Right / Images;

    /// <summary>The range in which it lies with 95 % confidence.</summary>
    public Interval Interval => Interval.Of(Right, Images);

    /// <summary>Whether a data set has so few validation images, set aside from training images, that it is worth while.</summary>
    /// <param name="data">The data set.</param>
    public static bool IsOfUse(DatasetInfo data) => data is { ValidationFraction: 1.0 / Folds, TestFraction: null, AddedTo: null, Validation: > 0 and < 200 };

    /// <summary>Adds up the folds. The epoch of each is the one after which the other folds are right most often, so that no image judges a network that was chosen by it.
    /// </summary>
    /// <param name="folds">The training of each fold, and its number of validation images.</param>
    /// <exception cref="ArgumentException">There are fewer than two folds, or one without a finished epoch.</exception>
    public static CrossValidation Of(IReadOnlyList<(TrainingRecord Training, int Images)> folds)
    {
        int[][] right = [.. folds.Select(fold => fold.Training.Epochs.Select(epoch => (int)Math.Round(epoch.Validation.Top1 * fold.Images / 100)).ToArray())];
        if (right.Length < 2 || right.Any(fold => fold.Length == 0))
            throw new ArgumentException("cross-validation needs two folds with an epoch each");
        var epochs = right.Min(fold => fold.Length);
        var total = 0;
        foreach (var fold in right)
        {
            var best = Enumerable.Range(0, epochs).MaxBy(epoch => right.Where(other => other != fold).Sum(other => other[epoch]));
            total += fold[best];
        }

        return new(total, folds.Sum(fold => fold.Images));
    }
}
