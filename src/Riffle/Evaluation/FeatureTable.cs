using Riffle.Data;
using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Evaluation;

/// <summary>What a network's classifier reads of each image: the features, without augmentation.</summary>
public sealed class FeatureTable
{
    private readonly float[] _values;
    private readonly int[] _labels;

    internal FeatureTable(int width, float[] values, int[] labels) => (Images, Width, _values, _labels) = (labels.Length, width, values, labels);

    /// <summary>The number of images.</summary>
    public int Images { get; }

    /// <summary>The number of features of an image: the columns of the classifier's kernel.</summary>
    public int Width { get; }

    /// <summary>The class of each image in the data set, in the order of the splits and their shards.</summary>
    public ReadOnlySpan<int> Labels => _labels;

    /// <summary>The features of an image.</summary>
    /// <param name="image">Its place in that order, from 0.</param>
    public ReadOnlySpan<float> this[int image] => _values.AsSpan(image * Width, Width);

    /// <summary>All features: images × width.</summary>
    internal float[] Values => _values;

    /// <summary>Computes the features of splits, one after the other.</summary>
    /// <param name="model">The network; its last layer is the classifier.</param>
    /// <param name="data">The data set.</param>
    /// <param name="splits">The splits.</param>
    /// <param name="threads">Threads that compute; results do not depend on it. 0: one per core.</param>
    /// <param name="most">The most images, at least 1; further ones, whose order is random, are left out.</param>
    /// <param name="progress">Receives the number of images done.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="RiffleException">The network's last layer is no classifier of features, or they don't fit into memory.</exception>
    /// <exception cref="BadDataException">The data set is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static FeatureTable Of(
        Model model, Dataset data, IReadOnlyList<Split> splits, int threads = 0, int most = int.MaxValue, IProgress<WorkProgress>? progress = null,
        CancellationToken cancel = default)
    {
        var body = NetworkPart.Features(model.Weights)
            ?? throw new RiffleException($"{model.Name}: its last layer does not read features of the whole image; use another network");
        var (images, width, size) = (Math.Min(splits.Sum(data.Count), most), body.Network.Classes, model.ImageSize);
        var values = (long)images * width;
        if (values > Array.MaxLength || values * sizeof(float) > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2)
            throw new RiffleException($"not enough memory for {width:N0} features of each of {images:N0} images; use a network with fewer");
        var table = new FeatureTable(width, new float[values], new int[images]);
        var batch = Batch.ForInference(Math.Max(1, images), size);
        var side = ImageFit.SideForInference(size, model.SeesWhole, data.Info);
        using var plan = new InferencePlan(body, batch, threads);
        var done = 0;
        foreach (var split in splits.Where(split => data.Count(split) > 0))
        {
            // Each image is needed once, so none is kept.
            using var loader = new BatchLoader(
                data, split, size, side, model.Fit, batch, augmentation: null, shuffle: false, dropLast: false, seed: 0, BatchLoader.ThreadsFor(threads),
                memoryBudgetBytes: 0, progress: null, cancel);
            loader.StartEpoch(0);
            while (done < images && loader.TryNext(out var some))
            {
                cancel.ThrowIfCancellationRequested();
                var count = Math.Min(some.Count, images - done);
                plan.Run(some.Pixels[..(count * some.ImageBytes)], count, model.Normalisation, table._values.AsSpan(done * width));
                some.Labels[..count].CopyTo(table._labels.AsSpan(done));
                done += count;
                progress?.Report(new(WorkStage.Features, done, images));
            }
        }

        return table;
    }
}
