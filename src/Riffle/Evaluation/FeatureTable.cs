using Riffle.Data;
using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Evaluation;

/// <summary>What a network's classifier reads of each image of a split: the features, without augmentation.</summary>
public sealed class FeatureTable
{
    private readonly float[] _values;
    private readonly int[] _labels;

    internal FeatureTable(int width, float[] values, int[] labels) => (Images, Width, _values, _labels) = (labels.Length, width, values, labels);

    /// <summary>The number of images.</summary>
    public int Images { get; }

    /// <summary>The number of features of an image: the columns of the classifier's kernel.</summary>
    public int Width { get; }

    /// <summary>The class of each image in the data set, in the order of the shards.</summary>
    public ReadOnlySpan<int> Labels => _labels;

    /// <summary>The features of an image.</summary>
    /// <param name="image">Its place in the order of the shards, from 0.</param>
    public ReadOnlySpan<float> this[int image] => _values.AsSpan(image * Width, Width);

    /// <summary>Computes the features of a split.</summary>
    /// <param name="weights">The network; its last layer is the classifier.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="data">The data set.</param>
    /// <param name="split">The split.</param>
    /// <param name="threads">Threads that compute; results do not depend on it. 0: one per core.</param>
    /// <param name="most">The most images, at least 1; further ones, whose order is random, are left out.</param>
    /// <param name="progress">Receives the number of images done.</param>
    /// <param name="cancel">Stops between batches.</param>
    /// <exception cref="RiffleException">The network's last layer is no classifier of features, or they don't fit into memory.</exception>
    /// <exception cref="BadDataException">The data set is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static FeatureTable Of(
        Weights weights, Normalisation normalisation, Dataset data, Split split, int threads = 0, int most = int.MaxValue,
        IProgress<WorkProgress>? progress = null, CancellationToken cancel = default)
    {
        var body = NetworkPart.Features(weights)
            ?? throw new RiffleException($"{weights.Network.Name}: its last layer does not read features of the whole image; use another network");
        var (images, width, size) = (Math.Min(data.Count(split), most), body.Network.Classes, body.Network.Input.Height);
        if ((long)images * width > Array.MaxLength)
            throw new RiffleException($"{data.Directory}: {images:N0} images with {width:N0} features each don't fit into memory");
        var table = new FeatureTable(width, new float[images * width], new int[images]);
        var batch = Batch.ForInference(Math.Max(1, images), size);
        using var loader = new BatchLoader(
            data, split, size, batch, augmentation: null, shuffle: false, dropLast: false, seed: 0, BatchLoader.ThreadsFor(threads), memoryBudgetBytes: 0, cancel: cancel);
        using var plan = new InferencePlan(body, batch, threads);
        loader.StartEpoch(0);
        var done = 0;
        while (done < images && loader.TryNext(out var some))
        {
            cancel.ThrowIfCancellationRequested();
            var count = Math.Min(some.Count, images - done);
            plan.Run(some.Pixels[..(count * some.ImageBytes)], count, normalisation, table._values.AsSpan(done * width));
            some.Labels[..count].CopyTo(table._labels.AsSpan(done));
            done += count;
            progress?.Report(new(WorkStage.Features, done, images));
        }

        return table;
    }
}
