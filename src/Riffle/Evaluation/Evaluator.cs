using System.Runtime.InteropServices;
using Riffle.Data;
using Riffle.Distribution;
using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Evaluation;

/// <summary>The result of evaluating a network on one split of a data set.</summary>
/// <param name="Model">The network's name.</param>
/// <param name="Images">The number of images; each counts once.</param>
/// <param name="Top1">In percent.</param>
/// <param name="Top5">In percent.</param>
/// <param name="Loss">Mean softmax cross-entropy.</param>
public sealed record EvaluationResult(string Model, int Images, double Top1, double Top5, double Loss)
{
    /// <summary>The split that was measured.</summary>
    public Split Split { get; init; } = Split.Validation;
}

/// <summary>Evaluates weights on all validation images, or all of another split, each once, without augmentation.</summary>
public sealed class Evaluator : IDisposable
{
    private readonly InferencePlan _plan;
    private readonly BatchLoader _loader;
    private readonly string _directory;
    private readonly Split _split;
    private readonly Normalisation _normalisation;
    private readonly int[] _classOf;
    private readonly float[] _logits, _features;
    private readonly Ranks? _ranks;
    private readonly int _firstBatch, _endBatch;
    private bool _isDisposed;

    /// <summary>Creates an evaluator.</summary>
    /// <param name="weights">The weights; each run uses their current values.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="classes">The classes of the logits. Every class of the data set must be among them by name.</param>
    /// <param name="data">The data set.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    /// <param name="imageMemory">The maximum memory for decoded images in bytes; null: a quarter of the machine's. If they don't fit, each run reads them again.</param>
    /// <param name="progress">Receives the number of decoded images, if they are decoded ahead.</param>
    /// <param name="cancel">Stops the decoding.</param>
    /// <exception cref="RiffleException">The data set has no validation images, or a class that the network does not have.</exception>
    public Evaluator(
        Weights weights,
        Normalisation normalisation,
        IReadOnlyList<DatasetClass> classes,
        Dataset data,
        int threads = 0,
        long? imageMemory = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancel = default)
        : this(weights, normalisation, classes, data, Split.Validation, isWhole: false, FitKind.Crop, threads, imageMemory, progress, cancel)
    {
    }

    /// <summary>The same for a split, and for images that become squares in another way; and for ranks that share the images, each of which it then evaluates a
    /// run of batches. All ranks get the same results, with the bits of one process.</summary>
    internal Evaluator(
        Weights weights, Normalisation normalisation, IReadOnlyList<DatasetClass> classes, Dataset data, Split split, bool isWhole, FitKind fit, int threads,
        long? imageMemory, IProgress<WorkProgress>? progress, CancellationToken cancel, Ranks? ranks = null)
    {
        Images = data.Count(split);
        if (Images == 0)
        {
            var (option, least) = split == Split.Test ? ("test-fraction", "three") : ("validation-fraction", "two");
            throw new RiffleException($"{data.Directory}: the data set has no {split.Adjective()} images.")
            {
                CommandLineAdvice = $"Prepare it again with --{option} 0.1 (a class needs at least {least} images).",
            };
        }

        _classOf = Match(classes, data);
        (_normalisation, _directory, _split) = (normalisation, data.Directory, split);
        var size = weights.Network.Input.Height;
        var batch = Batch.ForInference(Images, size);

        // The training images of a run get half of the memory.
        var memory = imageMemory ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4;
        var side = ImageFit.SideForInference(size, isWhole, data.Info);
        _ranks = ranks;
        _loader = new(
            data, split, size, side, fit, batch, augmentation: null, shuffle: false, dropLast: false, seed: 0,
            BatchLoader.ThreadsFor(threads), memory, progress, cancel, readsPart: ranks is not null);
        var (batches, rank, count) = ((long)_loader.BatchesPerEpoch, ranks?.Rank ?? 0, ranks?.Count ?? 1);
        (_firstBatch, _endBatch) = ((int)(batches * rank / count), (int)(batches * (rank + 1) / count));
        OwnImages = Math.Min(Images, _endBatch * batch) - _firstBatch * batch;
        try
        {
            _logits = new float[batch * weights.Network.Classes];
            _plan = new(weights, batch, threads);
            _features = new float[batch * _plan.Features];
        }
        catch
        {
            _loader.Dispose();
            throw;
        }
    }

    /// <summary>Number of images of the split.</summary>
    public int Images => Live(field);

    /// <summary>The images that are evaluated here; fewer than all if ranks share them.</summary>
    private int OwnImages { get; }

    /// <summary>Where the loss of the last run became NaN or infinite; null if it did not.</summary>
    internal NonFinite? NonFinite { get; private set; }

