using System.Collections.Immutable;
using Riffle.Data;

namespace Riffle.Evaluation;

/// <summary>An image whose label may be wrong.</summary>
/// <param name="Split">Its split.</param>
/// <param name="Number">Its index in the split, from 0.</param>
/// <param name="Label">Its label, as an index of the data set's classes.</param>
/// <param name="Suggested">The class that it looks like.</param>
/// <param name="OfLabel">The probability of its label, judged by images other than itself; from 0 to 1.</param>
/// <param name="OfSuggested">That of the suggested class.</param>
/// <param name="IsConfident">Whether it is probably wrong; otherwise it is in doubt.</param>
public sealed record SuspectLabel(Split Split, int Number, int Label, int Suggested, double OfLabel, double OfSuggested, bool IsConfident);

/// <summary>
/// Finds labels that are probably wrong by confident learning (Northcutt et al., "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021): each
/// image is judged by what a network sees in it and by a classifier that was fitted without it. Its label is in doubt if another class is more probable. It
/// is probably wrong if that class gets at least the probability that it gets from its own images in the mean.
/// </summary>
public static class LabelCheck
{
    /// <summary>So many labels are looked through in some minutes, and cost little where few are wrong.</summary>
    private const int FewestListed = 200;

    /// <summary>Checks the labels of both splits.</summary>
    /// <param name="model">The network whose features are used: what its last layer reads. It may have other classes than the data set. One that was trained on
    /// the same images has learnt some of their wrong labels by heart; it finds fewer of them.</param>
    /// <param name="data">The data set, with at least two classes.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    /// <param name="progress">Receives the number of images done.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <returns>All labels that are probably wrong, the most probably first; then, up to 200 in all, those that are in doubt.</returns>
    /// <exception cref="RiffleException">The network's last layer is no classifier of features; the images are baked, so that each comes several times; there is only one class; or there is not
    /// enough memory.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ImmutableArray<SuspectLabel> Run(
        Model model, Dataset data, int threads = 0, IProgress<WorkProgress>? progress = null, CancellationToken cancel = default)
    {
        if (data.Info.Baking is not null)
            throw new RiffleException($"{data.Directory}: its images are baked, each several times, and would vouch for their own labels; check a data set of the original images");
        if (data.Info.Classes.Length < 2)
            throw new RiffleException($"{data.Directory}: has only one class, so that no label can be wrong");
        var features = FeatureTable.Of(model, data, [Split.Train, Split.Validation], threads, progress: progress, cancel: cancel);
        var (labels, classes) = (features.Labels.ToArray(), data.Info.Classes.Length);
        if ((long)labels.Length * classes > Array.MaxLength)
            throw new RiffleException($"{data.Directory}: {classes:N0} classes of {labels.Length:N0} images don't fit into memory");
        var logits = LinearDiscriminant.OutOfFold(features.Values, labels, classes, cancel);
        var temperature = Temperature.Fit(logits, labels, classes);
        Parallel.For(0, labels.Length, i => Temperature.Softmax(logits.AsSpan(i * classes, classes), temperature, logits.AsSpan(i * classes, classes)));
        return Suspects(data, labels, logits, classes);
    }

    private static ImmutableArray<SuspectLabel> Suspects(Dataset data, int[] labels, float[] probabilities, int classes)
    {
        Span<float> Of(int i) => probabilities.AsSpan(checked(i * classes), classes);

        // The mean probability that a class gets from the images that have its label.
        var (sums, counts) = (new double[classes], new int[classes]);
        for (var i = 0; i < labels.Length; i++)
        {
            sums[labels[i]] += Of(i)[labels[i]];
            counts[labels[i]]++;
        }

        var (found, training) = (new List<SuspectLabel>(), data.Count(Split.Train));
        for (var i = 0; i < labels.Length; i++)
        {
            var own = Of(i);
            var (label, suggested) = (labels[i], -1);
            for (var k = 0; k < classes; k++)
            {
                if (k != label && (suggested < 0 || own[k] > own[suggested]))
                    suggested = k;
            }

            if (own[suggested] > own[label])
                found.Add(new(i < training ? Split.Train : Split.Validation, i < training ? i : i - training, label, suggested, own[label], own[suggested], own[suggested] >= sums[suggested] / Math.Max(1, counts[suggested])));
        }

        return
        [
            .. found.OrderByDescending(suspect => suspect.IsConfident).ThenBy(suspect => suspect.OfLabel - suspect.OfSuggested)
                .Take(Math.Max(FewestListed, found.Count(suspect => suspect.IsConfident))),
        ];
    }
}
