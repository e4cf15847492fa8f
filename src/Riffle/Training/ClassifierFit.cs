using Riffle.Evaluation;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>
/// Fits a network's classifier to its features as they are, before the network is trained. A new classifier starts from random numbers otherwise, and the features would
/// be changed by its first wrong gradients.
/// </summary>
internal static class ClassifierFit
{
    /// <summary>Folds of the cross-validation.</summary>
    private const int Folds = 5;

    /// <summary>Most products of an iteration; with more images than that takes, every second, third … is used.</summary>
    private const double MostWork = 4e8;

    /// <summary>Strengths of L2 to choose from, the strongest first.</summary>
    private static readonly double[] Decays = [0.3, 0.1, 0.03, 0.01, 0.003, 0.001];

    /// <summary>How well the classes can be told apart by the features.</summary>
    /// <param name="Decay">The strength of L2 with the lowest loss.</param>
    /// <param name="Measured">Loss and accuracy of classifiers on images that they were not fitted to (cross-validation).</param>
    public readonly record struct Separation(double Decay, Metrics Measured);

    /// <summary>Chooses the strength of L2 by cross-validation.</summary>
    /// <param name="features">The features of the training images.</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="threads">Threads that compute; the result does not depend on it.</param>
    /// <param name="progress">Gets the classifiers that were fitted.</param>
    /// <param name="cancel">Stops it.</param>
    public static Separation CrossValidate(FeatureTable features, int classes, int threads, IProgress<WorkProgress>? progress = null, CancellationToken cancel = default)
    {
        var (best, fitted) = (default(Separation?), 0);
        void Count() => progress?.Report(new(WorkStage.Fitting, ++fitted, Decays.Length * Folds));
        foreach (var decay in Decays)
        {
            var measured = CrossValidate(features, classes, decay, threads, Count, cancel);
            if (best is { } other && measured.Loss >= other.Measured.Loss)
                break;
            best = new(decay, measured);
        }

        return best!.Value;
    }

    /// <summary>Fits the classifier of a network in place.</summary>
    /// <param name="weights">The network; only its last layer changes.</param>
    /// <param name="features">The features of the training images.</param>
    /// <param name="decay">The strength of L2.</param>
    /// <param name="threads">Threads that compute; the result does not depend on it.</param>
    /// <param name="cancel">Stops it.</param>
    public static void Apply(Weights weights, FeatureTable features, double decay, int threads, CancellationToken cancel)
    {
        var (kernel, bias) = SoftmaxRegression.Fit(features, Sample(features, weights.Network.Classes), weights.Network.Classes, decay, threads, cancel);
        foreach (var p in weights.Network.Layers[^1].Parameters)
            (p.Kind == ParameterKind.Kernel ? kernel : bias).CopyTo(weights[p.Name]);
    }

    private static Metrics CrossValidate(FeatureTable features, int classes, double decay, int threads, Action fitted, CancellationToken cancel)
    {
        var images = Sample(features, classes);
        var (tally, logits) = (default(Tally), new float[classes]);
        for (var fold = 0; fold < Math.Min(Folds, images.Length); fold++)
        {
            var (rest, held) = (images.Where((_, i) => i % Folds != fold).ToArray(), images.Where((_, i) => i % Folds == fold));
            if (rest.Length == 0)
                continue;
            var (kernel, bias) = SoftmaxRegression.Fit(features, rest, classes, decay, threads, cancel);
            fitted();
            foreach (var image in held)
            {
                SoftmaxRegression.Logits(features[image], kernel, bias, logits);
                tally = tally.Plus(logits, features.Labels[image]);
            }
        }

        return tally.Mean();
    }

    /// <summary>Evenly from all images, whose order is random.</summary>
    private static int[] Sample(FeatureTable features, int classes)
    {
        var step = Math.Max(1, (int)Math.Ceiling((double)features.Images * features.Width * classes / MostWork));
        return [.. Enumerable.Range(0, features.Images).Where(i => i % step == 0)];
    }
}
