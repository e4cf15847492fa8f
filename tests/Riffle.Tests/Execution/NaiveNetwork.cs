using Riffle.Networks;
using Riffle.Tests.Kernels;

namespace Riffle.Tests.Execution;

/// <summary>A network layer by layer as its description says, by the definitions of <see cref="Oracle"/>, in double precision.</summary>
internal static class NaiveNetwork
{
    /// <summary>Inference.</summary>
    /// <returns>Images×classes×1×1.</returns>
    public static Volume Run(Weights weights, Volume images) => RunAll(weights, images)[^1];

    /// <summary>Inference.</summary>
    /// <returns>What each layer gives.</returns>
    public static List<Volume> RunAll(Weights weights, Volume images) =>
        RunAll(weights.Network, parameter => [.. weights[parameter.Name].ToArray().Select(value => (double)value)], images, isTraining: false);

    /// <summary>The mean loss of a training step on a batch: batch norm takes the batch's own statistics.</summary>
    /// <param name="weights">The network, and where its parameters lie in <paramref name="trained"/>.</param>
    /// <param name="trained">The trained values, in the order of <see cref="Weights.Trained"/>.</param>
    /// <param name="images">The batch.</param>
    /// <param name="labels">Its classes.</param>
    /// <param name="smoothing">Label smoothing.</param>
    public static double Loss(Weights weights, double[] trained, Volume images, int[] labels, double smoothing)
    {
        double[] Values(Parameter parameter) => parameter.IsTrained ? trained[weights.OffsetOf(parameter)..][..parameter.Count] : [];
        return Oracle.SoftmaxCrossEntropy(RunAll(weights.Network, Values, images, isTraining: true)[^1], labels, smoothing);
    }

    private static List<Volume> RunAll(Network network, Func<Parameter, double[]> parameters, Volume images, bool isTraining)
    {
        var values = new List<Volume>();
        foreach (var layer in network.Layers)
            values.Add(Compute(layer, [.. layer.Inputs.Select(input => values[input])], parameters, images, isTraining));
        return values;
    }

    private static Volume Compute(Layer layer, Volume[] inputs, Func<Parameter, double[]> parameters, Volume images, bool isTraining)
    {
        var x = inputs.FirstOrDefault(images);
        double[] Values(int parameter) => parameters(layer.Parameters[parameter]);
        Volume Each(Func<int, int, int, int, double> value) => Volume.Create(x.Images, layer.Output.Channels, x.Height, x.Width, value);
        switch (layer.Operation)
        {
            case Input:
                return images;
            case Convolution c:
                var products = Oracle.Convolution(c.OutputChannels, c.Kernel, c.Stride, c.Groups, c.Padding).Forward(x, Values(0));
                var added = layer.Parameters.Length > 1 ? Values(1) : new double[c.OutputChannels];
                return Volume.Create(x.Images, c.OutputChannels, products.Height, products.Width, (n, k, y, p) => products[n, k, y, p] + added[k]);
            case FullyConnected:
                var (sums, bias) = (Oracle.Convolution(layer.Output.Channels, 1, 1, 1).Forward(x, Values(0)), Values(1));
                return Each((n, k, _, _) => sums[n, k, 0, 0] + bias[k]);
            case BatchNorm norm:
                var (weight, shift) = (Values(0), Values(1));
                var (mean, variance) = isTraining ? Statistics(x) : (Values(2), Values(3));
                return Each((n, c, y, p) => (x[n, c, y, p] - mean[c]) / Math.Sqrt(variance[c] + norm.Epsilon) * weight[c] + shift[c]);
            case Relu relu:
                return Each((n, c, y, p) => Math.Clamp(x[n, c, y, p], 0, relu.Maximum));
            case Activation activation:
                return Each((n, c, y, p) => Oracle.Activation(activation.Kind, x[n, c, y, p]));
            case Scale:
                return Each((n, c, y, p) => x[n, c, y, p] * inputs[1][n, c, 0, 0]);
            case MaxPool pool:
                return Oracle.Pool(x, pool.Kernel, pool.Stride, pool.Padding, (seen, _) => seen.Max());
            case AveragePool pool:
                return Oracle.Pool(x, pool.Kernel, pool.Stride, pool.Padding, (seen, all) => seen.Sum() / (pool.CountsPadding ? all : seen.Count));
            case GlobalAveragePool:
                return Oracle.GlobalAveragePool().Forward(x, []);
            case ChannelShuffle shuffle:
                // Channels as a matrix of groups × width, transposed.
                return Each((n, c, y, p) => x[n, c % shuffle.Groups * (x.Channels / shuffle.Groups) + c / shuffle.Groups, y, p]);
            case Slice slice:
                return Each((n, c, y, p) => x[n, slice.Start + c, y, p]);
            case Concat:
                return Each((n, c, y, p) => c < x.Channels ? x[n, c, y, p] : inputs[1][n, c - x.Channels, y, p]);
            case Add:
                return Oracle.Add(inputs[1]).Forward(x, []);
            default:
                throw new NotSupportedException($"{layer.Operation}");
        }
    }

    /// <summary>Mean and variance of each channel, over images and positions.</summary>
    private static (double[] Mean, double[] Variance) Statistics(Volume x)
    {
        double[] mean = new double[x.Channels], variance = new double[x.Channels];
        double count = x.Images * x.Height * x.Width;
        void Add(double[] sums, Func<double, int, double> term) =>
            Volume.Create(x.Images, x.Channels, x.Height, x.Width, (n, c, y, p) => sums[c] += term(x[n, c, y, p], c) / count);
        Add(mean, (value, _) => value);
        Add(variance, (value, c) => (value - mean[c]) * (value - mean[c]));
        return (mean, variance);
    }
}
