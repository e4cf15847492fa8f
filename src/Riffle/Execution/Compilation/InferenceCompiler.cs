using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// Compiles a network for inference: every step writes final values. Batch norm is folded into the weights and the bias, activations and residual sums are
/// epilogues of the products before them, layouts are chosen, and values share memory as soon as they can.
/// </summary>
internal sealed class InferenceCompiler
{
    private readonly LoweredNetwork _lowered;
    private readonly CompiledNetwork _compiled;
    private readonly HashSet<LoweredTensor> _inLanes;
    private readonly HashSet<LoweredStep> _fused = [];

    /// <summary>Copies by the planes they are of.</summary>
    private readonly Dictionary<string, CompiledValue> _copies = [];

    private InferenceCompiler(LoweredNetwork lowered, int laneCount)
    {
        (_lowered, _compiled) = (lowered, new(lowered, laneCount));
        _inLanes = laneCount == 1 ? LayoutChoice.ChannelsInLanes(lowered) : [];
    }

    /// <summary>The steps for blocks of images.</summary>
    /// <param name="network">The network.</param>
    /// <param name="laneCount">Images in a block: 16 or 1.</param>
    /// <exception cref="NotSupportedException">The network can't be lowered, or some channels of a value are clamped otherwise than others.</exception>
    public static CompiledNetwork Compile(Network network, int laneCount)
    {
        var compiler = new InferenceCompiler(new LoweredNetwork(network), laneCount);
        foreach (var step in compiler._lowered.Steps.SkipLast(1).Where(step => !compiler._fused.Contains(step)))
            compiler.Add(step);
        compiler._compiled.KeepLogits();
        Stages.Assign(compiler._compiled);
        compiler.Place();
        return compiler._compiled;
    }

    private void Add(LoweredStep step)
    {
        int[][] inputs = [.. step.Inputs.Select((planes, input) => InLayoutOf(step, planes, input))];
        var lanes = _inLanes.Contains(step.Output!) ? LanesOf(step, inputs) : [];
        var epilogue = new Epilogue { HasBias = step.Layer!.Parameters.Length > 0 };
        var output = step.Output!;
        if (SumBehind(step) is { } sum && ResidualOf(step, sum) is { } residual && (lanes.Length == 0 || Aligned(residual, lanes) is not null))
        {
            (output, epilogue) = (sum.Output!, epilogue with { Residual = residual });
            _fused.Add(sum);
        }
        else if (FunctionBehind(step) is { } function)
        {
            (output, epilogue) = (function.Output!, epilogue with { Function = ((Function)function.Primitive).Kind });
            _fused.Add(function);
        }

        var layout = lanes.Length > 0 ? Layout.ChannelsInLanes : _compiled.Images.Layout;
        _compiled.Add(new CompiledStep(
            step, step.Primitive, inputs, step.Input, _compiled.Add(output, layout, lanes), epilogue with { Clamp = ClampOf(step, output) }));
    }

    /// <summary>The blocks that hold, lane by lane, what is added to each block of a step's output; null where they do not fall together.</summary>
    public static LaneBlock[]? Aligned(CompiledNetwork compiled, int[] residual, int[] lanes)
    {
        var blocks = new LaneBlock?[lanes.Max() / Lanes.Count + 1];
        for (var c = 0; c < lanes.Length; c++)
        {
            var (block, lane) = Math.DivRem(lanes[c], Lanes.Count);
            var (from, at) = compiled.LaneOf(residual[c]);
            if (at != lane || (blocks[block] is { } other && other != from))
                return null;
            blocks[block] = from;
        }

        return [.. blocks.Select(block => block!)];
    }

    /// <summary>The value whose channels these planes are, all of them and in order; null where there is none.</summary>
    private CompiledValue? WholeValue(int[] planes)
    {
        var value = _compiled.ValueOf(planes[0]);
        return planes.AsSpan().SequenceEqual([.. Enumerable.Range(value.FirstPlane, value.Channels)]) ? value : null;
    }

    private LaneBlock[]? Aligned(int[] residual, int[] lanes) =>
        residual.All(plane => _compiled.ValueOf(plane).Layout == Layout.ChannelsInLanes) ? Aligned(_compiled, residual, lanes) : null;

    /// <summary>
    /// An input's planes as a step reads them. Planes of one image are brought side by side where the output has its channels in lanes, unless the kernel reads
    /// single values wherever they lie, as that of the stem and of scaling do.
    /// </summary>
    private int[] InLayoutOf(LoweredStep step, int[] planes, int input)
    {
        var isStem = step.Primitive is Product { IsPointwise: false, Groups: 1 } && planes.All(plane => _lowered.TensorOf(plane).Step < 0);
        var readsAnywhere = isStem || (step.Primitive is ChannelScale && input == 1);
        if (readsAnywhere || !_inLanes.Contains(step.Output!) || _compiled.ValueOf(planes[0]).Layout == Layout.ChannelsInLanes)
            return planes;
        var key = string.Join(',', planes);
        if (!_copies.TryGetValue(key, out var copy))
        {
            var shape = _compiled.ValueOf(planes[0]).Shape with { Channels = planes.Length };
            copy = _compiled.AddCopy($"{step.Name}, reordered", shape, Layout.ChannelsInLanes, [.. Enumerable.Range(0, planes.Length)]);
            _compiled.Add(new CompiledStep(step, new Reorder(), [planes], shape, copy, Epilogue.None));
            _copies.Add(key, copy);
        }

        return [.. Enumerable.Range(copy.FirstPlane, planes.Length)];
    }

