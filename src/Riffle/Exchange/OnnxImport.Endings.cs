using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>What a graph makes of the logits.</content>
internal sealed partial class OnnxImport
{
    /// <summary>What a classifier ends with: probabilities of the logits, or their logarithms.</summary>
    private Features Classes(GraphNode operation, Ending ending)
    {
        var features = Ordered(operation, 0);
        operation.Require(features.Value.Shape is { Height: 1, Width: 1 } && features.Colours is null, "it is over other values than those of classes");
        var axis = operation.Axis(operation.Integer("axis", _model.Opset < 13 ? 1 : -1), features.Axes.Length);
        var channel = features.AxisOf(Extent.Channel) ?? axis;
        operation.Require(channel == axis || (_model.Opset < 13 && axis > 0 && axis <= channel), $"it is over axis {axis}, the classes are on {channel}");
        return features with { Ending = ending, EndedBy = operation };
    }

    private Features Exponential(GraphNode operation)
    {
        var features = FeaturesOf(operation, 0);
        operation.Require(features.Ending == Ending.LogSoftmax, "Riffle has this operator behind LogSoftmax alone");
        return features with { Ending = Ending.Softmax };
    }

    /// <summary>
    /// A sigmoid becomes a layer in the middle of a network. If no weights follow it, the network's output consists of its probabilities in another form, and
    /// must not be taken for logits.
    /// </summary>
    private void RequireLogits(Value end)
    {
        var isOfProbabilities = new OnnxOperation?[end.Layer + 1];
        foreach (var layer in _builder.Layers.Take(end.Layer + 1))
        {
            var keepsThem = layer.Output is { Height: 1, Width: 1 } && (layer.Parameters.IsEmpty || _scales.ContainsKey(layer.Index));
            isOfProbabilities[layer.Index] = _probabilities.GetValueOrDefault(layer.Index)
                ?? (keepsThem ? layer.Inputs.Select(input => isOfProbabilities[input]).FirstOrDefault(by => by is not null) : null);
        }

        if (isOfProbabilities[^1] is { } node)
            throw node.Unsupported("the output is computed from its probabilities, where Riffle expects logits");
    }
}
