using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Evaluation;

/// <summary>An image whose label may be wrong.</summary>
/// <param name="Split">Its split.</param>
/// <param name="Number">Its index in the split, from 0; −1 if <c>dataset.json</c> does not say how many images each shard has.</param>
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
            throw new RiffleException($"{data.Directory}: its images are baked, each several times, and would vouch for their own labels; check the data set without --bake");
        if (data.Info.Classes.Length < 2)
            throw new RiffleException($"{data.Directory}: has only one class, so that no label can be wrong");
        var part = NetworkPart.Features(model.Weights)
            ?? throw new RiffleException($"{model.Name}: its last layer does not read features of the whole image; use another network");
        var images = new Images(part, model, data, threads);
        images.Load(progress, cancel);
        var classes = data.Info.Classes.Length;
        var logits = LinearDiscriminant.OutOfFold(images.Features, images.Labels, classes, cancel);
        return Suspects(images, Probabilities(logits, images.Labels, classes), classes);
    }

    private static ImmutableArray<SuspectLabel> Suspects(Images images, float[] probabilities, int classes)
    {
        Span<float> Of(int i) => probabilities.AsSpan(checked(i * classes), classes);

        // The mean probability that a class gets from the images that have its label.
        var (sums, counts) = (new double[classes], new int[classes]);
        for (var i = 0; i < images.Labels.Length; i++)
        {
            sums[images.Labels[i]] += Of(i)[images.Labels[i]];
            counts[images.Labels[i]]++;
        }

        var found = new List<SuspectLabel>();
        for (var i = 0; i < images.Labels.Length; i++)
        {
            var own = Of(i);
            var (label, suggested) = (images.Labels[i], -1);
            for (var k = 0; k < classes; k++)
            {
                if (k != label && (suggested < 0 || own[k] > own[suggested]))
                    suggested = k;
            }

            if (own[suggested] > own[label])
                found.Add(new(images.Splits[i], images.Numbers[i], label, suggested, own[label], own[suggested], own[suggested] >= sums[suggested] / Math.Max(1, counts[suggested])));
        }

        return
        [
            .. found.OrderByDescending(suspect => suspect.IsConfident).ThenBy(suspect => suspect.OfLabel - suspect.OfSuggested)
                .Take(Math.Max(FewestListed, found.Count(suspect => suspect.IsConfident))),
        ];
    }

    /// <summary>Softmax of the logits at the temperature at which the labels are most probable (Guo et al., "On Calibration of Modern Neural Networks", 2017).</summary>
    private static float[] Probabilities(float[] logits, int[] labels, int classes)
    {
        // The loss has one minimum over the temperature's logarithm: golden section search.
        const double Ratio = 0.6180339887498949;
        var (low, high) = (Math.Log(0.1), Math.Log(100));
        for (var step = 0; step < 20; step++)
        {
            var (left, right) = (high - (Ratio * (high - low)), low + (Ratio * (high - low)));
            if (Loss(Math.Exp(left)) < Loss(Math.Exp(right)))
                high = right;
            else
                low = left;
        }

        var temperature = Math.Exp((low + high) / 2);
        var result = new float[logits.Length];
        Parallel.For(0, labels.Length, i =>
        {
            var from = logits.AsSpan(i * classes, classes);
            var to = result.AsSpan(i * classes, classes);
            double highest = float.NegativeInfinity, sum = 0;
            foreach (var logit in from)
                highest = Math.Max(highest, logit);
            foreach (var logit in from)
                sum += Math.Exp((logit - highest) / temperature);
            for (var k = 0; k < classes; k++)
                to[k] = (float)(Math.Exp((from[k] - highest) / temperature) / sum);
        });
        return result;

        double Loss(double temperature)
        {
            var losses = new double[labels.Length];
            Parallel.For(0, labels.Length, i =>
            {
                var from = logits.AsSpan(i * classes, classes);
                double highest = float.NegativeInfinity, sum = 0;
                foreach (var logit in from)
                    highest = Math.Max(highest, logit);
                foreach (var logit in from)
                    sum += Math.Exp((logit - highest) / temperature);
                losses[i] = Math.Log(sum) - ((Math.Max(from[labels[i]], highest - 1e4) - highest) / temperature);
            });
            return losses.Sum();
        }
    }

    /// <summary>All images of a data set as their features.</summary>
    private sealed class Images
    {
        private readonly Weights _part;
        private readonly Model _model;
        private readonly Dataset _data;
        private readonly int _threads;

        public Images(Weights part, Model model, Dataset data, int threads)
        {
            (_part, _model, _data, _threads) = (part, model, data, threads);
            var count = data.Count(Split.Train) + data.Count(Split.Validation);
            var values = (long)count * part.Network.Classes;
            if (values > Array.MaxLength || (long)count * data.Info.Classes.Length > Array.MaxLength || values * sizeof(float) > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2)
                throw new RiffleException($"not enough memory for {part.Network.Classes:N0} features of each of {count:N0} images; use a network with fewer");
            (Features, Labels, Numbers, Splits) = (new float[values], new int[count], new int[count], new Split[count]);
        }

        public float[] Features { get; }

        public int[] Labels { get; }

        public int[] Numbers { get; }

        public Split[] Splits { get; }

        public void Load(IProgress<WorkProgress>? progress, CancellationToken cancel)
        {
            var (size, width, done) = (_model.ImageSize, _part.Network.Classes, 0);
            var batch = Batch.ForInference(Labels.Length, size);
            using var plan = new InferencePlan(_part, batch, _threads);
            var side = _model.TakesBakedImages ? size : ImageFit.StoredSide(size);
            foreach (var split in new[] { Split.Train, Split.Validation }.Where(split => _data.Count(split) > 0))
            {
                // Each image is needed once, so none is kept.
                using var loader = new BatchLoader(
                    _data, split, size, side, batch, augmentation: null, shuffle: false, dropLast: false, seed: 0, BatchLoader.ThreadsFor(_threads),
                    memoryBudgetBytes: 0, progress: null, cancel);
                loader.StartEpoch(0);
                while (loader.TryNext(out var images))
                {
                    cancel.ThrowIfCancellationRequested();
                    plan.Run(images.Pixels, images.Count, _model.Normalisation, Features.AsSpan(done * width, images.Count * width));
                    images.Labels.CopyTo(Labels.AsSpan(done));
                    images.Numbers.CopyTo(Numbers.AsSpan(done));
                    Splits.AsSpan(done, images.Count).Fill(split);
                    done += images.Count;
                    progress?.Report(new(WorkStage.Judging, done, Labels.Length));
                }
            }
        }
    }
}
