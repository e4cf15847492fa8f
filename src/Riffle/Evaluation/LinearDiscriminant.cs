using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Riffle.Evaluation;

/// <summary>
/// Linear discriminant analysis, out of fold: each image is judged by a classifier that was fitted to the other folds, so that it has not seen the image's
/// label. Classes are Gaussians with a common covariance, which is shrunk towards a sphere by as much as its own noise asks for (Ledoit and Wolf, "A
/// well-conditioned estimator for large-dimensional covariance matrices", 2004). It has a closed form: no steps, no settings, no random numbers.
/// </summary>
internal sealed class LinearDiscriminant
{
    private const int Folds = 5;

    private readonly float[] _features;
    private readonly int[] _labels;
    private readonly int _width, _classes;

    /// <summary>The fold of each image: the images of a class are dealt out one by one.</summary>
    private readonly int[] _folds;

    private LinearDiscriminant(float[] features, int[] labels, int classes)
    {
        (_features, _labels, _classes, _width) = (features, labels, classes, features.Length / labels.Length);
        var dealt = new int[classes];
        _folds = [.. labels.Select(label => dealt[label]++ % Folds)];
    }

    /// <summary>Logits of all images for all classes.</summary>
    /// <param name="features">Images × features.</param>
    /// <param name="labels">The class of each image.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="cancel">Stops between folds.</param>
    /// <returns>Images × classes; a class without images outside of a fold has −∞ there.</returns>
    public static float[] OutOfFold(float[] features, int[] labels, int classes, CancellationToken cancel)
    {
        var fits = new LinearDiscriminant(features, labels, classes);
        fits.Standardise();
        var scatters = Enumerable.Range(0, Folds).Select(fold => { cancel.ThrowIfCancellationRequested(); return fits.Scatter(fold); }).ToArray();
        var logits = new float[(long)labels.Length * classes];
        for (var fold = 0; fold < Folds; fold++)
        {
            cancel.ThrowIfCancellationRequested();
            fits.Judge(fold, scatters, logits);
        }

        return logits;
    }

    /// <summary>Mean 0 and variance 1 of each feature; one that never changes becomes 0.</summary>
    private void Standardise()
    {
        var images = _labels.Length;
        Parallel.For(0, _width, c =>
        {
            double sum = 0, squares = 0;
            for (var i = 0; i < images; i++)
                sum += _features[((long)i * _width) + c];
            var mean = sum / images;
            for (var i = 0; i < images; i++)
            {
                var from = _features[((long)i * _width) + c] - mean;
                squares += from * from;
            }

            var factor = squares > 1e-12 * images ? 1 / Math.Sqrt(squares / images) : 0;
            for (var i = 0; i < images; i++)
            {
                ref var value = ref _features[((long)i * _width) + c];
                value = (float)((value - mean) * factor);
            }
        });
    }

    /// <summary>The sum over a fold's images of the products of all pairs of features; below the diagonal.</summary>
    private double[] Scatter(int fold)
    {
        // So many images at once: a feature's values lie side by side, and a pair of features is a product of two short vectors.
        const int Images = 128;
        var result = new double[(long)_width * _width];
        var columns = new float[_width * Images];
        foreach (var some in Enumerable.Range(0, _labels.Length).Where(i => _folds[i] == fold).Chunk(Images))
        {
            Array.Clear(columns);
            for (var i = 0; i < some.Length; i++)
            {
                for (var c = 0; c < _width; c++)
                    columns[(c * Images) + i] = _features[((long)some[i] * _width) + c];
            }

            Parallel.For(0, _width, row =>
            {
                for (var column = 0; column <= row; column++)
                    result[((long)row * _width) + column] += Dot<float>(columns.AsSpan(row * Images, Images), columns.AsSpan(column * Images, Images));
            });
        }

        return result;
    }

    private void Judge(int fold, double[][] scatters, float[] logits)
    {
        var training = Enumerable.Range(0, _labels.Length).Where(i => _folds[i] != fold).ToArray();
        var (counts, means) = Means(training);
        var covariance = new double[(long)_width * _width];
        Parallel.For(0, _width, row =>
        {
            for (var column = 0; column <= row; column++)
            {
                var at = ((long)row * _width) + column;
                for (var other = 0; other < Folds; other++)
                    covariance[at] += other == fold ? 0 : scatters[other][at];
                for (var k = 0; k < _classes; k++)
                    covariance[at] -= counts[k] * means[k][row] * means[k][column];
                covariance[at] /= training.Length;
            }
        });
        Shrink(covariance, training, means);
        Cholesky(covariance);

        var weights = new float[_classes * _width];
        var biases = new double[_classes];
        Parallel.For(0, _classes, k =>
        {
            if (counts[k] == 0)
            {
                biases[k] = double.NegativeInfinity;
                return;
            }

            var solved = Solve(covariance, means[k]);
            for (var c = 0; c < _width; c++)
                weights[(k * _width) + c] = (float)solved[c];
            biases[k] = Math.Log((double)counts[k] / training.Length) - (solved.Zip(means[k], (a, b) => a * b).Sum() / 2);
        });
        Parallel.For(0, _labels.Length, i =>
        {
            for (var k = 0; k < _classes && _folds[i] == fold; k++)
                logits[((long)i * _classes) + k] = (float)(biases[k] + Dot<float>(Row(i), weights.AsSpan(k * _width, _width)));
        });
    }

