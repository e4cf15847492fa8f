using Riffle.Networks;

namespace Riffle.Tests.Kernels;

/// <summary>An operation as its definition says, in double precision and without any cleverness.</summary>
/// <param name="Forward">y from x and weights.</param>
/// <param name="Backward">Adds to dx and dw what dy makes of them.</param>
internal sealed record Operation(Func<Volume, double[], Volume> Forward, Action<Volume, double[], Volume, Volume, double[]> Backward);

/// <summary>The definitions. Each backward is held against finite differences of its forward by the tests that use it.</summary>
internal static class Oracle
{
    public static double Activation(ActivationKind kind, double x) => kind switch
    {
        ActivationKind.HardSwish => x * Math.Clamp(x + 3, 0, 6) / 6,
        ActivationKind.HardSigmoid => Math.Clamp(x + 3, 0, 6) / 6,
        ActivationKind.Sigmoid => 1 / (1 + Math.Exp(-x)),
        _ => x / (1 + Math.Exp(-x)),
    };

    /// <summary>A function of each value.</summary>
    public static Operation Activation(ActivationKind kind) => new(
        (input, _) => Volume.Create(input.Images, input.Channels, input.Height, input.Width, (n, c, y, x) => Activation(kind, input[n, c, y, x])),
        (input, _, dy, dx, _) => Volume.Create(input.Images, input.Channels, input.Height, input.Width, (n, c, y, x) =>
            dx[n, c, y, x] += Slope(kind, input[n, c, y, x]) * dy[n, c, y, x]));

    /// <summary>weights [image][channel], which each position of the channel is multiplied by.</summary>
    public static Operation Scale() => new(
        (input, factors) => Volume.Create(input.Images, input.Channels, input.Height, input.Width, (n, c, y, x) =>
            input[n, c, y, x] * factors[n * input.Channels + c]),
        (input, factors, dy, dx, gradient) => Volume.Create(input.Images, input.Channels, input.Height, input.Width, (n, c, y, x) =>
        {
            gradient[n * input.Channels + c] += dy[n, c, y, x] * input[n, c, y, x];
            return dx[n, c, y, x] += dy[n, c, y, x] * factors[n * input.Channels + c];
        }));

    /// <summary>weights [out][in/groups][k][k], padding k/2 unless it is given.</summary>
    public static Operation Convolution(int outputs, int kernel, int stride, int groups, Padding? padding = null)
    {
        var (top, left, bottom, right) = padding ?? Padding.Of(kernel / 2);
        int Height(Volume input) => (input.Height + top + bottom - kernel) / stride + 1;
        int Width(Volume input) => (input.Width + left + right - kernel) / stride + 1;

        // Every product of the convolution: y at (n, o, y, x) takes x at (n, c, iy, ix) times w[i].
        void Each(Volume input, Action<int, int, int, int, int, int, int, int> product)
        {
            var (groupIn, groupOut) = (input.Channels / groups, outputs / groups);
            for (var n = 0; n < input.Images; n++)
            {
                for (var o = 0; o < outputs; o++)
                {
                    for (var i = 0; i < groupIn * kernel * kernel; i++)
                    {
                        var (c, ky, kx) = (o / groupOut * groupIn + i / (kernel * kernel), i / kernel % kernel, i % kernel);
                        for (var y = 0; y < Height(input); y++)
                        {
                            for (var x = 0; x < Width(input); x++)
                            {
                                var (iy, ix) = (y * stride + ky - top, x * stride + kx - left);
                                if (iy >= 0 && iy < input.Height && ix >= 0 && ix < input.Width)
                                    product(n, o, y, x, c, iy, ix, o * groupIn * kernel * kernel + i);
                            }
                        }
                    }
                }
            }
        }

        return new Operation(
            (input, weights) =>
            {
                var result = new Volume(input.Images, outputs, Height(input), Width(input));
                Each(input, (n, o, y, x, c, iy, ix, i) => result[n, o, y, x] += weights[i] * input[n, c, iy, ix]);
                return result;
            },
            (input, weights, dy, dx, dw) => Each(input, (n, o, y, x, c, iy, ix, i) =>
            {
                dw[i] += dy[n, o, y, x] * input[n, c, iy, ix];
                dx[n, c, iy, ix] += dy[n, o, y, x] * weights[i];
            }));
    }

    /// <summary>3×3 with padding that never wins.</summary>
    public static Operation MaxPool(int stride)
    {
        static (int Y, int X) Largest(Volume input, int n, int c, int y, int x)
        {
            (int Y, int X) best = (-1, -1);
            for (var ky = -1; ky <= 1; ky++)
            {
                for (var kx = -1; kx <= 1; kx++)
                {
                    if (input.At(n, c, y + ky, x + kx, double.NegativeInfinity) > (best.Y < 0 ? double.NegativeInfinity : input[n, c, best.Y, best.X]))
                        best = (y + ky, x + kx);
                }
            }

            return best;
        }

        return new Operation(
            (input, _) => Volume.Create(input.Images, input.Channels, Out(input.Height, 3, stride), Out(input.Width, 3, stride), (n, c, y, x) =>
            {
                var (by, bx) = Largest(input, n, c, y * stride, x * stride);
                return input[n, c, by, bx];
            }),
            (input, _, dy, dx, _) => Volume.Create(dy.Images, dy.Channels, dy.Height, dy.Width, (n, c, y, x) =>
            {
                var (by, bx) = Largest(input, n, c, y * stride, x * stride);
                return dx[n, c, by, bx] += dy[n, c, y, x];
            }));
    }

