using System.Numerics;
using System.Runtime.InteropServices;

namespace Riffle;

/// <summary>What a network's own validation images say about how far it can be trusted: the temperature that makes its probabilities honest, and how near to the
/// features of a class those of an image must be.</summary>
/// <remarks>
/// Features are what the last fully connected layer reads. Their familiarity is the cosine between them and the mean features of the class that they are nearest
/// to. On images of other things a network's probabilities say little: they may be high for anything that is not like the others.
/// </remarks>
public sealed class Doubt
{
    /// <summary>The probability of the best class from which a network is sure: it is then more often right than wrong.</summary>
    public const float SureFrom = 0.5f;

    private readonly float[][] _directions;

    /// <param name="temperature">Divides the logits.</param>
    /// <param name="threshold">Least familiarity; null: unknown.</param>
    /// <param name="classMeans">Of each class, one signed byte per feature; only the direction counts. Empty without a threshold.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="ArgumentException">The parts don't fit each other, or are not finite.</exception>
    internal Doubt(float temperature, float? threshold, byte[] classMeans, int classes)
    {
        if (!(temperature > 0 && float.IsFinite(temperature)) || threshold is { } least && !float.IsFinite(least))
            throw new ArgumentException($"the temperature {temperature} or the threshold {threshold} is impossible");
        if (threshold is null != (classMeans.Length == 0) || classMeans.Length % classes != 0)
            throw new ArgumentException($"{classMeans.Length} bytes of class means don't fit {classes} classes");
        (Temperature, Threshold, ClassMeans, Features) = (temperature, threshold, classMeans, classMeans.Length / classes);
        _directions = [.. Enumerable.Range(0, Features == 0 ? 0 : classes).Select(label => Direction(classMeans.AsSpan(label * Features, Features)))];
    }

    /// <summary>What logits are divided by before they become probabilities (Guo et al., "On Calibration of Modern Neural Networks", 2017). Above 1 where the
    /// network is too sure; 1 also where there were too few images to fit it.</summary>
    public float Temperature { get; }

    /// <summary>The familiarity, from -1 to 1, below which an image shows none of the classes: 95 % of the validation images are above it. Null where there were
    /// too few images to tell, or the network does not end in a fully connected layer.</summary>
    public float? Threshold { get; }

    /// <summary>Number of features that it judges by; 0 without a threshold.</summary>
    internal int Features { get; }

    internal byte[] ClassMeans { get; }

    /// <summary>The cosine between an image's features and the nearest class mean, from -1 to 1.</summary>
    internal float Familiarity(ReadOnlySpan<float> features)
    {
        var (norm, nearest) = (MathF.Sqrt(Dot(features, features)), float.NegativeInfinity);
        foreach (var direction in _directions)
            nearest = Math.Max(nearest, Dot(features, direction));
        return norm > 0 ? nearest / norm : 0;
    }

    /// <summary>What to think of an image.</summary>
    /// <param name="probability">The highest probability, at this temperature.</param>
    /// <param name="familiarity">Of its features; null if unknown.</param>
    internal Verdict Judge(float probability, float? familiarity) =>
        familiarity < Threshold ? Verdict.NoneOfTheClasses : probability < SureFrom ? Verdict.NotSure : Verdict.Sure;

    /// <summary>A class mean of length 1; zeros stay zeros.</summary>
    private static float[] Direction(ReadOnlySpan<byte> mean)
    {
        var values = new float[mean.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = (sbyte)mean[i];
        var norm = MathF.Sqrt(Dot(values, values));
        foreach (ref var value in values.AsSpan())
            value /= norm > 0 ? norm : 1;
        return values;
    }

    private static float Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        var xs = MemoryMarshal.Cast<float, Vector<float>>(x);
        var ys = MemoryMarshal.Cast<float, Vector<float>>(y);
        var sum = Vector<float>.Zero;
        for (var i = 0; i < xs.Length; i++)
            sum += xs[i] * ys[i];
        var total = Vector.Sum(sum);
        for (var i = xs.Length * Vector<float>.Count; i < x.Length; i++)
            total += x[i] * y[i];
        return total;
    }
}
