using System.Runtime.InteropServices;
using Riffle.Data;
using Riffle.Distribution;
using Riffle.Evaluation;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Distillation;

/// <summary>
/// Trained networks that make soft labels: the mean of their logits for every training image and its mirror image.
/// </summary>
public static class Teachers
{
    /// <summary>Makes soft labels for the training images of a data set, or continues after an interruption.</summary>
    /// <param name="folder">The folder of the labels: new, empty, or with an unfinished part of the same labels.</param>
    /// <param name="teachers">At least one; all with the same image size and fit, and with the data set's classes in the same order.</param>
    /// <param name="data">The data set.</param>
    /// <param name="augmentation">The augmentation, which a training with these labels uses too.</param>
    /// <param name="views">The number of views of each image, each augmented differently; see <see cref="SoftLabels.ViewLimits"/>. A training with more epochs
    /// sees their mirror images next.</param>
    /// <param name="seed">The seed of the augmentation.</param>
    /// <param name="threads">Threads that compute; 0: one per core. Does not change the result.</param>
    /// <param name="ranks">Processes that share the work; the others call <see cref="Assist"/>. Null: this one alone.</param>
    /// <param name="progress">Receives the images done at the start of each stage and after each batch: first of the validation images, to measure the
    /// accuracy of all teachers together, then of the training images.</param>
    /// <param name="cancel">Stops between batches; finished views are kept.</param>
    /// <exception cref="ArgumentException">The teachers do not fit each other or the data set.</exception>
    /// <exception cref="RiffleException">The data set has no images of a split or does not say how many its shards have, the labels do not fit into
    /// memory, or the folder has other content.</exception>
    /// <exception cref="BadDataException">The data set is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static SoftLabels Teach(
        string folder,
        IReadOnlyList<Model> teachers,
        Dataset data,
        Augmentation augmentation,
        int views,
        ulong seed = 0,
        int threads = 0,
        Ranks? ranks = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancel = default)
    {
        var identity = IdentityOf(teachers, data, augmentation, views, seed);
        var labels = SoftLabels.Begun(folder, identity);
        if (labels?.Made == views)
        {
            Made(ranks, views);
            return labels;
        }

        using var ensemble = new Ensemble(teachers, threads);
        labels ??= SoftLabels.Begin(folder, identity, () => Validate(
            ensemble, data, identity.ImageSize, identity.Fit, threads, progress, ranks is null ? cancel : CancellationToken.None)); // the others wait for the first
        Made(ranks, labels.Made);
        ranks?.RequireSame(Facts(identity));
        using var work = new Views(ensemble, data, identity, threads, ranks, cancel);
        var (images, total) = ((long)data.Count(Split.Train), (long)views * data.Count(Split.Train));
        progress?.Report(new(WorkStage.Teaching, labels.Made * images, total, labels.Top1));
        while (labels.Made < views)
        {
            var before = labels;
            labels = labels.With(work.Compute(
                labels.Made, done => progress?.Report(new(WorkStage.Teaching, before.Made * images + done, total, before.Top1)), cancel)!);
        }

        return labels;
    }

    /// <summary>Computes the share of another rank than the first, which calls <see cref="Teach"/> with the same teachers, data and settings.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="teachers">As there.</param>
    /// <param name="data">As there.</param>
    /// <param name="augmentation">As there.</param>
    /// <param name="views">As there.</param>
    /// <param name="seed">As there.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    /// <param name="cancel">Stops all ranks before the next view.</param>
    /// <exception cref="RiffleException">Another rank has something else, or can't be reached.</exception>
    /// <exception cref="OperationCanceledException">A rank was cancelled.</exception>
    public static void Assist(
        Ranks ranks, IReadOnlyList<Model> teachers, Dataset data, Augmentation augmentation, int views, ulong seed = 0, int threads = 0,
        CancellationToken cancel = default)
    {
        var identity = IdentityOf(teachers, data, augmentation, views, seed);
        var made = Made(ranks, 0);
        if (made == views)
            return;
        ranks.RequireSame(Facts(identity));
        using var ensemble = new Ensemble(teachers, threads);
        using var own = new Views(ensemble, data, identity, threads, ranks, cancel);
        for (; made < views; made++)
            own.Compute(made, _ => { }, cancel);
    }

    /// <summary>The finished views, as rank 0 knows.</summary>
    private static int Made(Ranks? ranks, int own) => ranks is null ? own : BitConverter.ToInt32(ranks.FromFirst(BitConverter.GetBytes(own)));

    private static (string, string)[] Facts(SoftLabelsIdentity identity) =>
        [("version of Riffle", RiffleVersion.Text), ("set of teachers, images or settings", identity.Fingerprint)];

    /// <summary>The identity of the soft labels that these teachers make.</summary>
    internal static SoftLabelsIdentity IdentityOf(IReadOnlyList<Model> teachers, Dataset data, Augmentation augmentation, int views, ulong seed)
    {
        SoftLabels.ViewLimits.Require(views, "number of views");
        augmentation.Check();
        Require(teachers, data);
        return new(
            DatasetIdentity.Of(data), [.. teachers.Select(TeacherIdentity.Of)], teachers[0].ImageSize, augmentation, seed, views, Mirrored: true,
            Arithmetic.VectorBits, teachers[0].Fit);
    }

    private static double Validate(
        Ensemble ensemble, Dataset data, int imageSize, FitKind fit, int threads, IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        var (tally, images, classes) = (default(Tally), data.Count(Split.Validation), data.Info.Classes.Length);
        progress?.Report(new(WorkStage.Evaluating, 0, images, Top1: 0));
        using var loader = Open(data, Split.Validation, imageSize, fit, null, seed: 0, threads, cancel);
        loader.StartEpoch(0);
        while (loader.TryNext(out var batch))
        {
            cancel.ThrowIfCancellationRequested();
            var batchLogits = ensemble.Predict(batch);
            for (var i = 0; i < batch.Count; i++)
                tally = tally.Plus(batchLogits.Slice(i * classes, classes), batch.Labels[i]);
            progress?.Report(new(WorkStage.Evaluating, tally.Images, images, tally.Mean().Top1));
        }

        return tally.Mean().Top1;
    }

    private static void Require(IReadOnlyList<Model> teachers, Dataset data)
    {
        if (teachers.Count == 0)
            throw new ArgumentException("give at least one teacher");
        foreach (var teacher in teachers)
        {
            if (teacher.ImageSize != teachers[0].ImageSize)
            {
                throw new ArgumentException($"{teachers[0].Name} has images of {teachers[0].ImageSize}×{teachers[0].ImageSize} pixels, but {teacher.Name} of "
                    + $"{teacher.ImageSize}×{teacher.ImageSize}; run 'riffle teach' separately for each");
            }

            if (teacher.Fit != teachers[0].Fit)
            {
                throw new ArgumentException($"{teachers[0].Name} has images that become squares by {teachers[0].Fit.Name()}, but {teacher.Name} by {teacher.Fit.Name()}; "
                    + "run 'riffle teach' separately for each");
            }

            if (!teacher.Classes.Select(c => c.Name).SequenceEqual(data.Info.Classes.Select(c => c.Name)))
            {
                throw new ArgumentException($"{teacher.Name} has {teacher.Classes.Count} classes, which are not the {data.Info.Classes.Length} of "
                    + $"{data.Directory} in the same order");
            }
        }
    }

    private static BatchLoader Open(
        Dataset data, Split split, int imageSize, FitKind fit, Augmentation? augmentation, ulong seed, int threads, CancellationToken cancel,
        bool readsPart = false)
    {
        if (data.Count(split) == 0)
            throw new RiffleException($"{data.Directory}: the data set has no {split.Adjective()} images; prepare it again with some");
        if (data.FirstOfShard(split) is null)
            throw new RiffleException($"{data.Directory}: {DatasetFiles.Info} does not say how many images each shard has; prepare the data set again");
        return new(
            data, split, imageSize, ImageFit.SideForInference(imageSize, split == Split.Validation && fit != FitKind.Crop, data.Info), fit,
            Batch.ForInference(data.Count(split), imageSize), augmentation, shuffle: false, dropLast: false, seed, BatchLoader.ThreadsFor(threads),
            memoryBudgetBytes: null, progress: null, cancel, readsPart: readsPart);
    }

    /// <summary>Computes views of the training images, all of them or, with several ranks, a run of batches.</summary>
    private sealed class Views : IDisposable
    {
        private readonly Ensemble _ensemble;
        private readonly Ranks? _ranks;
        private readonly BatchLoader _loader;
        private readonly int _classes, _batch;
        private readonly float[] _logits;

        public Views(Ensemble ensemble, Dataset data, SoftLabelsIdentity identity, int threads, Ranks? ranks, CancellationToken cancel)
        {
            var images = data.Count(Split.Train);
            (_ensemble, _ranks, _classes, _batch) = (ensemble, ranks, data.Info.Classes.Length, Batch.ForInference(images, identity.ImageSize));
            _logits = SoftLabels.Allocate(images, _classes);
            _loader = Open(data, Split.Train, identity.ImageSize, identity.Fit, identity.Augmentation, identity.Seed, threads, cancel, readsPart: ranks is not null);
        }

        /// <summary>The logits of a view, images×classes; null on all ranks but the first.</summary>
        public float[]? Compute(int view, Action<long> progress, CancellationToken cancel)
        {
            // One of several ranks that stops within a view would leave the others waiting.
            if (_ranks?.Any(cancel.IsCancellationRequested) == true)
                throw new OperationCanceledException(cancel);
            var (first, end) = ShareOf(_ranks?.Rank ?? 0);
            _loader.StartEpoch(view, first, endBatch: end);
            for (var done = 0L; _loader.TryNext(out var batch);)
            {
                if (_ranks is null)
                    cancel.ThrowIfCancellationRequested();
                var logits = _ensemble.Predict(batch);
                for (var i = 0; i < batch.Count; i++)
                    logits.Slice(i * _classes, _classes).CopyTo(_logits.AsSpan(batch.Numbers[i] * _classes));
                progress(_loader.Images * (done += batch.Count) / Math.Max(1, ImagesOf(first, end)));
            }

            if (_ranks is null)
                return _logits;

            // Images are in the order of the shards, so those of a rank lie side by side.
            Span<float> Of(int rank)
            {
                var (from, to) = ShareOf(rank);
                return _logits.AsSpan(from * _batch * _classes, ImagesOf(from, to) * _classes);
            }

            foreach (var (rank, bytes) in _ranks.Gather(_ranks.IsFirst ? [] : MemoryMarshal.AsBytes(Of(_ranks.Rank)).ToArray(), toFirst: true).Index().Skip(1))
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(Of(rank));
            return _ranks.IsFirst ? _logits : null;
        }

        public void Dispose() => _loader.Dispose();

        /// <summary>The batches of a rank.</summary>
        private (int First, int End) ShareOf(int rank)
        {
            var (batches, count) = ((long)_loader.BatchesPerEpoch, _ranks?.Count ?? 1);
            return ((int)(batches * rank / count), (int)(batches * (rank + 1) / count));
        }

        private int ImagesOf(int first, int end) => Math.Min(_loader.Images, end * _batch) - first * _batch;
    }

    /// <summary>The plans of all teachers.</summary>
    private sealed class Ensemble : IDisposable
    {
        private readonly List<(InferencePlan Plan, Normalisation Normalisation)> _members = [];
        private readonly float[] _logits, _mean;
        private readonly byte[] _mirrored;
        private readonly int _size;

        public Ensemble(IReadOnlyList<Model> teachers, int threads)
        {
            _size = teachers[0].ImageSize;
            var batch = Batch.ForInference(int.MaxValue, _size);
            try
            {
                foreach (var teacher in teachers)
                    _members.Add((new(teacher.Weights, batch, threads), teacher.Normalisation));
            }
            catch
            {
                Dispose();
                throw;
            }

            (_logits, _mean) = (new float[batch * teachers[0].Classes.Count], new float[batch * teachers[0].Classes.Count]);
            _mirrored = new byte[batch * _size * _size * 3];
        }

        /// <summary>The mean logits for a batch and its mirror image; valid until the next call.</summary>
        public ReadOnlySpan<float> Predict(Batch batch)
        {
            var image = _size * _size * 3;
            for (var i = 0; i < batch.Count; i++)
                Crop.Copy(batch.Pixels.Slice(i * image, image), _size, 0, 0, _size, mirrored: true, _mirrored.AsSpan(i * image, image));
            Array.Clear(_mean);
            foreach (var (plan, normalisation) in _members)
            {
                Add(plan, normalisation, batch.Pixels, batch.Count);
                Add(plan, normalisation, _mirrored.AsSpan(0, batch.Pixels.Length), batch.Count);
            }

            return _mean;
        }

        private void Add(InferencePlan plan, Normalisation normalisation, ReadOnlySpan<byte> pixels, int images)
        {
            plan.Run(pixels, images, normalisation, _logits);
            for (var i = 0; i < images * plan.Weights.Network.Classes; i++)
                _mean[i] += _logits[i] / (2 * _members.Count);
        }

        public void Dispose()
        {
            foreach (var (plan, _) in _members)
                plan.Dispose();
        }
    }
}
