using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>
/// What becomes a layer only when something reads it, since exporters write it in several nodes: bounds on values, and means over height and width.
/// </content>
internal sealed partial class OnnxImport
{
    /// <summary>How far from 1 a factor may be that rounding alone has left.</summary>
    private const double Rounding = 1e-6;

    /// <summary>The layers for what is pending on a value, unless a node goes on with that.</summary>
    private Features Settle(GraphNode operation, Features features)
    {
        if (features.Clamp is not null && !operation.Takes.HasFlag(Deferred.Clamp))
            features = Held(features, features.Clamp);
        if (features.Reduction is { } reduction && !operation.Takes.HasFlag(Deferred.Mean))
            features = Pooled(features, reduction);
        return features;
    }

    /// <summary>Values between two bounds, within those that there are already.</summary>
    private Features Hold(GraphNode operation, int input, float least, float most)
    {
        if (float.IsNaN(least) || float.IsNaN(most))
            throw operation.Bad("a bound of it is no number");
        var features = FeaturesOf(operation, input);
        if (least <= float.MinValue && most >= float.MaxValue)
            return features;
        if (features.Colours is not null)
            return HoldColours(operation, features, least, most);
        if (features.Clamp is { } shared && _readers[operation.Input(input)] > 1)
            _features[operation.Input(input)] = features = Held(features, shared); // what others read as well is a layer of its own
        float Bound(float value) => Math.Min(Math.Max(value, least), most);
        var before = features.Clamp;
        return features with { Clamp = new(Bound(before?.Least ?? float.NegativeInfinity), Bound(before?.Most ?? float.PositiveInfinity), operation) };
    }

    private Features Held(Features features, Clamp clamp)
    {
        var (least, most, by) = clamp;
        most = most >= float.MaxValue ? float.PositiveInfinity : most;
        var isAbove = least <= 0 && IsNonNegative(features.Value);
        by.Require(
            (isAbove || least == 0) && most > 0,
            FormattableString.Invariant($"it clips to [{least}, {most}]; ReLU and ReLU6 begin at 0"));
        var value = isAbove && float.IsPositiveInfinity(most) ? features.Value : _builder.Relu(features.Value, most);
        return features with { Value = value, Clamp = null };
    }

    /// <summary>Whether a value is never negative: ReLU's, or what pools and cuts have made of one.</summary>
    private bool IsNonNegative(Value value)
    {
        for (var layer = _nonNegative.Count; layer <= value.Layer; layer++)
        {
            var (operation, inputs) = (_builder.Layers[layer].Operation, _builder.Layers[layer].Inputs);
            _nonNegative.Add(operation.IsNonNegative(inputs.Length > 0 && inputs.All(input => _nonNegative[input])));
        }

        return _nonNegative[value.Layer];
    }

    /// <summary>A mean or a sum over some axes, upon the means that there are already.</summary>
    private Features Reduce(GraphNode operation, int input, int[] axes, bool keeps, bool isSum)
    {
        var features = Layered(operation, Ordered(operation, input));
        var reduced = axes.Distinct().SelectMany(axis => features.Axes[axis]).ToArray();
        bool Over(Extent extent)
        {
            var factors = features.FactorsOf(extent).ToArray();
            var count = reduced.Count(factor => factor.Extent == extent);
            operation.Require(count == 0 || count == factors.Length, "a mean over a part of the height or width");
            return count > 0;
        }

        operation.Require(
            reduced.All(factor => factor.Extent is Extent.Height or Extent.Width), $"a {(isSum ? "sum" : "mean")} over other axes than height and width");
        var (before, summands) = (features.Reduction, reduced.Aggregate(1.0, (count, factor) => count * factor.Size));
        var left = features.Axes.Select((axis, place) => axes.Contains(place) ? [] : axis).Where((_, place) => keeps || !axes.Contains(place));
        return WithReduction(
            features with { Axes = [.. left] },
            new((before?.Height ?? false) || Over(Extent.Height), (before?.Width ?? false) || Over(Extent.Width),
                (before?.Scale ?? 1) * (isSum ? summands : 1), operation));
    }

    /// <summary>A mean times a number, or by one; null where it is more than one number.</summary>
    private Features? MeanTimes(GraphNode operation, Features features, int constant)
    {
        if (operation.Constant(constant) is not { Count: 1, Floats: { } floats } number || number.Shape.Length > features.Axes.Length
            || operation.Node.Operator is not ("Mul" or "Div") || (operation.Node.Operator == "Div" && constant == 0))
        {
            _features[operation.Input(1 - constant)] = Pooled(features, features.Reduction!);
            return null;
        }

        var reduction = features.Reduction!;
        return WithReduction(features, reduction with
        {
            Scale = operation.Node.Operator == "Mul" ? reduction.Scale * floats[0] : reduction.Scale / floats[0],
            By = operation,
        });
    }

    /// <summary>The mean as a layer where it is one; else what is still missing is kept in mind.</summary>
    private Features WithReduction(Features features, Reduction reduction)
    {
        var isOne = Math.Abs(reduction.Scale - 1) < Rounding;
        if (isOne && (IsWhole(features.Value, reduction) || !(reduction.Height || reduction.Width)))
            return Pooled(features, reduction);
        return features with { Reduction = reduction };
    }

    private Features Pooled(Features features, Reduction reduction)
    {
        var (height, width, scale, by) = reduction;
        var value = features.Value;
        if (height || width)
        {
            by.Require(
                IsWhole(value, reduction), $"a mean over {(height ? "height" : "width")} alone; Riffle pools over both");
            value = _builder.GlobalAveragePool(value);
        }

        if (Math.Abs(scale - 1) >= Rounding)
            value = Scaled(by, value, [.. Enumerable.Repeat((float)scale, value.Channels)], new float[value.Channels]);
        return features with { Value = value, Reduction = null };
    }

    /// <summary>Whether a mean is over all positions of a value.</summary>
    private static bool IsWhole(Value value, Reduction reduction) =>
        (reduction.Height || value.Shape.Height == 1) && (reduction.Width || value.Shape.Width == 1);
}
