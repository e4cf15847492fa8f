using Riffle.Data;
using Riffle.Execution;
using Riffle.Formats;

namespace Riffle;

/// <summary>Classifies images. Any number of threads may use one classifier at the same time. A call that is alone may compute on several threads; of those that
/// run at the same time, each computes on its own.</summary>
public sealed class Classifier : IDisposable
{
    private readonly InferencePlan _plan;
    private bool _isDisposed;

    /// <summary>Creates a classifier from a model.</summary>
    /// <param name="model">The network. Its current weights are used.</param>
    /// <param name="threads">Threads that may share an image, where the network is large enough to be worth it; probabilities do not depend on it. 0: one per
    /// core.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number of threads is negative.</exception>
    /// <exception cref="RiffleException">The network has only one class.</exception>
    public Classifier(Model model, int threads = 0)
    {
        if (model.Classes.Count == 1)
            throw new RiffleException($"{model.Name}: the network has only one class, so every image would get 100 %; use a network with at least two classes");
        Model = model;
        _plan = new(model.Weights, batch: 1, threads);
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

    /// <summary>Returns the most likely classes of an image file of any size.</summary>
    /// <param name="path">A JPEG or PNG file.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <param name="cancel">Stops waiting, if the file is a pipe.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="RiffleException">The file does not exist or can't be read, or the library that decodes it is not installed.</exception>
    /// <exception cref="BadDataException">The file is not an image, or is damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<Prediction> Classify(string path, int top = 5, CancellationToken cancel = default)
    {
        Check(top);
        return Classify(ImageFile.Read(path, cancel), path, top);
    }

    /// <summary>Returns the most likely classes of an image of any size that is read from a stream.</summary>
    /// <param name="image">The bytes of a JPEG or PNG file, read from the stream's position to its end. The stream stays open.</param>
    /// <param name="name">The image's name, for error messages.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <param name="cancel">Stops waiting for the stream.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="RiffleException">The stream can't be read, or the library that decodes the image is not installed.</exception>
    /// <exception cref="BadDataException">The bytes are not an image, or are damaged.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<Prediction> Classify(Stream image, string name = "image", int top = 5, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        Check(top);
        return Classify(ImageFile.Read(image, name, cancel), name, top);
    }

    /// <summary>Returns the most likely classes of an image of any size. Its shorter side is scaled to 8/7 of the network's input, and the centre is cut out.
    /// Models that were trained on baked images see them whole (<see cref="Model.TakesBakedImages"/>).</summary>
    /// <param name="encodedImage">The bytes of a JPEG or PNG file.</param>
    /// <param name="name">The image's name, for error messages.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="BadDataException">The bytes are not an image, or are damaged.</exception>
    /// <exception cref="RiffleException">The library that decodes it is not installed, or the network produced NaN or infinity.</exception>
    public IReadOnlyList<Prediction> Classify(ReadOnlySpan<byte> encodedImage, string name = "image", int top = 5)
    {
        Check(top);
        return Classify(ImageDecoder.DecodeFor(encodedImage, name, ImageFit.StoredSide(Model.ImageSize)), name, top);
    }

    /// <summary>Returns the most likely classes of a decoded image of any size, which is scaled and cut as a file's is.</summary>
    /// <param name="pixels">height × width × 3 bytes, row by row from the top, red first.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="top">The maximum number of predictions, at least 1.</param>
    /// <returns>The predictions, the most likely first; among equal ones, the lower index first.</returns>
    /// <exception cref="ArgumentException">The number of pixels does not match the width and height.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="width"/>, <paramref name="height"/> or <paramref name="top"/> is less than 1.</exception>
    /// <exception cref="RiffleException">The network produced NaN or infinity.</exception>
    public IReadOnlyList<Prediction> Classify(ReadOnlySpan<byte> pixels, int width, int height, int top = 5)
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
    public void Score(ReadOnlySpan<byte> pixels, Span<float> probabilities)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _plan.Run(pixels, 1, Model.Normalisation, probabilities);
        Softmax(probabilities[..Model.Classes.Count]);
    }

    /// <summary>Frees the memory, once the running calls have ended. After that, every member throws <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _plan.Dispose();
    }

    private IReadOnlyList<Prediction> Classify(RgbImage image, string name, int top)
    {
        var pixels = ImageFit.ForInference(image, Model.ImageSize, Model.TakesBakedImages);
        var probabilities = new float[Model.Classes.Count];
        Score(pixels, probabilities);
        if (float.IsNaN(probabilities[0]))
        {
            var layer = _plan.FirstNonFinite(pixels, 1, Model.Normalisation)?.Layer.Name ?? Model.Weights.Network.Layers[^1].Name;
            throw new RiffleException($"{name}: the network produced NaN or infinity for this image, because its layer {layer} overflows. Use another checkpoint.");
        }

        return
        [
            .. Enumerable.Range(0, probabilities.Length)
                .OrderByDescending(index => probabilities[index])
                .Take(top)
                .Select(index => new Prediction(Model.Classes[index].Name, Model.Classes[index].Text, index, probabilities[index])),
        ];
    }

    private void Check(int top)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
    }

    private T Live<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return value;
    }

    /// <summary>Turns logits into probabilities. Subtracts the highest logit first, which does not change the result and keeps every exponential at most 1.</summary>
    private static void Softmax(Span<float> logits)
    {
        var highest = float.NegativeInfinity;
        foreach (var logit in logits)
            highest = Math.Max(highest, logit);
        var sum = 0.0;
        foreach (ref var value in logits)
            sum += value = MathF.Exp(value - highest);
        var share = (float)(1 / sum);
        foreach (ref var value in logits)
            value *= share;
    }
}
