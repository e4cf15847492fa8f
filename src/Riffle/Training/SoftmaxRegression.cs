using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Riffle.Evaluation;

namespace Riffle.Training;

/// <summary>
/// Fits a classifier to the features of images: softmax regression with L2 on the kernel, which has one optimum. Features are centred first and divided
/// by one common deviation, so that the strength of L2 means the same for every network. With a deviation of its own, a feature that hardly varies would count as much as
/// any other, and get weights that are too large to train on from.
/// </summary>
/// <remarks>L-BFGS (Nocedal, 1980) in double precision. What is added over images is added block by block, so the result does not depend on threads.</remarks>
internal sealed class SoftmaxRegression
{
    /// <summary>Corrections that L-BFGS remembers.</summary>
    private const int Memory = 10;

    /// <summary>Images whose gradients one thread adds up.</summary>
    private const int BlockImages = 64, MostBlocks = 32;

    /// <summary>Images that are computed together, so that a class's weights and sums are brought into the L1 cache once for all of them.</summary>
    private const int Together = 4;

    private readonly FeatureTable _features;
    private readonly int[] _images;
    private readonly int _classes, _width, _row;
    private readonly double _decay;
    private readonly float[] _values;
    private readonly double[] _mean;
    private readonly double _scale;
    private readonly double[][] _gradients;
    private readonly double[] _losses;

    private SoftmaxRegression(FeatureTable features, IReadOnlyList<int> images, int classes, double decay)
    {
        (_features, _images, _classes, _width, _decay) = (features, [.. images], classes, features.Width, decay);

        // Each row ends with a one, whose weight is the bias, and zeros up to a multiple of a vector.
        _row = (_width + 1 + 7) / 8 * 8;
        (_mean, _scale) = Moments();
        _values = new float[(long)_images.Length * _row];
        for (var i = 0; i < _images.Length; i++)
        {
            var from = features[_images[i]];
            var to = _values.AsSpan(i * _row, _row);
            for (var f = 0; f < _width; f++)
                to[f] = (float)((from[f] - _mean[f]) * _scale);
            to[_width] = 1;
        }

        var blocks = Math.Clamp((_images.Length + BlockImages - 1) / BlockImages, 1, MostBlocks);
        _gradients = [.. Enumerable.Range(0, blocks).Select(_ => new double[classes * _row])];
        _losses = new double[blocks];
    }

    /// <summary>Fits a classifier.</summary>
    /// <param name="features">The features.</param>
    /// <param name="images">The images to learn from, by their places in the table; at least one.</param>
    /// <param name="classes">The number of classes.</param>
    /// <param name="decay">Strength of L2, positive; small numbers trust the images more.</param>
    /// <param name="threads">Threads that compute; the result does not depend on it.</param>
    /// <param name="cancel">Stops between iterations.</param>
    /// <returns>The kernel, classes × features, and the biases.</returns>
    public static (float[] Kernel, float[] Bias) Fit(
        FeatureTable features, IReadOnlyList<int> images, int classes, double decay, int threads, CancellationToken cancel)
    {
        var problem = new SoftmaxRegression(features, images, classes, decay);
        return problem.OfOriginal(problem.Minimise(threads, cancel));
    }

    /// <summary>The logits of an image.</summary>
    /// <param name="features">Its features.</param>
    /// <param name="kernel">Classes × features.</param>
    /// <param name="bias">One for each class.</param>
    /// <param name="logits">Receives one for each class.</param>
    public static void Logits(ReadOnlySpan<float> features, float[] kernel, float[] bias, Span<float> logits)
    {
        for (var c = 0; c < bias.Length; c++)
        {
            double sum = bias[c];
            var row = kernel.AsSpan(c * features.Length, features.Length);
            for (var f = 0; f < features.Length; f++)
                sum += (double)row[f] * features[f];
            logits[c] = (float)sum;
        }
    }

