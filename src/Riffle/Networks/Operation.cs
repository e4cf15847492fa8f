namespace Riffle.Networks;

/// <summary>What a layer does. A closed set: every reader of a network (complexity, plans, ONNX) handles these and no others.</summary>
public abstract record Operation
{
    private protected Operation()
    {
    }
}

/// <summary>The network's images: 3×H×W.</summary>
public sealed record Input : Operation;

/// <summary>Positions added around an image.</summary>
/// <param name="Top">Rows above.</param>
/// <param name="Left">Columns before.</param>
/// <param name="Bottom">Rows below.</param>
/// <param name="Right">Columns behind.</param>
public readonly record struct Padding(int Top, int Left, int Bottom, int Right)
{
    /// <summary>The same at each side.</summary>
    public static Padding Of(int side) => new(side, side, side, side);
}

/// <summary>A square convolution, with a bias where the layer has a parameter for it. <paramref name="Groups"/> equal to the channels is depthwise,
/// <paramref name="Kernel"/> 1 is pointwise.</summary>
/// <param name="OutputChannels">Channels out, a multiple of <paramref name="Groups"/>.</param>
/// <param name="Kernel">Height and width of the kernel.</param>
/// <param name="Stride">Step in both directions.</param>
/// <param name="Padding">Zeros added around the image.</param>
/// <param name="Groups">Number of groups; each output channel sees C/groups input channels.</param>
public sealed record Convolution(int OutputChannels, int Kernel, int Stride, Padding Padding, int Groups) : Operation;

/// <summary>Batch normalisation (Ioffe and Szegedy, 2015): (x − mean) / sqrt(variance + ε) · weight + bias, per channel.</summary>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Momentum">Share of the new batch in the running mean and variance, as PyTorch counts it.</param>
public sealed record BatchNorm(float Epsilon = 1e-5f, float Momentum = 0.1f) : Operation;

/// <summary>min(max(x, 0), ceiling): ReLU, or ReLU6 where the ceiling is 6.</summary>
/// <param name="Ceiling">The largest value it gives.</param>
public sealed record Relu(float Ceiling = float.PositiveInfinity) : Operation;

/// <summary>Largest value of a window; padding never wins.</summary>
public sealed record MaxPool(int Kernel, int Stride, Padding Padding) : Operation;

/// <summary>Mean of a window.</summary>
/// <param name="Kernel">Height and width of the window.</param>
/// <param name="Stride">Step in both directions.</param>
/// <param name="Padding">Positions added around the image.</param>
/// <param name="CountsPadding">Whether padding counts as zeros, so that the divisor is always Kernel²; else the mean is of the image's own positions.</param>
public sealed record AveragePool(int Kernel, int Stride, Padding Padding, bool CountsPadding = true) : Operation;

/// <summary>Mean over height and width: C×H×W becomes C×1×1.</summary>
public sealed record GlobalAveragePool : Operation;

/// <summary>Channel shuffle (Zhang et al., 2017): channel i of group j becomes channel j of position i; channels seen as groups×C/groups are
/// transposed.</summary>
public sealed record ChannelShuffle(int Groups) : Operation;

/// <summary>Channels Start to Start + Count − 1 of the input.</summary>
public sealed record Slice(int Start, int Count) : Operation;

/// <summary>The inputs' channels one after the other.</summary>
public sealed record Concat : Operation;

/// <summary>Sum of two inputs of the same shape.</summary>
public sealed record Add : Operation;

/// <summary>A fully connected layer with bias over C×1×1: the classifier.</summary>
public sealed record FullyConnected(int Outputs) : Operation;
