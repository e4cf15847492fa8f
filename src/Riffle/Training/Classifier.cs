using Riffle.Data;
using Riffle.Execution;
using Riffle.Formats;

namespace Riffle.Training;

/// <summary>One guess at what an image shows.</summary>
/// <param name="Class">Name of the class: a WordNet id or a folder's name.</param>
/// <param name="Text">What a person reads.</param>
/// <param name="Index">Its place among the network's classes.</param>
/// <param name="Probability">From 0 to 1; over all classes they add up to 1.</param>
public sealed record Prediction(string Class, string Text, int Index, float Probability);

/// <summary>Tells what images show. Any number of threads may use one classifier at the same time; each call computes on the thread that makes it.</summary>
public sealed class Classifier : IDisposable
{
    private readonly InferencePlan _plan;
    private bool _isDisposed;

    /// <summary>A classifier from a checkpoint or another model.</summary>
    /// <param name="model">The network, as its weights are now.</param>
    /// <param name="threads">Without effect: an image is computed by the thread that asks.</param>
    /// <exception cref="RiffleException">It has one class, which every image would be.</exception>
    public Classifier(Model model, int threads = 1)
    {
        if (model.Classes.Count == 1)
            throw new RiffleException($"{model.Name}: the network has only one class, so every image would get 100 %; use a network with at least two classes");
        Model = model;
        _plan = new(model.Weights, batch: 1, threads);
    }

    /// <summary>What it was made from.</summary>
    public Model Model => Live(field);

    /// <summary>A classifier from a file.</summary>
    /// <param name="path">A checkpoint file, a run folder, whose best checkpoint is taken, or an ONNX file.</param>
    /// <param name="threads">Without effect: an image is computed by the thread that asks.</param>
    /// <exception cref="RiffleException">There is none.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public static Classifier Load(string path, int threads = 1) => new(Model.Open(path), threads);

    /// <summary>The likeliest classes of an image file of any size.</summary>
    /// <param name="path">A JPEG or PNG file.</param>
    /// <param name="top">Most predictions to give, at least 1.</param>
    /// <returns>The likeliest first; of equal ones the lower index.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="RiffleException">The file is not there or can't be read, or the library that decodes it is not installed.</exception>
    /// <exception cref="BadDataException">It is no image that can be decoded.</exception>
    public IReadOnlyList<Prediction> Classify(string path, int top = 5)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        return Classify(ImageFile.Read(path), path, top);
    }

    /// <summary>The likeliest classes of an image of any size: its shorter side is scaled to 8/7 of the network's input, and the centre taken. Only an image
    /// that a data set was baked with is taken as it is (<see cref="Model.TakesBakedImages"/>).</summary>
    /// <param name="encodedImage">The bytes of a JPEG or PNG file.</param>
    /// <param name="name">The image's name, for error messages.</param>
    /// <param name="top">Most predictions to give, at least 1.</param>
    /// <returns>The likeliest first; of equal ones the lower index.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is less than 1.</exception>
    /// <exception cref="BadDataException">The bytes are no image that can be decoded.</exception>
    /// <exception cref="RiffleException">The library that decodes it is not installed, or the network gives no number for it.</exception>
    public IReadOnlyList<Prediction> Classify(ReadOnlySpan<byte> encodedImage, string name, int top = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var pixels = ImageFit.ForInference(ImageDecoder.Decode(encodedImage, name), Model.ImageSize, Model.TakesBakedImages);
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

    /// <summary>
    /// The probability of every class for an image that has the network's size already. Allocates nothing once as many calls as ever run at the same time
    /// have run. <see cref="ImageFit.ForInference"/> brings an image of another size to this one.
    /// </summary>
    /// <param name="pixels">S×S×3 bytes, row by row, red first; S is <see cref="Model.ImageSize"/> of the model.</param>
    /// <param name="probabilities">Receives one for each class, in the order of <see cref="Model.Classes"/>, from 0 to 1; they add up to 1. What there is
    /// behind them stays as it is.</param>
    /// <exception cref="ArgumentException">There are fewer or more pixels, or fewer probabilities than classes.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed of.</exception>
    public void Score(ReadOnlySpan<byte> pixels, Span<float> probabilities)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _plan.Run(pixels, 1, Model.Normalisation, probabilities);
        Softmax(probabilities[..Model.Classes.Count]);
    }

    /// <summary>Frees the memory, after the calls under way. Every member throws <see cref="ObjectDisposedException"/> from then on.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        _plan.Dispose();
    }

    private T Live<T>(T value)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return value;
    }

    /// <summary>Turns logits into probabilities. The highest is taken away first, which changes nothing in them and keeps every power at most 1.</summary>
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