    private (int[] Counts, double[][] Means) Means(int[] images)
    {
        var (counts, means) = (new int[_classes], Enumerable.Range(0, _classes).Select(_ => new double[_width]).ToArray());
        foreach (var i in images)
        {
            var row = Row(i);
            var mean = means[_labels[i]];
            counts[_labels[i]]++;
            for (var c = 0; c < _width; c++)
                mean[c] += row[c];
        }

        for (var k = 0; k < _classes; k++)
        {
            for (var c = 0; c < _width; c++)
                means[k][c] /= Math.Max(1, counts[k]);
        }

        return (counts, means);
    }

    /// <summary>Mixes a covariance with a sphere of the same size. The share of the sphere is the expected error of the covariance over its distance from the sphere.</summary>
    private void Shrink(double[] covariance, int[] images, double[][] means)
    {
        double trace = 0, norm = 0, fourth = 0;
        for (var row = 0; row < _width; row++)
        {
            for (var column = 0; column <= row; column++)
            {
                var value = covariance[((long)row * _width) + column];
                norm += value * value * (row == column ? 1 : 2);
            }

            trace += covariance[((long)row * _width) + row];
        }

        foreach (var i in images)
        {
            var row = Row(i);
            var (mean, length) = (means[_labels[i]], 0.0);
            for (var c = 0; c < _width; c++)
                length += (row[c] - mean[c]) * (row[c] - mean[c]);
            fourth += length * length;
        }

        var middle = trace / _width;
        var distance = norm - (middle * middle * _width);
        var error = ((fourth / images.Length) - norm) / images.Length;
        var share = Math.Clamp(distance > 0 ? error / distance : 1, 1e-4, 1);
        for (var row = 0; row < _width; row++)
        {
            for (var column = 0; column <= row; column++)
            {
                ref var value = ref covariance[((long)row * _width) + column];
                value = ((1 - share) * value) + (row == column ? (share * middle) + 1e-9 : 0);
            }
        }
    }

    /// <summary>The lower triangle L of a matrix that is L·Lᵀ, in its place.</summary>
    private void Cholesky(double[] matrix)
    {
        for (var column = 0; column < _width; column++)
        {
            var own = matrix.AsMemory(column * _width, column);
            var diagonal = Math.Sqrt(matrix[(column * _width) + column] - Dot<double>(own.Span, own.Span));
            matrix[(column * _width) + column] = diagonal;
            Parallel.For(column + 1, _width, row =>
            {
                ref var value = ref matrix[(row * _width) + column];
                value = (value - Dot<double>(matrix.AsSpan(row * _width, own.Length), own.Span)) / diagonal;
            });
        }
    }

    private double[] Solve(double[] lower, double[] right)
    {
        var result = (double[])right.Clone();
        for (var row = 0; row < _width; row++)
            result[row] = (result[row] - Dot<double>(lower.AsSpan(row * _width, row), result.AsSpan(0, row))) / lower[(row * _width) + row];
        for (var row = _width - 1; row >= 0; row--)
        {
            result[row] /= lower[(row * _width) + row];
            for (var above = 0; above < row; above++)
                result[above] -= lower[(row * _width) + above] * result[row];
        }

        return result;
    }

    private Span<float> Row(int image) => MemoryMarshal.CreateSpan(ref _features[(long)image * _width], _width);

    /// <summary>A sum of products, in the same order on every machine.</summary>
    private static double Dot<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
        where T : struct, INumber<T>
    {
        var (sum, at) = (Vector512<T>.Zero, 0);
        for (; at + Vector512<T>.Count <= a.Length; at += Vector512<T>.Count)
            sum += Vector512.Create(a[at..]) * Vector512.Create(b[at..]);
        var result = Vector512.Sum(sum);
        for (; at < a.Length; at++)
            result += a[at] * b[at];
        return double.CreateChecked(result);
    }
}
