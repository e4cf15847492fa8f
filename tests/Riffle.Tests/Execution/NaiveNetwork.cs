using Riffle.Execution;
using Riffle.Networks;
using Riffle.Tests.Kernels;

namespace Riffle.Tests.Execution;

/// <summary>A network in inference, layer by layer as its description says, by the definitions of <see cref="Oracle"/>.</summary>
internal static class NaiveNetwork
{
    /// <returns>Images×classes×1×1.</returns>
    public static Volume Run(Weights weights, Volume images) => RunAll(weights, images)[^1];

    /// <returns>What each layer gives.</returns>
    public static List<Volume> RunAll(Weights weights, Volume images)
    {
        var values = new List<Volume>();
        foreach (var layer in weights.Network.Layers)
            values.Add(Compute(layer, [.. layer.Inputs.Select(input => values[input])], weights, images));
        return values;
    }

    private static Volume Compute(Layer layer, Volume[] inputs, Weights weights, Volume images)
    {
        var x = inputs.FirstOrDefault(images);
        double[] Values(int parameter) => [.. weights[layer.Parameters[parameter].Name].ToArray().Select(value => (double)value)];
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
                var (weight, shift, mean, variance) = (Values(0), Values(1), Values(2), Values(3));
                return Each((n, c, y, p) => (x[n, c, y, p] - mean[c]) / Math.Sqrt(variance[c] + norm.Epsilon) * weight[c] + shift[c]);
            case Relu relu:
                return Each((n, c, y, p) => Math.Clamp(x[n, c, y, p], 0, relu.Ceiling));
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
}