    /// <summary>
    /// Where the channels of a step's output lie. Each group of a product begins with a block of its own; what works channel by channel leaves channels in the
    /// lanes where they are.
    /// </summary>
    private int[] LanesOf(LoweredStep step, int[][] inputs)
    {
        if (step.Primitive is Product product)
        {
            var width = step.Output!.Channels / product.Groups;
            var padded = (width + Lanes.Count - 1) / Lanes.Count * Lanes.Count;
            return [.. Enumerable.Range(0, step.Output.Channels).Select(c => padded * (c / width) + c % width)];
        }

        // A sum lies as its branch does, so that the sums of the units behind it fall together with their branches.
        if (step.Primitive is Sum && inputs.Select(WholeValue).MaxBy(value => value?.FirstStep) is { } branch)
            return branch.Lanes;
        var input = inputs[0];
        var blocks = _compiled.BlocksOf(input).Select((block, index) => (block, index)).ToDictionary(pair => pair.block, pair => pair.index);
        return [.. input.Select(plane => _compiled.LaneOf(plane)).Select(at => blocks[at.Block] * Lanes.Count + at.Lane)];
    }

    /// <summary>The sum that a pointwise convolution's output is wholly and only added to, while what it is added to is there already; null without.</summary>
    private LoweredStep? SumBehind(LoweredStep step) =>
        step.Primitive is Product { IsPointwise: true } && OnlyReader(step) is { Primitive: Sum } sum && !_fused.Contains(sum)
            && ResidualOf(step, sum)?.All(plane => _lowered.TensorOf(plane).Step < step.Index) == true
            ? sum
            : null;

    /// <summary>The function that a convolution's output is wholly and only read by; null without.</summary>
    private LoweredStep? FunctionBehind(LoweredStep step) =>
        step.Primitive is Product or Depthwise && OnlyReader(step) is { Primitive: Function } function
            && function.Inputs[0].SequenceEqual(PlanesOf(step.Output!)) && !_lowered.IsClamped(function.Output!.FirstPlane)
            ? function
            : null;

    /// <summary>The one step that reads an output, as it is and in the same layout; null where there are several.</summary>
    private LoweredStep? OnlyReader(LoweredStep step)
    {
        var output = step.Output!;
        return output.FirstReader == output.LastReader && _lowered.Steps[output.FirstReader] is { Output: { } next } reader
            && !PlanesOf(output).Any(_lowered.IsClamped) && _inLanes.Contains(output) == _inLanes.Contains(next)
            ? reader
            : null;
    }

    /// <summary>What a sum adds to a step's output; null where that is not one of its inputs.</summary>
    private static int[]? ResidualOf(LoweredStep step, LoweredStep sum)
    {
        var own = Array.FindIndex(sum.Inputs, planes => planes.AsSpan().SequenceEqual(PlanesOf(step.Output!)));
        return own < 0 ? null : sum.Inputs[1 - own];
    }

    private static int[] PlanesOf(LoweredTensor tensor) => [.. Enumerable.Range(tensor.FirstPlane, tensor.Channels)];

    private (float Low, float High) ClampOf(LoweredStep step, LoweredTensor output)
    {
        var clamp = _lowered.ClampOf(output.FirstPlane);
        return PlanesOf(output).All(plane => _lowered.ClampOf(plane) == clamp)
            ? clamp
            : throw new NotSupportedException($"{step.Name}: ReLU behind some of its channels only");
    }

    /// <summary>
    /// Planes are a cache line further apart than they are long: at powers of two the same position of all channels would fall into a few sets of the cache,
    /// and the last vector of a plane of one image may reach behind it. What a stage reads lives to its end: while one thread is still reading it, others may
    /// be at a later step of the stage.
    /// </summary>
    private void Place()
    {
        var memory = new MemoryLayout();
        foreach (var value in _compiled.Values)
        {
            var isBlocked = value.Layout == Layout.ChannelsInLanes;
            var length = (long)value.Positions * (isBlocked ? Lanes.Count : _compiled.LaneCount);
            var isTight = isBlocked || (value == _compiled.Images && _compiled.LaneCount > 1);
            value.Stride = isTight ? length : RoundUp(length + Contract.Slack);
            value.Size = isBlocked ? value.Blocks * length : RoundUp(value.Channels * value.Stride + Contract.Slack);
            value.Offset = memory.Place(value.Size, value.FirstStep, Stages.EndOf(_compiled, value.LastStep));
        }

        _compiled.DataSize = (memory.Size + 63) / 64 * 64;
    }

    private static long RoundUp(long floats) => (floats + Lanes.Count - 1) / Lanes.Count * Lanes.Count;
}
