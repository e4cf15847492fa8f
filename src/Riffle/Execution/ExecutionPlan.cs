using System.Collections.Immutable;
using System.Globalization;
using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>What a network is compiled for.</summary>
public enum PlanKind
{
    /// <summary>Inference of one image.</summary>
    Image,

    /// <summary>Inference of sixteen images at once.</summary>
    Batch,

    /// <summary>Training, by blocks of sixteen images.</summary>
    Training,
}

/// <summary>A value that a step reads or writes.</summary>
/// <param name="Layer">The layer whose output it is.</param>
/// <param name="Shape">Its shape for one image.</param>
/// <param name="Layout">How it lies in memory.</param>
/// <param name="Offset">Its first byte in the memory of an image, or of sixteen.</param>
/// <param name="Bytes">What it takes there.</param>
public sealed record PlanValue(string Layer, Shape Shape, Layout Layout, long Offset, long Bytes);

/// <summary>A step of a plan.</summary>
/// <param name="Layer">The layer that it computes, or that needs it where it is a reorder.</param>
/// <param name="Kernel">What it computes, as <c>depthwise 3×3/2</c> with a stride of 2 or <c>pointwise, 4 groups</c>.</param>
/// <param name="Inputs">The values that it reads channels of, each once.</param>
/// <param name="Output">What it writes.</param>
/// <param name="Epilogue">What it does with each value before it is written, as <c>bias, residual, clamp 0 to 6</c>; empty for nothing.</param>
/// <param name="Deferred">In training, what those who read its output apply, as <c>batch norm, clamp 0 to ∞</c>; empty for nothing.</param>
/// <param name="Cut">How threads share the step; null in training on one thread.</param>
public sealed record PlanStep(
    string Layer, string Kernel, ImmutableArray<PlanValue> Inputs, PlanValue Output, string Epilogue, string Deferred, PlanCut? Cut);

/// <summary>How the threads of a plan share a step: each computes some of the channels of its output; in training, of some of the blocks of the batch.</summary>
/// <param name="Stage">The number of the stage that the step belongs to; in training, of the step. In inference threads meet between stages, not within.</param>
/// <param name="Threads">Threads that are worth it for the stage, of those that there are.</param>
/// <param name="LargestShare">The part of the step that the thread with most of it computes: 1 on one thread, at best 1 / threads.</param>
public sealed record PlanCut(int Stage, int Threads, double LargestShare);

