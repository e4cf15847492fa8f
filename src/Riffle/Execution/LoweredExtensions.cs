using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>What the kernels know a lowered network's parts by.</summary>
internal static unsafe class LoweredExtensions
{
    /// <summary>Floats of one plane of sixteen images: H·W·16.</summary>
    public static int PlaneSize(this LoweredTensor tensor) => tensor.Positions * Lanes.Count;

    /// <summary>Floats of all planes of sixteen images.</summary>
    public static long Size(this LoweredTensor tensor) => (long)tensor.Channels * tensor.PlaneSize();

    /// <summary>A tensor's batch norm with the weights it works on; only where there is one.</summary>
    public static BatchNormalisation NormKernel(this LoweredTensor tensor, Weights weights)
    {
        var (operation, parameters) = ((BatchNorm)tensor.Norm!.Operation, tensor.Norm.Parameters);
        return new()
        {
            FirstPlane = tensor.FirstPlane,
            Channels = tensor.Channels,
            Positions = tensor.Positions,
            Epsilon = operation.Epsilon,
            Momentum = operation.Momentum,
            Weight = weights.TrainedPointer + weights.OffsetOf(parameters[0]),
            Bias = weights.TrainedPointer + weights.OffsetOf(parameters[1]),
            RunningMean = weights.RunningPointer + weights.OffsetOf(parameters[2]),
            RunningVariance = weights.RunningPointer + weights.OffsetOf(parameters[3]),
        };
    }

    /// <summary>What a plane's values are cut off at, as kernels take it.</summary>
    public static Clamp KernelClampOf(this LoweredNetwork network, int plane)
    {
        var (low, high) = network.ClampOf(plane);
        return new(low, high);
    }

    /// <summary>Whether a window is 3×3 with a border of 1 and a stride of 1 or 2, as those of the papers' pools are.</summary>
    public static bool IsPaperWindow(this Primitive primitive) =>
        primitive.Window is { Kernel: 3, Stride: 1 or 2 } window && window.Padding == Padding.Of(1);

    /// <summary>The window of a step's primitive over planes of so many lanes.</summary>
    public static Window Window(this CompiledStep step, int lanes) => Window(step.Primitive, step.Input, lanes);

    /// <inheritdoc cref="Window(CompiledStep, int)"/>
    public static Window Window(this LoweredStep step, int lanes) => Window(step.Primitive, step.Input, lanes);

    private static Window Window(Primitive primitive, Shape input, int lanes)
    {
        var (kernel, stride, padding) = primitive.Window;
        return new()
        {
            Height = input.Height,
            Width = input.Width,
            Channels = input.Channels,
            Stride = stride,
            Lanes = lanes,
            Kernel = kernel,
            Border = new(padding.Top, padding.Left, padding.Bottom, padding.Right),
        };
    }
}