    /// <summary>Minimises the cost from zeros.</summary>
    private double[] Minimise(int threads, CancellationToken cancel)
    {
        const int MostIterations = 300;
        const double Tolerance = 1e-4;
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = threads == 0 ? Environment.ProcessorCount : threads, CancellationToken = cancel };
        var (weights, gradient) = (new double[_classes * _row], new double[_classes * _row]);
        var (next, nextGradient) = (new double[weights.Length], new double[weights.Length]);
        var pairs = new List<(double[] Step, double[] Change, double Curvature)>();
        var cost = Cost(weights, gradient, parallel);
        for (var iteration = 0; iteration < MostIterations && Norm(gradient) > Tolerance; iteration++)
        {
            var direction = Direction(gradient, pairs);
            var slope = Dot(direction, gradient);
            var length = pairs.Count == 0 ? 1 / Math.Max(1, Norm(gradient)) : 1.0;
            double nextCost;
            for (; ; length /= 2)
            {
                for (var i = 0; i < weights.Length; i++)
                    next[i] = weights[i] + length * direction[i];
                nextCost = Cost(next, nextGradient, parallel);
                if (nextCost <= cost + 1e-4 * length * slope)
                    break;
                if (length < 1e-10)
                    return weights;
            }

            var (step, change) = (new double[weights.Length], new double[weights.Length]);
            for (var i = 0; i < weights.Length; i++)
                (step[i], change[i]) = (next[i] - weights[i], nextGradient[i] - gradient[i]);
            if (Dot(step, change) is > 0 and var curvature)
                pairs.Add((step, change, curvature));
            if (pairs.Count > Memory)
                pairs.RemoveAt(0);
            (weights, next, gradient, nextGradient, cost) = (next, weights, nextGradient, gradient, nextCost);
        }

