using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>
/// A network as the explicit list of the steps that run, for training or for inference: with the layout and the place of each value, and the epilogue of each
/// step. The back ends bind kernels to it and decide nothing.
/// </summary>
internal sealed class CompiledNetwork
{
    private readonly List<CompiledValue> _values = [];
    private readonly List<CompiledStep> _steps = [];

    /// <summary>By the number of a plane. Planes that a fused step would have had belong to nothing.</summary>
    private readonly List<CompiledValue?> _valueOf;

    /// <param name="lowered">The network.</param>
    /// <param name="laneCount">L, images in a block: 16 or 1.</param>
    public CompiledNetwork(LoweredNetwork lowered, int laneCount)
    {
        (Lowered, LaneCount) = (lowered, laneCount);
        _valueOf = [.. Enumerable.Repeat<CompiledValue?>(null, lowered.PlaneCount)];
        Images = Add(lowered.Images, laneCount == 1 ? Layout.Planes : Layout.ImagesInLanes, []);
    }

    /// <summary>What was compiled.</summary>
    public LoweredNetwork Lowered { get; }

    /// <summary>L.</summary>
    public int LaneCount { get; }

    /// <summary>The images.</summary>
    public CompiledValue Images { get; }

    /// <summary>All values, in the order in which they are written, the images first.</summary>
    public IReadOnlyList<CompiledValue> Values => _values;

    /// <summary>The steps in forward order.</summary>
    public IReadOnlyList<CompiledStep> Steps => _steps;

    /// <summary>Number of planes: those of the lowered network, then those of reordered copies.</summary>
    public int PlaneCount => _valueOf.Count;

    /// <summary>Floats of the activations of one block of images.</summary>
    public long DataSize { get; set; }

    /// <summary>Floats of the gradients of one block of images; 0 in inference.</summary>
    public long GradientSize { get; set; }

    /// <summary>The value that a plane belongs to.</summary>
    public CompiledValue ValueOf(int plane) => _valueOf[plane] ?? throw new InvalidOperationException($"plane {plane} is never written");

    /// <summary>Where planes begin.</summary>
    public long[] OffsetsOf(int[] planes) => [.. planes.Select(plane => ValueOf(plane).OffsetOf(plane - ValueOf(plane).FirstPlane))];

    /// <summary>The block of sixteen channels that a plane lies in, and its lane there.</summary>
    public (LaneBlock Block, int Lane) LaneOf(int plane)
    {
        var value = ValueOf(plane);
        var (block, lane) = Math.DivRem(value.Lanes[plane - value.FirstPlane], Lanes.Count);
        return (new(value, block), lane);
    }

    /// <summary>The blocks of sixteen channels that planes lie in, each once, in the order of their places.</summary>
    public LaneBlock[] BlocksOf(int[] planes) =>
        [.. planes.Select(plane => LaneOf(plane).Block).Distinct().OrderBy(block => block.Value.FirstPlane).ThenBy(block => block.Index)];

    /// <summary>Adds the value of a tensor.</summary>
    public CompiledValue Add(LoweredTensor tensor, Layout layout, int[] lanes)
    {
        var value = new CompiledValue(tensor.Layer.Name, tensor.Layer.Output, layout, tensor.FirstPlane, lanes);
        for (var c = 0; c < value.Channels; c++)
            _valueOf[tensor.FirstPlane + c] = value;
        return Add(value);
    }

    /// <summary>Adds a value with planes of its own.</summary>
    public CompiledValue AddCopy(string name, Shape shape, Layout layout, int[] lanes)
    {
        var value = new CompiledValue(name, shape, layout, _valueOf.Count, lanes);
        _valueOf.AddRange(Enumerable.Repeat(value, shape.Channels));
        return Add(value);
    }

    /// <summary>Adds a step that writes a value; what it reads lives at least as long.</summary>
    public void Add(CompiledStep step)
    {
        step.Output.FirstStep = step.Output.LastStep = _steps.Count;
        foreach (var plane in step.Inputs.Append(step.Epilogue.Residual ?? []).SelectMany(planes => planes))
            ValueOf(plane).LastStep = _steps.Count;
        _steps.Add(step);
    }

    /// <summary>Keeps the logits to the end.</summary>
    public void KeepLogits()
    {
        foreach (var plane in Lowered.Logits)
            ValueOf(plane).LastStep = _steps.Count;
    }

    private CompiledValue Add(CompiledValue value)
    {
        _values.Add(value);
        return value;
    }
}

/// <summary>Sixteen channels of a value that lie side by side.</summary>
internal sealed record LaneBlock(CompiledValue Value, int Index)
{
    /// <summary>Where its first position lies.</summary>
    public long Offset => Value.Offset + Index * Value.Stride;
}
