// N. Ma, X. Zhang, H.-T. Zheng, J. Sun: ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design.
// arXiv:1807.11164, 2018 (ECCV 2018), Table 5 and Figure 3.
//
// Parameter names are those of torchvision's shufflenet_v2 in its order.

namespace Riffle.Networks;

/// <summary>ShuffleNet v2: units that split the channels, work on one half, and shuffle.</summary>
internal static class ShuffleNetV2
{
    private const int StemWidth = 24;

    /// <summary>Channels of stages 2, 3 and 4 and of the last pointwise convolution, for each scale.</summary>
    private static readonly Row[] Widths =
    [
        new(2.0, [244, 488, 976], 2048),
        new(1.5, [176, 352, 704], 1024),
        new(1.0, [116, 232, 464], 1024),
        new(0.5, [48, 96, 192], 1024),
    ];

    public static Family Family { get; } = new(
        "shufflenet-v2", Groups: [], [.. Widths.Select(row => row.Scale)], MinimumScale: null, Stages: 3, StemStrides: [1, 2], Downsamplings: 4, Describe);

    private static void Describe(NetworkBuilder network, Variant variant, NetworkSpec spec)
    {
        var (_, widths, last) = Widths.Single(row => row.Scale == variant.Scale);
        var (stem, head) = (network.Unit("conv1"), network.Unit("conv5"));
        var x = network.Input(spec.ImageSize, spec.ImageSize);
        x = stem.Relu(stem.ConvolutionNorm(0, x, StemWidth, kernel: 3, spec.StemStride));
        x = network.MaxPool(x, kernel: 3, stride: 2);
        for (var stage = 0; stage < widths.Length; stage++)
        {
            for (var unit = 0; unit < spec.Units[stage]; unit++)
                x = Unit(network.Unit($"stage{stage + 2}.{unit}"), x, widths[stage] / 2, down: unit == 0);
        }

        x = head.Relu(head.ConvolutionNorm(0, x, last));
        network.FullyConnected("fc", network.Unit("pool").GlobalAveragePool(x), spec.Classes);
    }

    /// <summary>Figure 3 (c), or (d) where the image is halved and both branches see all channels.</summary>
    private static Value Unit(NetworkBuilder unit, Value x, int half, bool down)
    {
        var left = down ? Left(unit.Unit("branch1"), x, half) : unit.Slice(x, 0, half);
        var right = Right(unit.Unit("branch2"), down ? x : unit.Slice(x, half, half), half, stride: down ? 2 : 1);
        return unit.ChannelShuffle(unit.Concat(left, right), groups: 2);
    }

    private static Value Left(NetworkBuilder branch, Value x, int width)
    {
        x = branch.DepthwiseNorm(0, x, stride: 2);
        return branch.Relu(branch.ConvolutionNorm(2, x, width));
    }

    private static Value Right(NetworkBuilder branch, Value x, int width, int stride)
    {
        x = branch.Relu(branch.ConvolutionNorm(0, x, width));
        x = branch.DepthwiseNorm(3, x, stride);
        return branch.Relu(branch.ConvolutionNorm(5, x, width));
    }

    private sealed record Row(double Scale, int[] Stages, int Last);
}
