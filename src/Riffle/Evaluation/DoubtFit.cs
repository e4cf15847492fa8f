namespace Riffle.Evaluation;

/// <summary>Fits a network's <see cref="Doubt"/> to images of its own classes, with which it was not trained.</summary>
/// <remarks>
/// The class means are those of all images. A threshold on images from which the means come would be too high, so they are halved, class by class: each half is
/// compared with the means of the other. The same halves show how good a doubt is on images that it was not fitted to (<see cref="Check"/>).
/// </remarks>
public sealed class DoubtFit
{
    /// <summary>The fewest images that a temperature or a threshold is fitted to; the threshold is then below all but five of them.</summary>
    public const int FewestImages = 100;

    /// <summary>The fewest images of each class for a threshold: two in each half.</summary>
    public const int FewestOfClass = 4;

    /// <summary>The share of the images that the threshold keeps.</summary>
    public const double KeptShare = 0.95;

    /// <summary>More images make no better doubt, and take memory.</summary>
    private const int MostImages = 10_000;

    private readonly int _classes, _step;
    private readonly int[] _ofClass;
    private readonly List<Sample> _samples = [];
    private int _seen;

    /// <param name="classes">Number of classes.</param>
    /// <param name="images">Number of images that will come. Of more than 10,000, every second, third … is used.</param>
    public DoubtFit(int classes, int images)
    {
        (_classes, _step, _ofClass) = (classes, ((images - 1) / MostImages) + 1, new int[classes]);
    }

    /// <summary>The images used.</summary>
    public int Images => _samples.Count;

    private bool HasFeatures => Images > 0 && _samples[0].Features.Length > 0;

    private bool HasThreshold => Images >= FewestImages && HasFeatures && _ofClass.Min() >= FewestOfClass;

    /// <summary>Why there is no temperature or no threshold, one sentence; null if there are both.</summary>
    public string? Shortage =>
        Images < FewestImages ? $"{Images} validation images are too few to fit a temperature and a threshold; {FewestImages} are needed"
        : !HasFeatures ? "the network does not end in a fully connected layer, so there is no threshold"
        : _ofClass.Min() < FewestOfClass ? $"a class has {_ofClass.Min()} validation images, too few for a threshold; {FewestOfClass} are needed"
        : null;

    /// <summary>Adds an image.</summary>
    /// <param name="label">Its class.</param>
    /// <param name="logits">One per class.</param>
    /// <param name="features">What the last layer reads; empty if there is none.</param>
    internal void Add(int label, ReadOnlySpan<float> logits, ReadOnlySpan<float> features)
    {
        if (_seen++ % _step == 0)
            _samples.Add(new(label, _ofClass[label]++ % 2 == 0, logits.ToArray(), features.ToArray()));
    }

    /// <summary>The doubt that fits the images. Where they are too few, it has the temperature 1 or no threshold (<see cref="Shortage"/>).</summary>
    public Doubt Fit()
    {
        if (Images < FewestImages)
            return new(1, null, [], _classes);
        var temperature = (float)TemperatureOf(_samples);
        if (!HasThreshold)
            return new(temperature, null, [], _classes);
        var (first, second) = Familiarities();
        return new(temperature, Threshold([.. first, .. second]), Means(_samples), _classes);
    }

    /// <summary>How good the doubt of one half is on the other, both ways: the calibration error, from 0 to 1, and the share of the images that a threshold
    /// keeps. Null where there are too few images.</summary>
    public (double? CalibrationError, double? Kept) Check()
    {
        if (Images < FewestImages)
            return (null, null);
        var calibration = new Calibration();
        foreach (var half in (bool[])[true, false])
        {
            var temperature = (float)TemperatureOf(Half(!half));
            foreach (var sample in Half(half))
                calibration.Add(sample.Label, [.. sample.Logits.Select(logit => logit / temperature)]);
        }

        if (!HasThreshold)
            return (calibration.Error, null);
        var (first, second) = Familiarities();
        var (ofFirst, ofSecond) = (Threshold(first), Threshold(second));
        return (calibration.Error, (first.Count(value => value >= ofSecond) + second.Count(value => value >= ofFirst)) / (double)Images);
    }

    private IReadOnlyList<Sample> Half(bool isFirst) => [.. _samples.Where(sample => sample.IsFirstHalf == isFirst)];

    /// <summary>The familiarities of the images of each half with the class means of the other.</summary>
    private (float[] First, float[] Second) Familiarities()
    {
        float[] Of(bool half)
        {
            var other = new Doubt(1, 0, Means(Half(!half)), _classes);
            return [.. Half(half).AsParallel().AsOrdered().Select(sample => other.Familiarity(sample.Features))];
        }

        return (Of(true), Of(false));
    }

    /// <summary>What 95 % of some values reach, rounded down, so that machines that add in another order agree.</summary>
    private static float Threshold(float[] values) => MathF.Floor(values.Order().ElementAt((int)((1 - KeptShare) * values.Length)) * 1e4f) / 1e4f;

    /// <summary>The class means, each scaled to whole numbers up to 127.</summary>
    private byte[] Means(IReadOnlyList<Sample> samples)
    {
        var features = samples[0].Features.Length;
        var sums = new double[_classes * features];
        foreach (var sample in samples)
        {
            for (var i = 0; i < features; i++)
                sums[(sample.Label * features) + i] += sample.Features[i];
        }

        var bytes = new byte[sums.Length];
        for (var start = 0; start < sums.Length; start += features)
        {
            var most = sums.AsSpan(start, features).ToArray().Max(Math.Abs);
            for (var i = start; i < start + features && most > 0; i++)
                bytes[i] = (byte)(sbyte)Math.Round(sums[i] / most * sbyte.MaxValue);
        }

        return bytes;
    }

    private double TemperatureOf(IReadOnlyList<Sample> samples) =>
        Temperature.Fit([.. samples.SelectMany(sample => sample.Logits)], [.. samples.Select(sample => sample.Label)], _classes);

    private sealed record Sample(int Label, bool IsFirstHalf, float[] Logits, float[] Features);
}
