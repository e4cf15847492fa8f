using Riffle.Kernels;
using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>The kinds of layers that kernels tell apart.</summary>
internal static class LayerForms
{
    /// <summary>A padding of one position at each side.</summary>
    private static readonly Padding One = Padding.Of(1);

    /// <summary>Whether each channel is a sum over one channel of the input, at its own place.</summary>
    public static bool IsDepthwise(this Layer layer) => layer.Operation is Convolution convolution
        && convolution.Groups == convolution.OutputChannels && layer.Parameters[0].Shape[1] == 1;

    /// <summary>Whether it is a matrix product over channels, position by position.</summary>
    public static bool IsPointwise(this Layer layer) =>
        layer.Operation is FullyConnected || (layer.Operation is Convolution { Kernel: 1, Stride: 1 } && !layer.IsDepthwise());

    /// <summary>Whether it is a convolution of any other kind.</summary>
    public static bool IsDense(this Layer layer) => layer.Operation is Convolution && !layer.IsPointwise() && !layer.IsDepthwise();

    /// <summary>Whether a pool has the window of a 3×3 kernel, a border of 1 and a stride of 1 or 2, which the networks of the papers have.</summary>
    public static bool IsPaperPool(this Layer layer) => layer.Operation switch
    {
        Networks.MaxPool { Kernel: 3, Stride: 1 or 2 } pool => pool.Padding == One,
        AveragePool { Kernel: 3, Stride: 1 or 2, CountsPadding: true } pool => pool.Padding == One,
        _ => false,
    };

    /// <summary>What of a layer training can't do; null where it can do all of it.</summary>
    public static string? UntrainablePart(this Layer layer) => layer.Operation switch
    {
        Convolution when layer.Parameters.Length > 1 => "a convolution with a bias",
        Convolution { Kernel: not (1 or 3) } or Convolution { Stride: not (1 or 2) } => "a kernel that is not 1×1 or 3×3, or a stride above 2",
        Convolution { Kernel: 3 } convolution when convolution.Padding != One => "padding other than 1",
        Relu { Ceiling: < float.PositiveInfinity } => "a ReLU with a ceiling",
        Networks.MaxPool or AveragePool when !layer.IsPaperPool() => "a pool that is not 3×3 with padding 1",
        _ => null,
    };

    /// <summary>The window of a convolution or a pool over planes of so many lanes.</summary>
    public static Window Window(this Layer layer, Shape input, int lanes)
    {
        var (kernel, stride, padding) = layer.Operation switch
        {
            Convolution convolution => (convolution.Kernel, convolution.Stride, convolution.Padding),
            Networks.MaxPool pool => (pool.Kernel, pool.Stride, pool.Padding),
            AveragePool pool => (pool.Kernel, pool.Stride, pool.Padding),
            _ => (input.Height, 1, default),
        };
        return new()
        {
            Height = input.Height,
            Width = input.Width,
            Stride = stride,
            Lanes = lanes,
            Kernel = kernel,
            Border = new(padding.Top, padding.Left, padding.Bottom, padding.Right),
        };
    }
}
