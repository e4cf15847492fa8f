
namespace Riffle.Exchange;

/// <content>What a graph makes of the logits.</content>
internal sealed partial class OnnxImport
{
    /// <summary>What a classifier ends with: probabilities of the logits, or their logarithms.</summary>
    private Features Classes(GraphNode operation, Ending ending)
    {
        var features = Ordered(operation, 0);
        operation.Require(features.Value.Shape is { Height: 1, Width: 1 } && features.Colours is null, "it is over other values than those of classes");
        if (ending != Ending.Sigmoid)
        {
            var axis = operation.Axis(operation.Integer("axis", _model.Opset < 13 ? 1 : -1), features.Axes.Length);
            var channel = features.AxisOf(Extent.Channel) ?? axis;
            operation.Require(channel == axis || (_model.Opset < 13 && axis > 0 && axis <= channel), $"it is over axis {axis}, the classes are on {channel}");
        }

        _ending = operation;
        return features with { Ending = ending };
    }

    private Features Exponential(GraphNode operation)
    {
        var features = FeaturesOf(operation, 0);
        operation.Require(features.Ending == Ending.LogSoftmax, "Riffle has this operator behind LogSoftmax alone");
        return features with { Ending = Ending.Softmax };
    }
}
