namespace Riffle.Networks;

/// <summary>A convolution and its batch norm, named by their positions in a unit as torch's Sequential numbers them.</summary>
internal static class ConvolutionNormExtensions
{
    /// <summary>A convolution at <paramref name="position"/>, its batch norm at the next.</summary>
    public static Value ConvolutionNorm(
        this NetworkBuilder unit, int position, Value x, int width, int kernel = 1, int stride = 1, int groups = 1,
        float epsilon = 1e-5f, float momentum = 0.1f) =>
        unit.BatchNorm($"{position + 1}", unit.Convolution($"{position}", x, width, kernel, stride, groups), epsilon, momentum);

    /// <summary>A 3×3 depthwise convolution at <paramref name="position"/>, its batch norm at the next.</summary>
    public static Value DepthwiseNorm(this NetworkBuilder unit, int position, Value x, int stride) =>
        unit.ConvolutionNorm(position, x, x.Channels, kernel: 3, stride, groups: x.Channels);
}