    /// <summary>Evaluates a model on a data set.</summary>
    /// <param name="model">The network.</param>
    /// <param name="data">The data set.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    /// <param name="confusions">Counts the predictions of each class; must have as many classes as the network.</param>
    /// <param name="calibration">Compares how sure the network is with how often it is right.</param>
    /// <param name="split">The split to measure.</param>
    /// <param name="doubt">Collects what a doubt is fitted to.</param>
    /// <param name="progress">Receives the number of images done.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="RiffleException">The data set has no images in the split, or a class that the network does not have, or the loss is NaN or infinite.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static EvaluationResult Evaluate(
        Model model,
        Dataset data,
        int threads = 0,
        ConfusionMatrix? confusions = null,
        Calibration? calibration = null,
        Split split = Split.Validation,
        DoubtFit? doubt = null,
        IProgress<WorkProgress>? progress = null,
        CancellationToken cancel = default) =>
        Evaluate(model, data, split, threads, confusions, calibration, [], doubt, progress, cancel);

    /// <summary>The same, and keeps images that rank high.</summary>
    internal static EvaluationResult Evaluate(
        Model model, Dataset data, Split split, int threads, ConfusionMatrix? confusions, Calibration? calibration, RankedImages[] ranked, DoubtFit? doubt,
        IProgress<WorkProgress>? progress, CancellationToken cancel)
    {
        using var evaluator = new Evaluator(
            model.Weights, model.Normalisation, model.Classes, data, split, model.SeesWhole, model.Fit, threads, imageMemory: null, progress: null, cancel);
        var (loss, top1, top5) = evaluator.Run(confusions, calibration, ranked, progress, cancel, doubt);
        if (evaluator.NonFinite is { } found)
            throw new RiffleException($"{model.Name}: the loss is {loss}, because layer {found.Layer.Name} produced {found.Value}. Use another checkpoint.");
        return new(model.Name, evaluator.Images, top1, top5, loss) { Split = split };
    }

    /// <summary>Evaluates the current weights.</summary>
    /// <param name="confusions">Counts the predictions of each class; must have as many classes as the network.</param>
    /// <param name="progress">Receives the number of images done.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Metrics Run(ConfusionMatrix? confusions = null, IProgress<WorkProgress>? progress = null, CancellationToken cancel = default) =>
        Run(confusions, calibration: null, [], progress, cancel);

    /// <summary>Fits a doubt to the current weights.</summary>
    internal Doubt FitDoubt()
    {
        var fit = new DoubtFit(_plan.Weights.Network.Classes, Images);
        Run(confusions: null, calibration: null, [], progress: null, CancellationToken.None, fit);
        return fit.Fit();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        _plan.Dispose();
        _loader.Dispose();
    }

    private T Live<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return value;
    }

    /// <summary>The same, and keeps images that rank high and what a doubt is fitted to.</summary>
    internal Metrics Run(
        ConfusionMatrix? confusions, Calibration? calibration, RankedImages[] ranked, IProgress<WorkProgress>? progress, CancellationToken cancel,
        DoubtFit? doubt = null)
    {
        var tally = default(Tally);
        NonFinite = null;
        _plan.Refresh();
        var classes = _plan.Weights.Network.Classes;
        var own = _ranks is null ? null : new List<ImageResult>();
        _loader.StartEpoch(0, _firstBatch, endBatch: _endBatch);
        while (_loader.TryNext(out var batch))
        {
            cancel.ThrowIfCancellationRequested();
            _plan.Run(batch.Pixels, batch.Count, _normalisation, _logits, doubt is null ? [] : _features);
            for (var i = 0; i < batch.Count; i++)
            {
                var logits = _logits.AsSpan(i * classes, classes);
                var label = _classOf[batch.Labels[i]];
                tally = tally.Plus(logits, label);
                own?.Add(new(Tally.CrossEntropy(logits, label), Tally.Rank(logits, label), label, ConfusionMatrix.Predicted(logits)));
                confusions?.Add(label, logits);
                calibration?.Add(label, logits);
                doubt?.Add(label, logits, _features.AsSpan(i * _plan.Features, _plan.Features));
                foreach (var images in ranked)
                    images.Add(logits, label, batch.Numbers[i], batch.Pixels.Slice(i * batch.ImageBytes, batch.ImageBytes));
            }

            if (NonFinite is null && !double.IsFinite(tally.LossSum))
                NonFinite = _plan.FirstNonFinite(batch.Pixels, batch.Count, _normalisation);

            progress?.Report(new(WorkStage.Evaluating, tally.Images, OwnImages, tally.Mean().Top1));
        }

        if (own is not null)
            tally = OfAllRanks(own, confusions, ranked);
        if (tally.Images != Images)
        {
            throw new BadDataException(
                $"{_directory}: {tally.Images} {_split.Adjective()} images were read, but dataset.json says {Images}; prepare the data set again");
        }

        return tally.Mean();
    }

    /// <summary>Adds up what all ranks found, in the order of the images.</summary>
    private Tally OfAllRanks(List<ImageResult> own, ConfusionMatrix? confusions, RankedImages[] ranked)
    {
        var tally = default(Tally);
        foreach (var (rank, bytes) in _ranks!.Gather(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(own)).ToArray()).Index())
        {
            foreach (var image in MemoryMarshal.Cast<byte, ImageResult>(bytes))
            {
                tally = tally.Plus(image.Loss, image.Rank);
                if (rank != _ranks.Rank)
                    confusions?.Add(image.Label, image.Predicted);
            }
        }

        // Only the first rank shows images, and its own come before those of all others.
        foreach (var images in ranked)
        {
            foreach (var kept in _ranks.Gather(images.ToBytes(), toFirst: true).Skip(1))
                images.AddAll(kept);
        }

        return tally;
    }

    private static int[] Match(IReadOnlyList<DatasetClass> classes, Dataset data)
    {
        var places = new Dictionary<string, int>();
        for (var i = 0; i < classes.Count; i++)
            places.TryAdd(classes[i].Name, i);
        var unknown = data.Info.Classes.Where(c => !places.ContainsKey(c.Name)).ToArray();
        if (unknown.Length > 0)
        {
            throw new RiffleException(
                $"{data.Directory}: the network does not have {unknown.Length} of the {data.Info.Classes.Length} classes ({Some(unknown)}); "
                + $"it has {classes.Count} ({Some(classes)}). Evaluate it on the data set it was trained on, or on one with the same classes");
        }

        return [.. data.Info.Classes.Select(c => places[c.Name])];
    }

    private static string Some(IReadOnlyCollection<DatasetClass> classes) =>
        string.Join(", ", classes.Take(3).Select(c => c.Name)) + (classes.Count > 3 ? ", …" : "");

    /// <summary>What a rank tells of an image.</summary>
    private readonly record struct ImageResult(double Loss, int Rank, int Label, int Predicted);
}
