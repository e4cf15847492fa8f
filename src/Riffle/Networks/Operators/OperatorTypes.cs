using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Riffle.Networks;

/// <summary>Every operator, by which the settings of a network's layers are read and written. A test finds one that is missing.</summary>
[JsonSerializable(typeof(Activation))]
[JsonSerializable(typeof(Add))]
[JsonSerializable(typeof(AveragePool))]
[JsonSerializable(typeof(BatchNorm))]
[JsonSerializable(typeof(ChannelShuffle))]
[JsonSerializable(typeof(Concat))]
[JsonSerializable(typeof(Convolution))]
[JsonSerializable(typeof(FullyConnected))]
[JsonSerializable(typeof(GlobalAveragePool))]
[JsonSerializable(typeof(Input))]
[JsonSerializable(typeof(MaxPool))]
[JsonSerializable(typeof(Relu))]
[JsonSerializable(typeof(Scale))]
[JsonSerializable(typeof(Slice))]
internal sealed partial class OperatorTypes : JsonSerializerContext
{
    public static ImmutableArray<Type> All { get; } =
    [
        typeof(Activation), typeof(Add), typeof(AveragePool), typeof(BatchNorm), typeof(ChannelShuffle), typeof(Concat), typeof(Convolution), typeof(FullyConnected),
        typeof(GlobalAveragePool), typeof(Input), typeof(MaxPool), typeof(Relu), typeof(Scale), typeof(Slice),
    ];
}
