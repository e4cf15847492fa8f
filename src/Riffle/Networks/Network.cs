using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>Shape of one image's activations.</summary>
public readonly record struct Shape(int Channels, int Height, int Width)
{
    /// <summary>Channels × height × width.</summary>
    public long Elements => (long)Channels * Height * Width;

    /// <inheritdoc/>
    public override string ToString() => $"{Channels}×{Height}×{Width}";
}

/// <summary>What a parameter is: it decides how it starts, whether L2 applies to it and whether it is trained.</summary>
public enum ParameterKind
{
    /// <summary>Weights of a convolution or of the classifier.</summary>
    Kernel,

    /// <summary>Batch norm's weight (gamma).</summary>
    NormWeight,

    /// <summary>Batch norm's bias (beta).</summary>
    NormBias,

    /// <summary>Bias of the classifier or of a convolution.</summary>
    Bias,

    /// <summary>Running mean of batch norm; not trained.</summary>
    RunningMean,

    /// <summary>Running variance of batch norm; not trained.</summary>
    RunningVariance,
}

/// <summary>A named tensor of a network, with torchvision's name where torchvision has the network.</summary>
/// <param name="Name">For example <c>stage2.0.branch1.0.weight</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Shape">[out, in/groups, kH, kW] for convolutions, [out, in] for the classifier, [C] otherwise.</param>
public sealed record Parameter(string Name, ParameterKind Kind, ImmutableArray<int> Shape)
{
    /// <summary>Number of values.</summary>
    public int Count { get; } = Shape.Aggregate(1, (a, b) => checked(a * b));

    /// <summary>Whether an optimiser changes it: all but the running statistics.</summary>
    public bool IsTrained => Kind is not (ParameterKind.RunningMean or ParameterKind.RunningVariance);
}

/// <summary>One node of a network.</summary>
/// <param name="Index">Its place in <see cref="Network.Layers"/>.</param>
/// <param name="Name">Prefix of its parameters' names, for example <c>conv1.0</c>; unique.</param>
/// <param name="Operation">What it does.</param>
/// <param name="Inputs">Indices of the layers it reads, all smaller than <paramref name="Index"/>.</param>
/// <param name="Output">Its output shape.</param>
/// <param name="Parameters">Its parameters, in the order torch lists them.</param>
public sealed record Layer(int Index, string Name, Operation Operation, ImmutableArray<int> Inputs, Shape Output, ImmutableArray<Parameter> Parameters)
{
    /// <summary>The part of the network it was described in, for example <c>stage2.0</c>; its own name if it is in none.</summary>
    public string Unit { get; init; } = Name;
}

/// <summary>A network as data: an immutable graph of layers in an order in which they can run. The first layer is the input, the last gives the
/// logits.</summary>
public sealed class Network
{
    internal Network(string name, ImmutableArray<Layer> layers)
    {
        Name = name;
        Layers = layers;
        Parameters = [.. layers.SelectMany(layer => layer.Parameters)];
    }

    /// <summary>For example <c>shufflenet-v1-g3-x1.0</c>.</summary>
    public string Name { get; }

    /// <summary>The layers, each after those it reads.</summary>
    public ImmutableArray<Layer> Layers { get; }

    /// <summary>Every parameter, in the order of the layers.</summary>
    public ImmutableArray<Parameter> Parameters { get; }

    /// <summary>Shape of an input image.</summary>
    public Shape Input => Layers[0].Output;

    /// <summary>Number of classes: the length of the logits.</summary>
    public int Classes => Layers[^1].Output.Channels;
}
