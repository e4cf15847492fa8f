// M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen: MobileNetV2: Inverted Residuals and Linear Bottlenecks. arXiv:1801.04381, 2018 (CVPR 2018),
// Table 2 and Figure 4 (d).
//
// Parameter names are those of torchvision's mobilenet_v2 in its order. Its dropout before the classifier is left out.

namespace Riffle.Networks;

/// <summary>MobileNet v2: units that widen, convolve depthwise and narrow again, with a shortcut between the narrow ends.</summary>
internal static class MobileNetV2
{
    private const int StemWidth = 32, LastWidth = 1280;
    private const float Maximum = 6;

    /// <summary>How much the units of a sequence widen (t), their channels (c), their number (n) and the stride of the first (s).</summary>
    private static readonly (int Expansion, int Width, int Count, int Stride)[] Sequences =
    [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ];

    public static Family Family { get; } = new(
        "mobilenet-v2", Groups: [], Scales: [1.0, 0.5], MinimumScale: 0.1, Stages: 0, StemStrides: [1, 2], Downsamplings: 4, Describe);

    private static void Describe(NetworkBuilder network, Variant variant, NetworkSpec spec)
    {
        var stem = network.Unit("features.0");
        var x = network.Input(spec.ImageSize, spec.ImageSize);
        x = stem.Relu(stem.ConvolutionNorm(0, x, Widths.Scaled(StemWidth, variant.Scale), kernel: 3, spec.StemStride), Maximum);
        var index = 1;
        foreach (var (expansion, width, count, stride) in Sequences)
        {
            for (var unit = 0; unit < count; unit++)
                x = Unit(network.Unit($"features.{index++}"), x, expansion, Widths.Scaled(width, variant.Scale), unit == 0 ? stride : 1);
        }

        var head = network.Unit($"features.{index}");
        x = head.Relu(head.ConvolutionNorm(0, x, Widths.Scaled(LastWidth, Math.Max(1, variant.Scale))), Maximum);
        network.FullyConnected("classifier.1", network.Unit("pool").GlobalAveragePool(x), spec.Classes);
    }

    private static Value Unit(NetworkBuilder unit, Value x, int expansion, int width, int stride)
    {
        var (y, position) = (x, 0);
        if (expansion > 1)
        {
            var wide = unit.Unit($"conv.{position++}");
            y = wide.Relu(wide.ConvolutionNorm(0, y, x.Channels * expansion), Maximum);
        }

        var depthwise = unit.Unit($"conv.{position++}");
        y = depthwise.Relu(depthwise.DepthwiseNorm(0, y, stride), Maximum);
        y = unit.Unit("conv").ConvolutionNorm(position, y, width);
        return stride == 1 && width == x.Channels ? unit.Add(x, y) : y;
    }
}
