using System.Globalization;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Riffle.Peers;

/// <summary>ShuffleNet v1, ShuffleNet v2 and MobileNet v1 in libtorch, by Riffle's names, in both presets.</summary>
internal static class LibTorchNetworks
{
    private static readonly Dictionary<int, int> V1Widths = new() { [1] = 144, [2] = 200, [3] = 240, [4] = 272, [8] = 384 };

    private static readonly Dictionary<double, int[]> V2Widths = new()
    {
        [0.5] = [48, 96, 192, 1024],
        [1.0] = [116, 232, 464, 1024],
        [1.5] = [176, 352, 704, 1024],
        [2.0] = [244, 488, 976, 2048],
    };

    private static readonly (int Width, int Stride)[] MobileNetUnits =
    [
        (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
    ];

    /// <summary>Height and width of an image in pixels.</summary>
    public static int Side(bool imageNet) => imageNet ? 224 : 56;

    public static int Classes(bool imageNet) => imageNet ? 1000 : 200;

    /// <param name="name">For example <c>shufflenet-v1-g3-x0.25</c>.</param>
    /// <param name="imageNet">The preset: <c>imagenet</c> or <c>tiny</c>.</param>
    /// <param name="channelsLast">Whether channel shuffle keeps the channels next to each other in memory.</param>
    public static Module<Tensor, Tensor> Build(string name, bool imageNet, bool channelsLast)
    {
        var scale = double.Parse(name[(name.LastIndexOf('x') + 1)..], CultureInfo.InvariantCulture);
        var (layers, features) = name.Split('-') switch
        {
            ["mobilenet", "v1", _] => MobileNet(scale),
            ["shufflenet", "v1", var groups, _] => ShuffleNetV1(int.Parse(groups[1..], CultureInfo.InvariantCulture), scale, imageNet, channelsLast),
            ["shufflenet", "v2", _] => ShuffleNetV2(scale, imageNet, channelsLast),
            _ => throw new ArgumentException($"{name} is none of shufflenet-v1-gG-xS, shufflenet-v2-xS and mobilenet-v1-xS"),
        };
        return Sequential([.. layers, AdaptiveAvgPool2d(1), Flatten(), Linear(features, Classes(imageNet))]);
    }

    private static (List<Module<Tensor, Tensor>> Layers, int Features) MobileNet(double scale)
    {
        int Scaled(int width) => (int)(width * scale);
        var channels = Scaled(32);
        List<Module<Tensor, Tensor>> layers = [.. Convolution(3, channels, kernel: 3, stride: 2), ReLU(inplace: true)];
        foreach (var (width, stride) in MobileNetUnits)
        {
            layers.AddRange([.. Depthwise(channels, stride), ReLU(inplace: true), .. Pointwise(channels, Scaled(width)), ReLU(inplace: true)]);
            channels = Scaled(width);
        }

        return (layers, channels);
    }

    private static (List<Module<Tensor, Tensor>> Layers, int Features) ShuffleNetV1(int groups, double scale, bool imageNet, bool channelsLast)
    {
        var channels = Divisible(24 * scale, groups);
        var layers = Stem(channels, imageNet);
        var first = Divisible(V1Widths[groups] * scale, 4 * groups);
        foreach (var (stage, units) in Units(imageNet).Index())
        {
            var width = first << stage;
            for (var unit = 0; unit < units; unit++, channels = width)
                layers.Add(new UnitV1(channels, width, stage == 0 && unit == 0 ? 1 : groups, groups, unit == 0, channelsLast));
        }

        return (layers, channels);
    }

    private static (List<Module<Tensor, Tensor>> Layers, int Features) ShuffleNetV2(double scale, bool imageNet, bool channelsLast)
    {
        var channels = 24;
        var layers = Stem(channels, imageNet);
        foreach (var (stage, units) in Units(imageNet).Index())
        {
            var width = V2Widths[scale][stage];
            for (var unit = 0; unit < units; unit++, channels = width)
                layers.Add(new UnitV2(channels, width, unit == 0, channelsLast));
        }

        var last = V2Widths[scale][3];
        layers.AddRange([.. Pointwise(channels, last), ReLU(inplace: true)]);
        return (layers, last);
    }

    private static int[] Units(bool imageNet) => imageNet ? [4, 8, 4] : [2, 4, 2];

    private static List<Module<Tensor, Tensor>> Stem(int channels, bool imageNet) =>
        [.. Convolution(3, channels, kernel: 3, stride: imageNet ? 2 : 1), ReLU(inplace: true), MaxPool2d(3, 2, 1)];

    /// <summary>The nearest multiple of a divisor, and not less than nine tenths of the value.</summary>
    private static int Divisible(double value, int divisor)
    {
        var nearest = Math.Max(divisor, (int)(value + divisor / 2.0) / divisor * divisor);
        return nearest < 0.9 * value ? nearest + divisor : nearest;
    }

    private static Module<Tensor, Tensor>[] Convolution(int input, int output, int kernel, int stride = 1, int groups = 1) =>
        [Conv2d(input, output, kernel, stride, kernel / 2, groups: groups, bias: false), BatchNorm2d(output)];

    private static Module<Tensor, Tensor>[] Pointwise(int input, int output, int groups = 1) => Convolution(input, output, kernel: 1, groups: groups);

    private static Module<Tensor, Tensor>[] Depthwise(int channels, int stride) => Convolution(channels, channels, kernel: 3, stride, channels);

    /// <summary>Deals the channels of each group out to all groups. What is last in memory stays last, so that the next layer need not reorder it.</summary>
    private static Tensor Shuffle(Tensor x, int groups, bool channelsLast)
    {
        var (images, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        return channelsLast
            ? x.permute(0, 2, 3, 1).view(images, height, width, groups, channels / groups).transpose(3, 4)
                .reshape(images, height, width, channels).permute(0, 3, 1, 2)
            : x.view(images, groups, channels / groups, height, width).transpose(1, 2).reshape(images, channels, height, width);
    }

    private sealed class UnitV1 : Module<Tensor, Tensor>
    {
        private readonly Sequential before;
        private readonly Sequential after;
        private readonly int groups;
        private readonly bool strided;
        private readonly bool channelsLast;

        public UnitV1(int input, int output, int firstGroups, int groups, bool strided, bool channelsLast)
            : base(nameof(UnitV1))
        {
            (this.groups, this.strided, this.channelsLast) = (groups, strided, channelsLast);
            var middle = output / 4;
            before = Sequential([.. Pointwise(input, middle, firstGroups), ReLU(inplace: true)]);
            after = Sequential([.. Depthwise(middle, strided ? 2 : 1), .. Pointwise(middle, strided ? output - input : output, groups)]);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var branch = after.forward(Shuffle(before.forward(input), groups, channelsLast));
            return (strided ? cat([functional.avg_pool2d(input, 3, 2, 1), branch], 1) : branch.add_(input)).relu_();
        }
    }

    private sealed class UnitV2 : Module<Tensor, Tensor>
    {
        private readonly Sequential right;
        private readonly Sequential? left;
        private readonly bool channelsLast;

        public UnitV2(int input, int output, bool strided, bool channelsLast)
            : base(nameof(UnitV2))
        {
            this.channelsLast = channelsLast;
            var half = output / 2;
            right = Sequential(
                [.. Pointwise(strided ? input : half, half), ReLU(inplace: true), .. Depthwise(half, strided ? 2 : 1), .. Pointwise(half, half),
                    ReLU(inplace: true)]);
            left = strided ? Sequential([.. Depthwise(input, 2), .. Pointwise(input, half), ReLU(inplace: true)]) : null;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var halves = left is null ? input.chunk(2, 1) : [left.forward(input), input];
            return Shuffle(cat([halves[0], right.forward(halves[1])], 1), 2, channelsLast);
        }
    }
}
