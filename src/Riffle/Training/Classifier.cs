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

/// <summary>Tells what images show. One call at a time.</summary>
public sealed class Classifier : IDisposable
{
    private readonly InferencePlan _plan;
    private readonly float[] _logits;

    /// <summary>A classifier from a checkpoint.</summary>
    /// <param name="checkpoint">The network.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    public Classifier(Checkpoint checkpoint, int threads = 1)
    {
        Checkpoint = checkpoint;
        _plan = new(checkpoint.Weights, batch: 1, threads);
        _logits = new float[checkpoint.Spec.Classes];
    }

    /// <summary>What it was made from.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>A classifier from a file.</summary>
    /// <param name="runOrFile">A checkpoint file, or a run folder, whose best checkpoint is taken.</param>
    /// <param name="threads">Threads that compute; 0: one per core.</param>
    /// <exception cref="RiffleException">There is none.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public static Classifier Load(string runOrFile, int threads = 1) => new(Checkpoint.Load(runOrFile), threads);

    /// <summary>The likeliest classes of an image of any size: its shorter side is scaled to 8/7 of the network's input, and the centre taken.</summary>
    /// <param name="encodedImage">The bytes of a JPEG or PNG file.</param>
    /// <param name="name">The image's name, for error messages.</param>
    /// <param name="top">Most predictions to give, at least 1.</param>
    /// <returns>The likeliest first; of equal ones the lower index.</returns>
    /// <exception cref="BadDataException">The bytes are no image that can be read.</exception>
    public IReadOnlyList<Prediction> Classify(ReadOnlySpan<byte> encodedImage, string name, int top = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        var pixels = ImageFit.ForInference(ImageDecoder.Decode(encodedImage, name), Checkpoint.Spec.ImageSize);
        _plan.Run(pixels, 1, Checkpoint.Normalisation, _logits);

        double highest = _logits.Max(), sum = _logits.Sum(logit => Math.Exp(logit - highest));
        return
        [
            .. Checkpoint.Classes
                .Select((c, index) => new Prediction(c.Name, c.Text, index, (float)(Math.Exp(_logits[index] - highest) / sum)))
                .OrderByDescending(prediction => _logits[prediction.Index])
                .Take(top),
        ];
    }

    /// <inheritdoc/>
    public void Dispose() => _plan.Dispose();
}