    /// <summary>3×3 with padding that counts: a depthwise convolution with ninths.</summary>
    public static Operation AveragePool(int channels, int stride)
    {
        var convolution = Convolution(channels, 3, stride, channels);
        var ninths = Enumerable.Repeat(1 / 9.0, 9 * channels).ToArray();
        return new Operation((x, _) => convolution.Forward(x, ninths), (x, _, dy, dx, _) => convolution.Backward(x, ninths, dy, dx, new double[9 * channels]));
    }

    /// <summary>
    /// A pool of any window: what it makes of the values that are within the image, of which there is at least one, and of the window's size.
    /// </summary>
    public static Volume Pool(Volume input, int kernel, int stride, Padding padding, Func<IReadOnlyList<double>, int, double> reduce)
    {
        var (height, width) = (input.Height + padding.Top + padding.Bottom - kernel, input.Width + padding.Left + padding.Right - kernel);
        return Volume.Create(input.Images, input.Channels, height / stride + 1, width / stride + 1, (n, c, y, x) =>
        {
            var seen = new List<double>();
            for (var iy = y * stride - padding.Top; iy < y * stride - padding.Top + kernel; iy++)
            {
                for (var ix = x * stride - padding.Left; ix < x * stride - padding.Left + kernel; ix++)
                {
                    if (iy >= 0 && iy < input.Height && ix >= 0 && ix < input.Width)
                        seen.Add(input[n, c, iy, ix]);
                }
            }

            return reduce(seen, kernel * kernel);
        });
    }

    /// <summary>Mean over positions.</summary>
    public static Operation GlobalAveragePool() => new(
        (input, _) => Volume.Create(input.Images, input.Channels, 1, 1, (n, c, _, _) =>
        {
            double sum = 0;
            for (var y = 0; y < input.Height; y++)
            {
                for (var x = 0; x < input.Width; x++)
                    sum += input[n, c, y, x];
            }

            return sum / (input.Height * input.Width);
        }),
        (input, _, dy, dx, _) => Volume.Create(input.Images, input.Channels, input.Height, input.Width, (n, c, y, x) =>
            dx[n, c, y, x] += dy[n, c, 0, 0] / (input.Height * input.Width)));

    /// <summary>x plus a value that is given.</summary>
    public static Operation Add(Volume other) => new(
        (input, _) => Volume.Create(input.Images, input.Channels, input.Height, input.Width, (n, c, y, x) => input[n, c, y, x] + other[n, c, y, x]),
        (input, _, dy, dx, _) => Volume.Create(input.Images, input.Channels, input.Height, input.Width, (n, c, y, x) => dx[n, c, y, x] += dy[n, c, y, x]));

    /// <summary>Mean loss over the images: of the labels, and of a teacher's logits, images×classes, for its share of the loss.</summary>
    public static double SoftmaxCrossEntropy(Volume logits, int[] labels, double smoothing, float[]? teacher = null, double share = 0, double temperature = 1)
    {
        var classes = logits.Channels;
        double loss = 0;
        for (var n = 0; n < logits.Images; n++)
        {
            var x = Enumerable.Range(0, classes).Select(k => logits[n, k, 0, 0]).ToArray();
            var target = Enumerable.Range(0, classes).Select(k => smoothing / classes + (k == labels[n] ? 1 - smoothing : 0));
            loss += (1 - share) * CrossEntropy(target, x);
            if (teacher is null)
                continue;
            var z = teacher.Skip(n * classes).Take(classes).Select(value => Math.Exp(value / temperature)).ToArray();
            loss += share * temperature * temperature * CrossEntropy(z.Select(value => value / z.Sum()), [.. x.Select(value => value / temperature)]);
        }

        return loss / logits.Images;
    }

    private static double Slope(ActivationKind kind, double x)
    {
        var sigmoid = 1 / (1 + Math.Exp(-x));
        return kind switch
        {
            ActivationKind.HardSwish => x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6,
            ActivationKind.HardSigmoid => Math.Abs(x) >= 3 ? 0 : 1 / 6.0,
            ActivationKind.Sigmoid => sigmoid * (1 - sigmoid),
            _ => sigmoid * (1 + x * (1 - sigmoid)),
        };
    }

    private static double CrossEntropy(IEnumerable<double> target, double[] logits)
    {
        var sum = logits.Sum(Math.Exp);
        return -target.Zip(logits, (t, x) => t * (x - Math.Log(sum))).Sum();
    }

    private static int Out(int size, int kernel, int stride) => (size + 2 * (kernel / 2) - kernel) / stride + 1;
}
