using System.Buffers;
using Riffle.Data;
using Riffle.Execution;

namespace Riffle;

/// <summary>Classifies images. Any number of threads may use one classifier at the same time. A call that is alone may compute on several threads; of those that
/// run at the same time, each computes on its own.</summary>
public sealed class Classifier : IDisposable
{
    /// <summary>The most images that are computed together; of a longer list, so many at a time.</summary>
    internal const int BatchSize = InferencePlan.MostSingly;

    private readonly InferencePlan _plan;
    private readonly int _threads;
    private readonly Lock _gate = new();
    private InferencePlan? _batches;
    private bool _isDisposed;

    /// <summary>Creates a classifier from a model.</summary>
    /// <param name="model">The network. Its current weights are used.</param>
    /// <param name="threads">Threads that may share an image, where the network is large enough to be worth it; probabilities do not depend on it. 0: one per
    /// core.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of threads is negative.</exception>
    /// <exception cref="RiffleException">The network has only one class.</exception>
    /// <exception cref="BadDataException">The model's doubt belongs to another network.</exception>
    public Classifier(Model model, int threads = 0)
    {
        if (model.Classes.Count == 1)
            throw new RiffleException($"{model.Name}: the network has only one class, so every image would get 100 %; use a network with at least two classes");
        (Model, _threads, _plan) = (model, threads, new(model.Weights, batch: 1, threads));
        if (model.Doubt is { Features: > 0 } doubt && doubt.Features != _plan.Features)
        {
            var features = _plan.Features;
            _plan.Dispose();
            throw new BadDataException($"{model.Name}: its class means have {doubt.Features} features, but the network has {features}; use another file of the model");
        }
    }

    /// <summary>The model.</summary>
    public Model Model => Live(field);

    /// <summary>Loads a classifier from a file.</summary>
    /// <param name="path">A checkpoint file, a run folder (its best checkpoint) or an ONNX file.</param>
    /// <param name="threads">Threads that may share an image; 0: one per core.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of threads is negative.</exception>
    /// <exception cref="RiffleException">There is none.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public static Classifier Load(string path, int threads = 0) => new(Model.Open(path), threads);

    /// <summary>Returns the most likely classes of a decoded image of any size, which is scaled and cut as a file's is.</summary>
    /// <param name="pixels">height × width × 3 bytes, row by row from the top, red first.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first. And whether they can be trusted.</returns>
    /// <exception cref="ArgumentException">The number of pixels does not match the width and height.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="width"/>, <paramref name="height"/> or <paramref name="top"/> is less than 1.</exception>
    /// <exception cref="RiffleException">The network produced NaN or infinity.</exception>
    public Classification Classify(ReadOnlySpan<byte> pixels, int width, int height, int top = 5)
    {
        Check(top);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (pixels.Length != (long)width * height * 3)
            throw new ArgumentException($"an image of {width}×{height} pixels has {(long)width * height * 3} bytes, but {pixels.Length} were given", nameof(pixels));
        return Classify(new RgbImage(width, height, pixels.ToArray()), "image", top);
    }

    /// <summary>
    /// Computes the probability of every class for an image that already has the network's size. Allocates nothing, except on the first calls that run at the
    /// same time.
    /// </summary>
    /// <param name="pixels">S×S×3 bytes, row by row, red first; S is <see cref="Model.ImageSize"/> of the model.</param>
    /// <param name="probabilities">Receives one value per class, in the order of <see cref="Model.Classes"/>, from 0 to 1; they sum to 1. Further elements
    /// do not change.</param>
    /// <exception cref="ArgumentException">The number of pixels is wrong, or there are fewer probabilities than classes.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed of.</exception>
    public void Score(ReadOnlySpan<byte> pixels, Span<float> probabilities) => Score(pixels, 1, probabilities);