        return weights;
    }

    /// <summary>Minus the gradient times an estimate of the inverse of the second derivatives.</summary>
    private static double[] Direction(double[] gradient, List<(double[] Step, double[] Change, double Curvature)> pairs)
    {
        var direction = new double[gradient.Length];
        for (var i = 0; i < direction.Length; i++)
            direction[i] = -gradient[i];
        var shares = new double[pairs.Count];
        for (var k = pairs.Count - 1; k >= 0; k--)
            AddTo(direction, -(shares[k] = Dot(pairs[k].Step, direction) / pairs[k].Curvature), pairs[k].Change);
        if (pairs.Count > 0)
        {
            var scale = pairs[^1].Curvature / Dot(pairs[^1].Change, pairs[^1].Change);
            for (var i = 0; i < direction.Length; i++)
                direction[i] *= scale;
        }

        for (var k = 0; k < pairs.Count; k++)
            AddTo(direction, shares[k] - Dot(pairs[k].Change, direction) / pairs[k].Curvature, pairs[k].Step);
        return direction;
    }

    /// <summary>The mean cross-entropy plus half the decay times the sum of the kernel's squares, and its gradient.</summary>
    private double Cost(double[] weights, double[] gradient, ParallelOptions parallel)
    {
        Parallel.For(0, _gradients.Length, parallel, block =>
        {
            var (sum, loss, logits) = (_gradients[block], 0.0, new double[Together * _classes]);
            Array.Clear(sum);
            var (first, end) = ((int)((long)_images.Length * block / _gradients.Length), (int)((long)_images.Length * (block + 1) / _gradients.Length));
            for (var i = first; i < end; i += Together)
            {
                var count = Math.Min(Together, end - i);
                for (var c = 0; c < _classes; c++)
                {
                    for (var g = 0; g < count; g++)
                        logits[(g * _classes) + c] = Product(weights.AsSpan(c * _row, _row), ValuesOf(i + g));
                }

                for (var g = 0; g < count; g++)
                    loss += Differentiate(logits.AsSpan(g * _classes, _classes), _features.Labels[_images[i + g]]);
                for (var c = 0; c < _classes; c++)
                {
                    for (var g = 0; g < count; g++)
                        AddTo(sum.AsSpan(c * _row, _row), logits[(g * _classes) + c], ValuesOf(i + g));
                }
            }

            _losses[block] = loss;
        });

        Array.Clear(gradient);
        foreach (var sum in _gradients)
            AddTo(gradient, 1.0 / _images.Length, sum);
        var penalty = 0.0;
        for (var c = 0; c < _classes; c++)
        {
            for (var i = c * _row; i < (c * _row) + _width; i++)
            {
                penalty += weights[i] * weights[i];
                gradient[i] += _decay * weights[i];
            }
        }

        return (_losses.Sum() / _images.Length) + (0.5 * _decay * penalty);
    }

    private Span<float> ValuesOf(int image) => _values.AsSpan(image * _row, _row);

    /// <summary>The cross-entropy of an image; its logits become the derivatives.</summary>
    private static double Differentiate(Span<double> logits, int label)
    {
        var (highest, total) = (double.NegativeInfinity, 0.0);
        foreach (var logit in logits)
            highest = Math.Max(highest, logit);
        var atLabel = logits[label];
        foreach (ref var logit in logits)
            total += logit = PortableMath.Exp(logit - highest);
        foreach (ref var value in logits)
            value /= total;
        logits[label] -= 1;
        return PortableMath.Log(total) + highest - atLabel;
    }

    /// <summary>The same classifier for features as the network gives them.</summary>
    private (float[] Kernel, float[] Bias) OfOriginal(double[] weights)
    {
        var (kernel, bias) = (new float[_classes * _width], new float[_classes]);
        for (var c = 0; c < _classes; c++)
        {
            var offset = weights[(c * _row) + _width];
            for (var f = 0; f < _width; f++)
            {
                var weight = weights[(c * _row) + f] * _scale;
                kernel[(c * _width) + f] = (float)weight;
                offset -= weight * _mean[f];
            }

            bias[c] = (float)offset;
        }

        return (kernel, bias);
    }

    /// <summary>The mean of each feature, and one over the common deviation of all; zero if they are always the same.</summary>
    private (double[] Mean, double Scale) Moments()
    {
        var (mean, squares) = (new double[_width], new double[_width]);
        foreach (var image in _images)
        {
            var row = _features[image];
            for (var f = 0; f < _width; f++)
            {
                mean[f] += row[f] / (double)_images.Length;
                squares[f] += (double)row[f] * row[f] / _images.Length;
            }
        }

        var variance = 0.0;
        for (var f = 0; f < _width; f++)
            variance += Math.Max(0, squares[f] - (mean[f] * mean[f])) / _width;
        return (mean, variance > 0 ? 1 / Math.Sqrt(variance) : 0);
    }

    private static double Norm(double[] values) => Math.Sqrt(Dot(values, values));

    /// <summary>In eight sums whatever the machine's vectors, so that the result is the same everywhere.</summary>
    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var va = MemoryMarshal.Cast<double, Vector512<double>>(a);
        var vb = MemoryMarshal.Cast<double, Vector512<double>>(b);
        var sum = Vector512<double>.Zero;
        for (var i = 0; i < va.Length; i++)
            sum += va[i] * vb[i];
        return Vector512.Sum(sum);
    }

    private static double Product(ReadOnlySpan<double> a, ReadOnlySpan<float> b)
    {
        var va = MemoryMarshal.Cast<double, Vector256<double>>(a);
        var vb = MemoryMarshal.Cast<float, Vector256<float>>(b);
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        for (var i = 0; i < vb.Length; i++)
        {
            var (l, h) = Vector256.Widen(vb[i]);
            (low, high) = (low + (va[2 * i] * l), high + (va[(2 * i) + 1] * h));
        }

        return Vector256.Sum(low + high);
    }

    private static void AddTo(Span<double> to, double factor, ReadOnlySpan<double> values)
    {
        for (var i = 0; i < to.Length; i++)
            to[i] += factor * values[i];
    }

    private static void AddTo(Span<double> to, double factor, ReadOnlySpan<float> values)
    {
        var wide = MemoryMarshal.Cast<double, Vector256<double>>(to);
        var from = MemoryMarshal.Cast<float, Vector256<float>>(values);
        for (var i = 0; i < from.Length; i++)
        {
            var (l, h) = Vector256.Widen(from[i]);
            (wide[2 * i], wide[(2 * i) + 1]) = (wide[2 * i] + (l * factor), wide[(2 * i) + 1] + (h * factor));
        }
    }
}
