using Riffle.Kernels;
using Riffle.Networks;

namespace Riffle.Execution;

/// <summary>What the kernels know a lowered network's parts by.</summary>
internal static unsafe class LoweredExtensions
{
    /// <summary>A tensor's batch norm with the weights it works on; only where there is one.</summary>
    public static BatchNormalisation NormKernel(this LoweredTensor tensor, Weights weights)
    {
        var parameters = tensor.Norm!.Parameters;
        return new()
        {
            FirstPlane = tensor.FirstPlane,
            Channels = tensor.Channels,
            Positions = tensor.Positions,
            Epsilon = tensor.NormConstants.Epsilon,
            Momentum = tensor.NormConstants.Momentum,
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
    public static Window Window(this CompiledStep step, int lanes)
    {
        var (kernel, stride, padding) = step.Primitive.Window;
        return new()
        {
            Height = step.Input.Height,
            Width = step.Input.Width,
            Channels = step.Input.Channels,
            Stride = stride,
            Lanes = lanes,
            Kernel = kernel,
            Border = new(padding.Top, padding.Left, padding.Bottom, padding.Right),
        };
    }
}
