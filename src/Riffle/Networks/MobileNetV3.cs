// A. Howard, M. Sandler, G. Chu, L.-C. Chen, B. Chen, M. Tan, W. Wang, Y. Zhu, R. Pang, V. Vasudevan, Q. V. Le, H. Adam: Searching for MobileNetV3.
// arXiv:1905.02244, 2019 (ICCV 2019), Tables 1 and 2.
//
// Parameter names are those of torchvision's mobilenet_v3_large and mobilenet_v3_small in their order. Their dropout before the classifier is left out.

namespace Riffle.Networks;

/// <summary>MobileNet v3: the units of v2 with squeeze-and-excite, hard-swish and 5×5 kernels where a search found them worth their time.</summary>
internal static class MobileNetV3
{
    private const int StemWidth = 16;

    /// <summary>The last pointwise convolution has so many times the channels it reads.</summary>
    private const int HeadExpansion = 6;

    /// <summary>Squeeze-and-excite has one hidden channel for so many.</summary>
    private const int SqueezeFactor = 4;

    /// <summary>TensorFlow's, which torchvision takes over.</summary>
    private const float Epsilon = 1e-3f, Momentum = 0.01f;

    /// <summary>Table 1: kernel, channels inside and out, squeeze-and-excite, hard-swish, stride.</summary>
    private static readonly UnitRow[] Large =
    [
        new(3, 16, 16, false, false, 1), new(3, 64, 24, false, false, 2), new(3, 72, 24, false, false, 1),
        new(5, 72, 40, true, false, 2), new(5, 120, 40, true, false, 1), new(5, 120, 40, true, false, 1),
        new(3, 240, 80, false, true, 2), new(3, 200, 80, false, true, 1), new(3, 184, 80, false, true, 1), new(3, 184, 80, false, true, 1),
        new(3, 480, 112, true, true, 1), new(3, 672, 112, true, true, 1),
        new(5, 672, 160, true, true, 2), new(5, 960, 160, true, true, 1), new(5, 960, 160, true, true, 1),
    ];

    /// <summary>Table 2.</summary>
    private static readonly UnitRow[] Small =
    [
        new(3, 16, 16, true, false, 2), new(3, 72, 24, false, false, 2), new(3, 88, 24, false, false, 1),
        new(5, 96, 40, true, true, 2), new(5, 240, 40, true, true, 1), new(5, 240, 40, true, true, 1),
        new(5, 120, 48, true, true, 1), new(5, 144, 48, true, true, 1),
        new(5, 288, 96, true, true, 2), new(5, 576, 96, true, true, 1), new(5, 576, 96, true, true, 1),
    ];

    public static Family LargeFamily { get; } = Of("mobilenet-v3-large", Large, lastWidth: 1280);

    public static Family SmallFamily { get; } = Of("mobilenet-v3-small", Small, lastWidth: 1024);

    private static Family Of(string name, UnitRow[] units, int lastWidth) => new(
        name, Groups: [], Scales: [1.0, 0.75], MinimumScale: 0.1, Stages: 0, StemStrides: [1, 2], Downsamplings: 4,
        (network, variant, spec) => Describe(network, variant, spec, units, lastWidth));

    private static void Describe(NetworkBuilder network, Variant variant, NetworkSpec spec, UnitRow[] units, int lastWidth)
    {
        int Scaled(int width) => Widths.Scaled(width, variant.Scale);
        var stem = network.Unit("features.0");
        var x = network.Input(spec.ImageSize, spec.ImageSize);
        x = stem.Activation(Normed(stem, x, Scaled(StemWidth), kernel: 3, spec.StemStride), ActivationKind.HardSwish);
        for (var i = 0; i < units.Length; i++)
            x = Unit(network.Unit($"features.{i + 1}"), x, units[i] with { Inner = Scaled(units[i].Inner), Width = Scaled(units[i].Width) });

        var head = network.Unit($"features.{units.Length + 1}");
        x = head.Activation(Normed(head, x, HeadExpansion * x.Channels), ActivationKind.HardSwish);
        x = network.FullyConnected("classifier.0", network.Unit("pool").GlobalAveragePool(x), Scaled(lastWidth));
        network.FullyConnected("classifier.3", network.Activation(x, ActivationKind.HardSwish), spec.Classes);
    }

    private static Value Unit(NetworkBuilder unit, Value x, UnitRow row)
    {
        Value Activated(NetworkBuilder part, Value value) => row.HardSwish ? part.Activation(value, ActivationKind.HardSwish) : part.Relu(value);
        var (y, position) = (x, 0);
        if (row.Inner != x.Channels)
        {
            var wide = unit.Unit($"block.{position++}");
            y = Activated(wide, Normed(wide, y, row.Inner));
        }

        var depthwise = unit.Unit($"block.{position++}");
        y = Activated(depthwise, Normed(depthwise, y, row.Inner, row.Kernel, row.Stride, groups: row.Inner));
        if (row.Squeeze)
            y = SqueezeAndExcite(unit.Unit($"block.{position++}"), y);
        y = Normed(unit.Unit($"block.{position}"), y, row.Width);
        return row.Stride == 1 && row.Width == x.Channels ? unit.Add(x, y) : y;
    }

    /// <summary>Each channel times what two layers make of the means of all channels (Hu et al., 2018).</summary>
    private static Value SqueezeAndExcite(NetworkBuilder unit, Value x)
    {
        var hidden = unit.Convolution("fc1", unit.GlobalAveragePool(x), Widths.Divisible(x.Channels / SqueezeFactor), kernel: 1, bias: true);
        var factors = unit.Convolution("fc2", unit.Relu(hidden), x.Channels, kernel: 1, bias: true);
        return unit.Scale(x, unit.Activation(factors, ActivationKind.HardSigmoid));
    }

    private static Value Normed(NetworkBuilder part, Value x, int width, int kernel = 1, int stride = 1, int groups = 1) =>
        part.ConvolutionNorm(0, x, width, kernel, stride, groups, Epsilon, Momentum);

    private readonly record struct UnitRow(int Kernel, int Inner, int Width, bool Squeeze, bool HardSwish, int Stride);
}
