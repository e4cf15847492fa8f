using Riffle.Networks;

namespace Riffle.Tests.Networks;

/// <summary>A network that the catalogue does not have, with every kind of layer that trains.</summary>
internal static class OwnNetwork
{
    public const string Name = "striped";

    public static Network Create(int size, int classes)
    {
        var builder = new NetworkBuilder();
        var stem = builder.Unit("stem");
        var x = stem.Relu(stem.BatchNorm("1", stem.Convolution("0", builder.Input(size, size), 12, kernel: 3, stride: 2)), maximum: 6);
        x = builder.MaxPool(x, kernel: 3, stride: 1);
        x = Shuffled(builder.Unit("mixed"), x);
        x = Excited(builder.Unit("excited"), x);
        x = builder.AveragePool(x, kernel: 3, stride: 2);
        x = builder.Activation(builder.FullyConnected("hidden", builder.GlobalAveragePool(x), 20), ActivationKind.Silu);
        builder.FullyConnected("classes", x, classes);
        return builder.Build(Name);
    }

    /// <summary>Half of the channels pass, the other half are convolved in groups.</summary>
    private static Value Shuffled(NetworkBuilder unit, Value x)
    {
        var branch = unit.Slice(x, 6, 6);
        branch = unit.Relu(unit.BatchNorm("norm", unit.Convolution("grouped", branch, 6, kernel: 1, groups: 3)));
        return unit.ChannelShuffle(unit.Concat(unit.Slice(x, 0, 6), branch), groups: 2);
    }

    /// <summary>A 5×5 depthwise convolution, channels times factors, and a shortcut.</summary>
    private static Value Excited(NetworkBuilder unit, Value x)
    {
        var y = unit.BatchNorm("norm", unit.Convolution("depthwise", x, x.Channels, kernel: 5, groups: x.Channels), epsilon: 1e-3f, momentum: 0.01f);
        y = unit.Activation(y, ActivationKind.HardSwish);
        var factors = unit.Activation(unit.Convolution("factors", unit.GlobalAveragePool(y), x.Channels, kernel: 1, bias: true), ActivationKind.HardSigmoid);
        return unit.Add(unit.Scale(y, factors), x);
    }
}
