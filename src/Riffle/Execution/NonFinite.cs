using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>A value that is infinite or not a number, and where it appeared. The searches walk in the order in which values come about; they are for the moment
/// after a loss has gone wrong, and cost nothing before.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="What">What of the layer.</param>
/// <param name="Value">NaN, or an infinity.</param>
internal sealed unsafe record NonFinite(Layer Layer, string What, float Value)
{
    /// <summary>What it is of a layer whose activations hold it.</summary>
    public const string Output = "its output";

    /// <summary>The first activation of a training step: what a layer gives, or what batch norm makes of it.</summary>
    /// <param name="lowered">The steps.</param>
    /// <param name="planes">What is deferred on their planes.</param>
    /// <param name="weights">Whose running statistics the step has moved.</param>
    /// <param name="blocks">The blocks of the batch.</param>
    /// <param name="images">Images in the batch: lanes behind them hold no values.</param>
    public static NonFinite? FirstActivation(LoweredNetwork lowered, in Planes planes, Weights weights, ReadOnlySpan<Block> blocks, int images)
    {
        foreach (var tensor in lowered.Tensors)
        {
            for (var p = tensor.FirstPlane; p < tensor.FirstPlane + tensor.Channels; p++)
            {
                if (InPlane(blocks, planes.Offset[p], tensor.Positions, images, scale: 1, shift: 0) is { } raw)
                    return new(tensor.Layer, Output, raw);
            }

            var behind = tensor.Norm ?? tensor.Layer;
            if (tensor.Norm is { } norm && FirstRunning(weights, norm) is { } running)
                return running;
            for (var p = tensor.FirstPlane; p < tensor.FirstPlane + tensor.Channels; p++)
            {
                if (InPlane(blocks, planes.Offset[p], tensor.Positions, images, planes.Scale[p], planes.Shift[p]) is { } normalised)
                    return new(behind, Output, normalised);
            }
        }

        return null;
    }

    /// <summary>The first of values that belong to trained weights, such as gradients: they come about from the last layer to the first.</summary>
    /// <param name="weights">Whose order the values have.</param>
    /// <param name="values">As many as there are trained weights.</param>
    /// <param name="what">What they are to a weight, as in "the gradient by".</param>
    public static NonFinite? FirstOf(Weights weights, ReadOnlySpan<float> values, string what)
    {
        foreach (var (layer, parameter) in LastToFirst(weights.Network))
        {
            if (parameter.IsTrained && In(values.Slice(weights.OffsetOf(parameter), parameter.Count)) is { } value)
                return new(layer, $"{what} {parameter.Name}", value);
        }

        return null;
    }

    /// <summary>The weight that was first: all change at the same time, by gradients that come about from the last layer to the first.</summary>
    public static NonFinite? FirstWeight(Weights weights) =>
        FirstOf(weights, weights.Trained, "its")
        ?? weights.Network.Layers.Select(layer => FirstRunning(weights, layer)).FirstOrDefault(found => found is not null);

    /// <summary>The first of some values; null where all are numbers.</summary>
    public static float? In(ReadOnlySpan<float> values)
    {
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
                return value;
        }

        return null;
    }

    private static NonFinite? FirstRunning(Weights weights, Layer layer)
    {
        foreach (var parameter in layer.Parameters.Where(p => !p.IsTrained))
        {
            if (In(weights[parameter.Name]) is { } value)
                return new(layer, $"its {parameter.Name}", value);
        }

        return null;
    }

    private static IEnumerable<(Layer Layer, Parameter Parameter)> LastToFirst(Network network) =>
        network.Layers.Reverse().SelectMany(layer => layer.Parameters.Select(parameter => (layer, parameter)));

    private static float? InPlane(ReadOnlySpan<Block> blocks, long offset, int positions, int images, float scale, float shift)
    {
        for (var b = 0; b < blocks.Length; b++)
        {
            var x = blocks[b].Data + offset;
            var lanes = Math.Min(Lanes.Count, images - b * Lanes.Count);
            for (var i = 0; i < positions * Lanes.Count; i++)
            {
                var value = scale * x[i] + shift;
                if (!float.IsFinite(value) && i % Lanes.Count < lanes)
                    return value;
            }
        }

        return null;
    }
}
