using Riffle.Kernels;
using Riffle.Networks;
using Riffle.Simd;

namespace Riffle.Execution;

/// <summary>A NaN or an infinity, and where it appeared. The searches follow the order in which values are computed. They run only
/// after a loss has become non-finite, and cost nothing before.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="What">Which values of the layer, for example "its output".</param>
/// <param name="Value">NaN, or an infinity.</param>
internal sealed unsafe record NonFinite(Layer Layer, string What, float Value)
{
    /// <summary>The values of a layer whose activations contain it.</summary>
    public const string Output = "its output";

    /// <summary>The first activation of a training step: the output of a layer, or of its batch norm.</summary>
    /// <param name="lowered">The steps.</param>
    /// <param name="planes">The planes and their deferred affines.</param>
    /// <param name="weights">Whose running statistics the step has moved.</param>
    /// <param name="blocks">The blocks of the batch.</param>
    /// <param name="images">Images in the batch; the lanes beyond them hold no values.</param>
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

    /// <summary>The first of values that belong to trained weights, such as gradients: they are computed from the last layer to the first.</summary>
    /// <param name="weights">Whose order the values have.</param>
    /// <param name="values">As many as there are trained weights.</param>
    /// <param name="what">The relation of a value to its weight, for example "the gradient with respect to".</param>
    public static NonFinite? FirstOf(Weights weights, ReadOnlySpan<float> values, string what)
    {
        foreach (var (layer, parameter) in LastToFirst(weights.Network))
        {
            if (parameter.IsTrained && In(values.Slice(weights.OffsetOf(parameter), parameter.Count)) is { } value)
                return new(layer, $"{what} {parameter.Name}", value);
        }

        return null;
    }

    /// <summary>The first such weight. All change at the same time, by gradients that are computed from the last layer to the first.</summary>
    public static NonFinite? FirstWeight(Weights weights) =>
        FirstOf(weights, weights.Trained, "its")
        ?? weights.Network.Layers.Select(layer => FirstRunning(weights, layer)).FirstOrDefault(found => found is not null);

    /// <summary>The first NaN or infinity among some values; null if there is none.</summary>
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
