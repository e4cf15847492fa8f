using System.Collections.Immutable;
using System.Diagnostics;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Measurement;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Learning;

/// <summary>A way to train a classifier for a data set: the weights to start from, and the size of images.</summary>
/// <param name="Start">The weights to start from.</param>
/// <param name="ImageSize">Height and width of the network's input in pixels.</param>
/// <param name="Measured">How well the features tell the classes apart as they are: cross-validated on training images.</param>
/// <param name="Epoch">The expected time of an epoch of training all layers, with its validation.</param>
public sealed record LearningCandidate(FineTuning Start, int ImageSize, Metrics Measured, TimeSpan Epoch);

/// <summary>How <c>riffle learn</c> trains a classifier: what it starts from, at which size and how long, chosen by the data and the time.</summary>
/// <param name="Chosen">The candidate with the lowest loss among those that the time is enough for.</param>
/// <param name="Candidates">All candidates that were measured.</param>
/// <param name="Recipe">The recipe, with as many epochs as there is time for.</param>
public sealed record LearningPlan(LearningCandidate Chosen, ImmutableArray<LearningCandidate> Candidates, Recipe Recipe)
{
    /// <summary>Images that candidates are compared with: more would change the choice little and take longer.</summary>
    private const int ImagesToCompare = 1000;

    /// <summary>Epochs that a candidate must have time for, and the most that are of use.</summary>
    private const int FewestEpochs = 6, MostEpochs = 30;

    /// <summary>How many times as many images a class may have as another before all are counted alike.</summary>
    private const int MostUneven = 3;

    /// <summary>Part of the time that may go into epochs; the rest is for what comes before and after them, and for a machine that becomes slower.</summary>
    private const double TimeForEpochs = 0.8;

    /// <summary>Sizes to try, in shares of the size that the weights were trained at.</summary>
    private static readonly double[] Sizes = [5 / 7.0, 1, 10 / 7.0, 2];

    /// <summary>Makes a plan.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="starts">Weights that training may start from, at least one.</param>
    /// <param name="time">The time that is left for everything.</param>
    /// <param name="keepSize">Whether to keep the image size that weights were trained at.</param>
    /// <param name="fit">How images that are not square become squares; null: as for each start.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    /// <param name="progress">Receives the number of images done, over all candidates; some may be left out, so it may end before the total.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="ArgumentException">There are no weights to start from.</exception>
    /// <exception cref="BadDataException">The data set is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static LearningPlan Make(
        Dataset data, IReadOnlyList<FineTuning> starts, TimeSpan time, bool keepSize = false, FitKind? fit = null, int threads = 0,
        IProgress<WorkProgress>? progress = null, CancellationToken cancel = default)
    {
        if (starts.Count == 0)
            throw new ArgumentException("there are no weights to start from");
        var clock = Stopwatch.StartNew();
        var images = Math.Min(ImagesToCompare, data.Count(Split.Train));
        var candidates = new List<LearningCandidate>();
        foreach (var start in starts)
        {
            foreach (var size in keepSize ? [start.Checkpoint.Spec.ImageSize] : SizesFor(start, data))
            {
                // Larger images take longer still.
                var network = start.Network(data.Info.Classes.Length, size);
                var epoch = TimeOfEpoch(network, data, threads, cancel);
                if (candidates.Count > 0 && epoch * FewestEpochs > (time - clock.Elapsed) * TimeForEpochs)
                    break;
                var part = progress is null ? null : new PartOfWork(progress, (long)candidates.Count * images, (long)starts.Count * Sizes.Length * images);
                candidates.Add(new(start, size, Measure(start, network, fit ?? start.Checkpoint.Fit, data, threads, part, cancel), epoch));
            }
        }

        var left = (time - clock.Elapsed) * TimeForEpochs;
        var feasible = candidates.Where(candidate => candidate.Epoch * FewestEpochs <= left).ToArray();
        var chosen = feasible.Length > 0 ? feasible.MinBy(candidate => candidate.Measured.Loss)! : candidates.MinBy(candidate => candidate.Epoch)!;
        var epochs = (int)Math.Clamp(left / chosen.Epoch, 1, MostEpochs);
        var recipe = Recipe.FineTune.FitTo(chosen.Start.Network(data.Info.Classes.Length, chosen.ImageSize), data.Count(Split.Train), data.Info.Baking is not null);
        return new(chosen, [.. candidates], recipe with
        {
            Epochs = epochs,
            Fit = fit ?? chosen.Start.Checkpoint.Fit,
            Balanced = IsUneven(data),
            Schedule = recipe.Schedule with { StopAfter = Math.Max(FewestEpochs, epochs / 3) },
        });
    }

    private static bool IsUneven(Dataset data)
    {
        var counts = data.Info.TrainPerClass.Where(count => count > 0).ToArray();
        return counts.Length > 0 && counts.Max() > MostUneven * counts.Min();
    }

    /// <summary>The sizes to try, the smallest first: no larger than the photos are.</summary>
    private static IEnumerable<int> SizesFor(FineTuning start, Dataset data)
    {
        var photos = data.Info.Sizes is { } sizes ? Math.Min(sizes.CommonWidth, sizes.CommonHeight) : int.MaxValue;
        var trained = start.Checkpoint.Spec.ImageSize;
        return Sizes.Select(share => (int)Math.Round(trained * share / 8) * 8).Where(size => size <= trained || ImageFit.StoredSide(size) <= photos * 5 / 4);
    }

    private static TimeSpan TimeOfEpoch(NetworkSpec network, Dataset data, int threads, CancellationToken cancel)
    {
        var benchmark = NetworkBenchmark.Of(NetworkCatalogue.Build(network), TimeSpan.FromSeconds(0.1));
        var (train, validation) = (data.Count(Split.Train), data.Count(Split.Validation));
        const int Batch = 32;
        return TimeSpan.FromSeconds(
            train / benchmark.Training(Math.Min(Batch, train), threads, cancel).ImagesPerSecond
            + validation / benchmark.Inference(Math.Clamp(validation, 1, Batch), threads, cancel).ImagesPerSecond);
    }

    private static Metrics Measure(
        FineTuning start, NetworkSpec network, FitKind fit, Dataset data, int threads, IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        var weights = new Weights(NetworkCatalogue.Build(network));
        start.Begin(weights, network, data.Info.Classes);
        var features = FeatureTable.Of(
            new(weights, data.Info.Classes, start.Checkpoint.Normalisation) { Fit = fit }, data, [Split.Train], threads, ImagesToCompare, progress, cancel);
        return ClassifierFit.CrossValidate(features, network.Classes, threads, cancel: cancel).Measured;
    }
}
