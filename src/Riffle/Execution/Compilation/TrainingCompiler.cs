using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// Compiles a network for training: every step writes raw values, all of which are kept for the way back. Batch norm, biases and ReLU are deferred: whoever reads
/// a value applies them.
/// </summary>
internal static class TrainingCompiler
{
    /// <summary>The steps for blocks of sixteen images.</summary>
    /// <param name="lowered">The network.</param>
    /// <param name="flow">How its gradients go back.</param>
    /// <param name="isFrozen">Whether batch norm takes its running statistics, so that none are gathered.</param>
    /// <param name="guard">Floats that are left between values, where memory is guarded.</param>
    /// <exception cref="NotSupportedException">A step has no backward kernel; the message names its layer.</exception>
    public static CompiledNetwork Compile(LoweredNetwork lowered, GradientFlow flow, bool isFrozen, long guard)
    {
        RequireTrainable(lowered);
        var compiled = new CompiledNetwork(lowered, Lanes.Count);
        foreach (var step in lowered.Steps.SkipLast(1))
        {
            var output = compiled.Add(step.Output!, Layout.ImagesInLanes, []);
            var epilogue = new Epilogue { HasStatistics = step.Output!.Norm != null && !isFrozen };
            compiled.Add(new CompiledStep(step, step.Primitive, step.Inputs, step.Input, output, epilogue));
        }

        compiled.KeepLogits();
        PlaceData(compiled, guard);
        PlaceGradients(compiled, flow);
        return compiled;
    }

    private static void PlaceData(CompiledNetwork compiled, long guard)
    {
        var memory = new MemoryLayout();
        foreach (var value in compiled.Values)
        {
            value.Stride = (long)value.Positions * Lanes.Count;
            value.Size = value.Channels * value.Stride;
            value.Offset = memory.Place(value.Size + guard, value.FirstStep, compiled.Steps.Count);
        }

        compiled.DataSize = memory.Size;
    }

    /// <summary>Backward, time runs from the last step to the first. The images have no gradient.</summary>
    private static void PlaceGradients(CompiledNetwork compiled, GradientFlow flow)
    {
        var (memory, last, lowered) = (new MemoryLayout(), compiled.Lowered.Steps.Count, compiled.Lowered);
        foreach (var tensor in lowered.Tensors.Skip(1).Where(tensor => !flow.IsShared(tensor)).OrderByDescending(tensor => tensor.LastReader))
        {
            var value = compiled.ValueOf(tensor.FirstPlane);
            value.GradientOffset = memory.Place(value.Size, last - tensor.LastReader, last - flow.NeededUntil(tensor));
        }

        compiled.GradientSize = memory.Size;
    }

    /// <summary>Training has kernels for what the papers' networks are made of.</summary>
    private static void RequireTrainable(LoweredNetwork lowered)
    {
        foreach (var step in lowered.Steps.SkipLast(1))
        {
            var missing = step.Primitive switch
            {
                _ when step.Output is { Bias: not null, Norm: not null } => "a bias before batch norm, which cancels it",
                Product when step.Primitive.Window is { Kernel: not (1 or 3) } or { Stride: not (1 or 2) } =>
                    "a kernel that is not 1×1 or 3×3, or a stride above 2",
                Product { Kernel: 1, Stride: 2 } => "a 1×1 convolution with a stride",
                Product { Kernel: 3 } when !step.Primitive.IsPaperWindow() => "padding other than 1",
                Product { Kernel: 3 } product when product.Groups > 1 || step.Inputs[0].Any(plane => lowered.TensorOf(plane).Step >= 0) =>
                    "a 3×3 convolution that is not depthwise behind other layers than the images",
                MaxWindow or MeanWindow when !step.Primitive.IsPaperWindow() || step.Primitive is MeanWindow { CountsPadding: false } =>
                    "a pool that is not 3×3 with padding 1",
                _ => null,
            };
            if (missing is not null)
                throw new NotSupportedException($"{step.Name}: {missing}. Riffle runs this network, but can't train it.");
        }
    }
}
