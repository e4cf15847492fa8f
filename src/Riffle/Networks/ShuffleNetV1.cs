// X. Zhang, X. Zhou, M. Lin, J. Sun: ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices.
// arXiv:1707.01083, 2017 (CVPR 2018), Table 1 and Figure 2.
//
// Parameter names have the pattern and the positions of torchvision's ShuffleNet v2: conv1.0 and conv1.1 are the stem's convolution and batch norm,
// stage2.0.branch2.{0,1}, {3,4} and {5,6} a unit's three convolutions, each with its batch norm (2 is the ReLU), and fc the classifier.

namespace Riffle.Networks;

/// <summary>ShuffleNet v1: units of grouped pointwise, shuffle, depthwise and grouped pointwise convolutions beside a shortcut.</summary>
internal static class ShuffleNetV1
{
    private const int StemWidth = 24;

    /// <summary>Channels of stage 2 for each number of groups; each further stage has twice as many.</summary>
    private static readonly Dictionary<int, int> Stage2Widths = new() { [1] = 144, [2] = 200, [3] = 240, [4] = 272, [8] = 384 };

    public static Family Family { get; } = new(
        "shufflenet-v1", [.. Stage2Widths.Keys], Scales: [1.0, 0.5, 0.25], MinimumScale: 0.01, Stages: 3, StemStrides: [1, 2], Downsamplings: 4, Describe);

    private static void Describe(NetworkBuilder network, Variant variant, NetworkSpec spec)
    {
        var (groups, scale) = variant;
        var width = MakeDivisible(Stage2Widths[groups] * scale, 4 * groups);
        var stem = network.Unit("conv1");
        var x = network.Input(spec.ImageSize, spec.ImageSize);
        x = stem.Relu(stem.ConvolutionNorm(0, x, MakeDivisible(StemWidth * scale, groups), kernel: 3, spec.StemStride));
        x = network.MaxPool(x, kernel: 3, stride: 2);
        for (var stage = 0; stage < spec.Units.Length; stage++, width *= 2)
        {
            for (var unit = 0; unit < spec.Units[stage]; unit++)
                x = Unit(network.Unit($"stage{stage + 2}.{unit}"), x, width, groups, first: stage == 0 && unit == 0, down: unit == 0);
        }

        network.FullyConnected("fc", network.Unit("pool").GlobalAveragePool(x), spec.Classes);
    }

    /// <summary>Figure 2 (b), or (c) where the image is halved. The very first pointwise convolution has no groups: its input is too narrow.</summary>
    private static Value Unit(NetworkBuilder unit, Value x, int width, int groups, bool first, bool down)
    {
        var branch = unit.Unit("branch2");
        var y = branch.Relu(branch.ConvolutionNorm(0, x, width / 4, groups: first ? 1 : groups));
        y = branch.ChannelShuffle(y, groups);
        y = branch.DepthwiseNorm(3, y, stride: down ? 2 : 1);
        y = branch.ConvolutionNorm(5, y, down ? width - x.Channels : width, groups: groups);
        return unit.Relu(down ? unit.Concat(unit.AveragePool(x, kernel: 3, stride: 2), y) : unit.Add(x, y));
    }

    /// <summary>The rule of the MobileNet authors' code: the nearest multiple of the divisor, at least one, and never below nine tenths of the value.</summary>
    private static int MakeDivisible(double value, int divisor)
    {
        var nearest = Math.Max(divisor, (int)(value + divisor / 2.0) / divisor * divisor);
        return nearest < 0.9 * value ? nearest + divisor : nearest;
    }
}