/// <summary>The steps that a network runs as, in their order, with layouts, fused epilogues and memory.</summary>
/// <param name="Kind">What they are for.</param>
/// <param name="Images">The images that come in.</param>
/// <param name="Steps">The steps.</param>
/// <param name="Bytes">Memory of all activations of an image, or of sixteen.</param>
/// <param name="GradientBytes">Memory of their gradients; 0 in inference.</param>
/// <param name="Threads">Threads that one image, or sixteen at once, is worth, of those that there are; in training, that a batch of 128 has work for.</param>
/// <param name="SpeedUp">How many times as fast as one thread these are, by the shapes alone: the work of the thread with most of it in each stage, and the
/// meetings. Memory may hold them back.</param>
public sealed record ExecutionPlan(
    PlanKind Kind, PlanValue Images, ImmutableArray<PlanStep> Steps, long Bytes, long GradientBytes, int Threads, double SpeedUp)
{
    /// <summary>Images in the batch that training threads share here.</summary>
    private const int Batch = 128;

    /// <summary>Compiles a network, without weights.</summary>
    /// <param name="network">The network.</param>
    /// <param name="kind">What for.</param>
    /// <param name="threads">Threads that may share an image, or sixteen, in inference; in training, a batch of 128.</param>
    /// <exception cref="NotSupportedException">The network can't be compiled for that; the message names the layer.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are no threads.</exception>
    public static ExecutionPlan Of(Network network, PlanKind kind, int threads = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (kind == PlanKind.Training && threads > 1)
            return SharedTraining(network, threads);
        using var program = kind == PlanKind.Training ? null : new InferenceProgram(network, kind == PlanKind.Image ? 1 : Lanes.Count, VectorLevels.Best);
        program?.LimitThreads(threads);
        var compiled = program?.Compiled ?? Training(network);
        PlanStep Step(CompiledStep step) => new(
            step.Name,
            step.Primitive.Text,
            [.. step.Inputs.Append(step.Epilogue.Residual ?? []).SelectMany(planes => planes).Select(compiled.ValueOf).Distinct().Select(Value)],
            Value(step.Output),
            Text(step.Epilogue),
            kind == PlanKind.Training ? Deferred(compiled.Lowered, step.Source.Output!) : "",
            program?.CutOf(step));
        return new(
            kind, Value(compiled.Images), [.. compiled.Steps.Select(Step)], sizeof(float) * compiled.DataSize, sizeof(float) * compiled.GradientSize,
            program?.MostThreads ?? 1, program is null ? 1 : program.WorkOn(1) / program.WorkOn(program.MostThreads));
    }

    /// <summary>A training plan with the work of its threads: by the blocks of the batch that each has, and within a block by the planes of each step.</summary>
    private static ExecutionPlan SharedTraining(Network network, int threads)
    {
        var blocks = Lanes.Blocks(Batch);
        var lowered = new LoweredNetwork(network);
        using var program = new TrainingProgram(lowered, new Weights(network), blocks, VectorLevels.Best);
        var (used, ofBlock) = TrainingPlan.Sharing(threads, blocks, program);
        var teams = used / ofBlock;
        var ofBatch = (double)((blocks + teams - 1) / teams) / blocks;

        // Backward takes twice the multiply-adds of forward.
        double[] shares = [.. program.Steps.Select(step => ofBatch * (Share.LargestOf(step.ForwardEdges, ofBlock) + 2 * Share.LargestOf(step.BackwardEdges, ofBlock)) / 3)];
        double[] work = [.. Training(network).Steps.Select(step => StepWork.Of(step, Lanes.Count))];
        var alone = Of(network, PlanKind.Training);
        return alone with
        {
            Threads = used,
            SpeedUp = work.Sum() / work.Zip(shares, (one, share) => one * share).Sum(),
            Steps = [.. alone.Steps.Select((step, index) => step with { Cut = new(index, used, shares[index]) })],
        };
    }

    private static CompiledNetwork Training(Network network)
    {
        var lowered = new LoweredNetwork(network);
        return TrainingCompiler.Compile(lowered, new GradientFlow(lowered), isFrozen: false, guard: 0);
    }

    private static PlanValue Value(CompiledValue value) =>
        new(value.Name, value.Shape, value.Layout, sizeof(float) * value.Offset, sizeof(float) * value.Size);

    private static string Text(Epilogue epilogue) => string.Join(", ", new[]
    {
        epilogue.HasBias ? "bias" : null,
        epilogue.HasStatistics ? "statistics" : null,
        epilogue.Residual is null ? null : "residual",
        epilogue.Function is { } function ? new Activation(function).Name : null,
        Text(epilogue.Clamp),
    }.OfType<string>());

    private static string Deferred(LoweredNetwork lowered, LoweredTensor tensor) => string.Join(", ", new[]
    {
        tensor.Bias is null ? null : "bias",
        tensor.Norm is null ? null : "batch norm",
        Text(lowered.ClampOf(tensor.FirstPlane)),
    }.OfType<string>());

    private static string? Text((float Low, float High) clamp)
    {
        static string End(float value) => float.IsInfinity(value) ? value < 0 ? "−∞" : "∞" : value.ToString(CultureInfo.InvariantCulture);
        return float.IsInfinity(clamp.Low) && float.IsInfinity(clamp.High) ? null : $"clamp {End(clamp.Low)} to {End(clamp.High)}";
    }
}
