using Riffle.Data;
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
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancel = default)
    {
        SoftLabels.ViewLimits.Require(views, "number of views");
        augmentation.Check();
        Require(teachers, data);
        var size = teachers[0].ImageSize;
        var identity = new SoftLabelsIdentity(
            DatasetIdentity.Of(data), [.. teachers.Select(TeacherIdentity.Of)], size, augmentation, seed, views, Mirrored: true, Arithmetic.VectorBits, teachers[0].Fit);
        var labels = SoftLabels.Begun(folder, identity);
        if (labels?.Made == views)
            return labels;
        using var ensemble = new Ensemble(teachers, threads);
        labels ??= SoftLabels.Begin(folder, identity, () => Validate(ensemble, data, size, identity.Fit, threads, progress, cancel));
        var (images, classes) = (data.Count(Split.Train), data.Info.Classes.Length);
        var logits = SoftLabels.Allocate(images, classes);
        using var loader = Open(data, Split.Train, size, identity.Fit, augmentation, seed, threads, cancel);
        var (done, total) = ((long)labels.Made * images, (long)views * images);
        progress?.Report(new(WorkStage.Teaching, done, total, labels.Top1));
        while (labels.Made < views)
        {
            loader.StartEpoch(labels.Made);
            while (loader.TryNext(out var batch))
            {
                cancel.ThrowIfCancellationRequested();
                var batchLogits = ensemble.Predict(batch);
                for (var i = 0; i < batch.Count; i++)
                    batchLogits.Slice(i * classes, classes).CopyTo(logits.AsSpan(batch.Numbers[i] * classes));
                progress?.Report(new(WorkStage.Teaching, done += batch.Count, total, labels.Top1));
            }

            labels = labels.With(logits);
        }

        return labels;
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
        Dataset data, Split split, int imageSize, FitKind fit, Augmentation? augmentation, ulong seed, int threads, CancellationToken cancel)
    {
        if (data.Count(split) == 0)
            throw new RiffleException($"{data.Directory}: the data set has no {split.Adjective()} images; prepare it again with some");
        if (data.FirstOfShard(split) is null)
            throw new RiffleException($"{data.Directory}: {DatasetFiles.Info} does not say how many images each shard has; prepare the data set again");
        return new(
            data, split, imageSize, ImageFit.SideForInference(imageSize, split == Split.Validation && fit != FitKind.Crop, data.Info), fit,
            Batch.ForInference(data.Count(split), imageSize), augmentation, shuffle: false, dropLast: false, seed, BatchLoader.ThreadsFor(threads),
            memoryBudgetBytes: null, progress: null, cancel);
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