    /// <summary>The same for many images, which all cores share. Each gets the bits that it would get alone.</summary>
    /// <param name="pixels">count×S×S×3 bytes.</param>
    /// <param name="count">Number of images, at least 1.</param>
    /// <param name="probabilities">Receives count×classes values.</param>
    /// <param name="verdicts">Receives a verdict for each image; empty if they are not wanted.</param>
    /// <param name="cancel">Stops between images.</param>
    /// <exception cref="ArgumentException">The number of pixels is wrong, the results have no room, or the model has no <see cref="Model.Doubt"/> to judge by.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed of.</exception>
    public void Score(
        ReadOnlySpan<byte> pixels, int count, Span<float> probabilities, Span<Verdict> verdicts = default, CancellationToken cancel = default) =>
        Score(new Inputs(pixels), count, probabilities, verdicts, cancel);

    /// <summary>The same for images that are ready for the network, as its ONNX file takes them.</summary>
    /// <param name="images">count×3×S×S values, for each colour (value / 255 − mean) / deviation by the model's <see cref="Model.Normalisation"/>.</param>
    /// <param name="count">Number of images, at least 1.</param>
    /// <param name="probabilities">Receives count×classes values.</param>
    /// <param name="verdicts">Receives a verdict for each image; empty if they are not wanted.</param>
    /// <param name="cancel">Stops between images.</param>
    /// <exception cref="ArgumentException">The number of values is wrong, the results have no room, or the model has no <see cref="Model.Doubt"/> to judge by.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed of.</exception>
    public void Score(
        ReadOnlySpan<float> images, int count, Span<float> probabilities, Span<Verdict> verdicts = default, CancellationToken cancel = default) =>
        Score(new Inputs(images), count, probabilities, verdicts, cancel);

    /// <summary>Computes the logits of images that already have the network's size: what the network gives, before the temperature and the softmax.</summary>
    /// <param name="pixels">count×S×S×3 bytes.</param>
    /// <param name="count">Number of images, at least 1.</param>
    /// <param name="logits">Receives count×classes values.</param>
    /// <param name="cancel">Stops between images.</param>
    /// <exception cref="ArgumentException">The number of pixels is wrong, or the logits have no room.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed of.</exception>
    public void Logits(ReadOnlySpan<byte> pixels, int count, Span<float> logits, CancellationToken cancel = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Run(new(pixels), count, logits, [], cancel);
    }

