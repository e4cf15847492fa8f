using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>
/// Means over height and width, arithmetic with numbers, and bounds. Exporters write one operator as several of these nodes, so they become layers only when a
/// node reads them that is not one of these.
/// </content>
internal sealed partial class OnnxImport
{
    /// <summary>Adds the layers for what is deferred on a tensor, except what the node accepts.</summary>
    private Features Materialise(GraphNode node, string name, Features features)
    {
        if (features.Mean is { } mean && !node.Accepts.HasFlag(Deferred.Mean))
            features = features with { Value = ApplyMean(features.Value, mean), Mean = null };

        // If several nodes read the tensor, they share the layers.
        if (features is { Mean: null, Function: { } function } && (!node.Accepts.HasFlag(Deferred.Function) || _readers[name] > 1))
        {
            if (function is { IsAffine: true, IsOfProduct: true })
                _products.Add(name);
            features = ApplyFunction(features);
        }

        if (features.Ending == Ending.Sigmoid && !node.Accepts.HasFlag(Deferred.Ending))
        {
            var value = _builder.Activation(features.Value, ActivationKind.Sigmoid);
            _probabilities[value.Layer] = features.EndedBy!;
            features = features with { Value = value, Ending = Ending.Logits, EndedBy = null };
        }

        return features;
    }

    /// <summary>Appends an affine to the function that is deferred on an input.</summary>
    private Features Transform(GraphNode node, int input, Features features, Affine affine)
    {
        if (features.Colours is { Length: var channels })
            return ScaleColours(node, features, Repeat(affine.Scale, channels), Repeat(affine.Shift, channels));
        var function = FunctionOf(node, input, features).Then(affine);
        return features with { Function = function is { IsAffine: true, Before.IsIdentity: true } ? null : function };
    }

    /// <summary>Appends an affine and bounds to the function that is deferred on an input.</summary>
    private Features Clamp(GraphNode node, int input, Affine affine, float least, float most)
    {
        if (float.IsNaN(least) || float.IsNaN(most))
            throw node.Bad("one of its bounds is NaN");
        var features = FeaturesOf(node, input);
        if (features.Function is { IsAffine: false } other && !(other.After.IsIdentity && affine.IsIdentity))
            features = ApplyFunction(features);
        if (!affine.IsIdentity)
            features = Transform(node, input, features, affine);
        if (least <= float.MinValue && most >= float.MaxValue)
            return features;
        return features.Colours is null
            ? features with { Function = FunctionOf(node, input, features).Then(least, most, node) }
            : HoldColours(node, features, least, most);
    }

    private Elementwise FunctionOf(GraphNode node, int input, Features features) =>
        features.Function ?? Elementwise.Identity with { IsOfProduct = features.Mean is null && IsOwnProduct(node.Input(input)) };

    /// <summary>Adds the layers of the deferred function.</summary>
    private Features ApplyFunction(Features features)
    {
        var (value, function) = (features.Value, features.Function!);
        value = function.Collapsed.IsNear(Activation.HardSigmoid)
            ? _builder.Activation(value, ActivationKind.HardSigmoid)
            : ApplyAffine(function.After, ApplyBounds(function, ApplyAffine(function.Before, value, function.IsOfProduct)));
        if (function.Collapsed is { Low: 0, High: 1 })
            _probabilities[value.Layer] = function.By!;
        return features with { Value = value, Function = null };
    }

    private Value ApplyAffine(Affine affine, Value value, bool isProduct = false)
    {
        if (affine.IsIdentity)
            return value;
        var (scale, shift) = (Repeat(affine.Scale, value.Channels), Repeat(affine.Shift, value.Channels));
        return isProduct && TryFold(affine.By!, value, scale, shift) ? value : Scaled(affine.By!, value, scale, shift);
    }

    private Value ApplyBounds(Elementwise function, Value value)
    {
        if (function.By is not { } by)
            return value;
        var (low, high) = (function.Low, function.High >= float.MaxValue ? double.PositiveInfinity : function.High);
        var isAbove = low <= 0 && IsNonNegative(value);
        by.Require((isAbove || low == 0) && high > 0, FormattableString.Invariant($"it clips to [{low}, {high}]; ReLU and ReLU6 begin at 0"));
        return isAbove && double.IsPositiveInfinity(high) ? value : _builder.Relu(value, (float)high);
    }

    private static float[] Repeat(double value, int count) => [.. Enumerable.Repeat((float)value, count)];

    /// <summary>Whether a value is never negative, for example the output of a ReLU or a pool of it.</summary>
    private bool IsNonNegative(Value value)
    {
        for (var layer = _nonNegative.Count; layer <= value.Layer; layer++)
        {
            var (operation, inputs) = (_builder.Layers[layer].Operation, _builder.Layers[layer].Inputs);
            _nonNegative.Add(operation.IsNonNegative(inputs.Length > 0 && inputs.All(input => _nonNegative[input])));
        }

        return _nonNegative[value.Layer];
    }

    /// <summary>Appends a mean or a sum over some axes to the deferred mean. It becomes a layer once it covers rows and columns.</summary>
    private Features Reduce(GraphNode node, int input, int[] axes, bool keeps, bool isSum)
    {
        var features = Layered(node, Ordered(node, input));
        if (features is { Mean: null, Function: not null })
            features = ApplyFunction(features); // if a mean is deferred, the function is an affine, and the two commute
        var reduced = axes.Distinct().SelectMany(axis => features.Axes[axis]).ToArray();
        bool Over(Extent extent)
        {
            var factors = features.FactorsOf(extent).ToArray();
            var count = reduced.Count(factor => factor.Extent == extent);
            node.Require(count == 0 || count == factors.Length, "a mean over a part of the height or width");
            return count > 0;
        }

        node.Require(
            reduced.All(factor => factor.Extent is Extent.Height or Extent.Width), $"a {(isSum ? "sum" : "mean")} over other axes than height and width");
        var left = features.Axes.Select((axis, place) => axes.Contains(place) ? [] : axis).Where((_, place) => keeps || !axes.Contains(place));
        var mean = new Reduction((features.Mean?.Height ?? false) || Over(Extent.Height), (features.Mean?.Width ?? false) || Over(Extent.Width), node);
        features = features with { Axes = [.. left], Mean = mean };
        if (IsWhole(features.Value, mean) || !(mean.Height || mean.Width))
            features = features with { Value = ApplyMean(features.Value, mean), Mean = null };
        return isSum ? Transform(node, input, features, new(reduced.Aggregate(1.0, (count, factor) => count * factor.Size), 0, node)) : features;
    }

    private Value ApplyMean(Value value, Reduction mean)
    {
        if (!mean.Height && !mean.Width)
            return value;
        mean.By.Require(IsWhole(value, mean), $"a mean over {(mean.Height ? "height" : "width")} alone; Riffle pools over both");
        return _builder.GlobalAveragePool(value);
    }

    /// <summary>Whether a mean is over all positions of a value.</summary>
    private static bool IsWhole(Value value, Reduction mean) => (mean.Height || value.Shape.Height == 1) && (mean.Width || value.Shape.Width == 1);
}
