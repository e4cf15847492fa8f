// A. G. Howard et al.: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications. arXiv:1704.04861, 2017, Table 1.
//
// Parameter names follow torchvision's MobileNets: features.0 is the stem with convolution 0 and batch norm 1, features.1 to features.13 are the units with
// depthwise convolution and batch norm {0,1} and pointwise convolution and batch norm {3,4} (2 and 5 are ReLUs), and fc is the classifier.

namespace Riffle.Networks;

/// <summary>MobileNet v1: a chain of depthwise and pointwise convolutions.</summary>
internal static class MobileNetV1
{
    private const int StemWidth = 32;

    /// <summary>Channels and stride of each unit.</summary>
    private static readonly (int Width, int Stride)[] Units =
    [
        (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
    ];

    public static Family Family { get; } = new(
        "mobilenet-v1", Groups: [], Scales: [1.0, 0.5, 0.25], MinimumScale: 1.0 / StemWidth, Stages: 0, StemStrides: [2], Downsamplings: 4, Describe);

    private static void Describe(NetworkBuilder network, Variant variant, NetworkSpec spec)
    {
        int Scaled(int width) => (int)(width * variant.Scale);
        var stem = network.Unit("features.0");
        var x = network.Input(spec.ImageSize, spec.ImageSize);
        x = stem.Relu(stem.ConvolutionNorm(0, x, Scaled(StemWidth), kernel: 3, spec.StemStride));
        for (var i = 0; i < Units.Length; i++)
            x = Unit(network.Unit($"features.{i + 1}"), x, Scaled(Units[i].Width), Units[i].Stride);

        network.FullyConnected("fc", network.Unit("pool").GlobalAveragePool(x), spec.Classes);
    }

    private static Value Unit(NetworkBuilder unit, Value x, int width, int stride)
    {
        x = unit.Relu(unit.DepthwiseNorm(0, x, stride));
        return unit.Relu(unit.ConvolutionNorm(3, x, width));
    }
}