    /// <summary>Frees the memory, once the running calls have ended. After that, every member throws <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        lock (_gate)
            _batches?.Dispose();
        _plan.Dispose();
    }

    /// <summary>The same for the decoders of files, which know the image's name for error messages.</summary>
    internal Classification Classify(RgbImage image, string name, int top)
    {
        var pixels = View.Of(image);
        var probabilities = new float[Model.Classes.Count];
        Span<Verdict> verdict = stackalloc Verdict[Model.Doubt is null ? 0 : 1];
        Score(pixels, 1, probabilities, verdict);
        if (float.IsNaN(probabilities[0]))
        {
            var layer = _plan.FirstNonFinite(pixels, 1, Model.Normalisation)?.Layer.Name ?? Model.Weights.Network.Layers[^1].Name;
            throw new RiffleException($"{name}: the network produced NaN or infinity for this image, because its layer {layer} overflows. Use another checkpoint.");
        }

        var likeliest = Enumerable.Range(0, probabilities.Length).OrderByDescending(index => probabilities[index]).Take(top);
        return new(
            [.. likeliest.Select(index => new Prediction(Model.Classes[index].Name, Model.Classes[index].Text, index, probabilities[index]))],
            verdict.IsEmpty ? null : verdict[0]);
    }

    /// <summary>What the network sees of an image.</summary>
    internal ImageView View => new(Model.ImageSize, Model.SeesWhole, Model.Fit);

    /// <summary>Throws if the classifier has been disposed of, or for an impossible number of predictions.</summary>
    internal void Check(int top)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
    }

    private void Score(Inputs images, int count, Span<float> probabilities, Span<Verdict> verdicts, CancellationToken cancel)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var (doubt, classes) = (Model.Doubt, Model.Classes.Count);
        if (verdicts.Length > 0 && (doubt is null || verdicts.Length < count))
            throw new ArgumentException(doubt is null ? $"{Model.Name}: the model has no doubt to judge by" : $"{count} verdicts don't fit into {verdicts.Length}", nameof(verdicts));
        var width = verdicts.Length > 0 ? doubt!.Features : 0;
        var features = width == 0 ? [] : ArrayPool<float>.Shared.Rent(checked(count * width));
        try
        {
            Run(images, count, probabilities, width == 0 ? [] : features.AsSpan(0, count * width), cancel);
            for (var i = 0; i < count; i++)
            {
                var own = probabilities.Slice(i * classes, classes);
                Softmax(own, doubt?.Temperature ?? 1);
                if (verdicts.Length > 0)
                    verdicts[i] = doubt!.Judge(Highest(own), width == 0 ? null : doubt.Familiarity(features.AsSpan(i * width, width)));
            }
        }
        finally
        {
            if (width > 0)
                ArrayPool<float>.Shared.Return(features);
        }
    }

    /// <summary>Computes logits and features, image by image, because in a block of sixteen the last bits would be others.</summary>
    private void Run(Inputs images, int count, Span<float> logits, Span<float> features, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var (values, classes, width) = (Model.ImageSize * Model.ImageSize * 3, Model.Classes.Count, features.Length / count);
        if (count == 1)
        {
            images.Run(_plan, 1, Model, logits, features);
            return;
        }

        if (images.Length != (long)count * values || logits.Length < (long)count * classes)
            throw new ArgumentException($"{count} images have {(long)count * values} values and {(long)count * classes} results, but {images.Length} and {logits.Length} were given");
        var plan = Batches();
        for (var done = 0; done < count; done += plan.Batch)
        {
            cancel.ThrowIfCancellationRequested();
            var part = Math.Min(plan.Batch, count - done);
            images.Slice(done * values, part * values).Run(
                plan, part, Model, logits.Slice(done * classes, part * classes), features.Slice(done * width, part * width));
        }
    }

    /// <summary>The plan for several images, made when it is first needed.</summary>
    private InferencePlan Batches()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _batches ??= new(Model.Weights, batch: BatchSize, _threads);
        }
    }

    private T Live<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return value;
    }

    /// <summary>Turns logits into probabilities. Subtracts the highest logit first, which does not change the result and keeps every exponential at most 1.</summary>
    private static void Softmax(Span<float> logits, float temperature)
    {
        var (highest, sum) = (Highest(logits), 0.0);
        foreach (ref var value in logits)
            sum += value = MathF.Exp((value - highest) / temperature);
        var share = (float)(1 / sum);
        foreach (ref var value in logits)
            value *= share;
    }

    private static float Highest(ReadOnlySpan<float> values)
    {
        var highest = float.NegativeInfinity;
        foreach (var value in values)
            highest = Math.Max(highest, value);
        return highest;
    }

    /// <summary>Images as bytes, or as floats that are normalised already.</summary>
    private readonly ref struct Inputs
    {
        private readonly ReadOnlySpan<byte> _pixels;
        private readonly ReadOnlySpan<float> _floats;

        public Inputs(ReadOnlySpan<byte> pixels) => _pixels = pixels;

        public Inputs(ReadOnlySpan<float> floats) => _floats = floats;

        public int Length => _pixels.Length + _floats.Length;

        public Inputs Slice(int start, int length) => _floats.IsEmpty ? new(_pixels.Slice(start, length)) : new(_floats.Slice(start, length));

        public void Run(InferencePlan plan, int count, Model model, Span<float> logits, Span<float> features)
        {
            if (_floats.IsEmpty)
                plan.Run(_pixels, count, model.Normalisation, logits, features);
            else
                plan.Run(_floats, count, logits, features);
        }
    }
}
