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
    private Features Settle(OnnxOperation operation, Features features)
    {
        var kind = operation.Node.Operator;
        if (features.Clamp is not null && kind is not ("Relu" or "Clip" or "Max" or "Min" or "Identity" or "Dropout" or "Cast" or "Shape"))
            features = Held(features, features.Clamp);
        if (features.Reduction is { } reduction && !KeepsValues(operation)
            && kind is not ("ReduceMean" or "ReduceSum" or "AveragePool" or "GlobalAveragePool" or "Mul" or "Div"))
        {
            features = Pooled(features, reduction);
        }

        return features;
    }

    private Features Clip(OnnxOperation operation)
    {
        float Limit(string attribute, int input, float otherwise) => operation.Constant(input) is not { } limit
            ? operation.Number(attribute, otherwise)
            : limit is { Count: 1, Floats: { } floats } ? floats[0] : throw operation.Bad($"its bound '{operation.Input(input)}' is not one number");
        return Hold(operation, 0, Limit("min", 1, float.NegativeInfinity), Limit("max", 2, float.PositiveInfinity));
    }

    /// <summary>The larger, or the smaller, of a value and of numbers.</summary>
    private Features HoldByConstants(OnnxOperation operation)
    {
        var computed = Enumerable.Range(0, operation.Node.Inputs.Length).Where(input => _features.ContainsKey(operation.Input(input))).ToArray();
        operation.Require(computed.Length == 1, "it compares values that are computed; Riffle compares them with a number");
        var isMax = operation.Node.Operator == "Max";
        var (least, most) = (float.NegativeInfinity, float.PositiveInfinity);
        for (var input = 0; input < operation.Node.Inputs.Length; input++)
        {
            if (input == computed[0])
                continue;
            var constant = operation.Constant(input)!;
            operation.Require(
                constant.Floats is { Length: > 0 } floats && constant.Shape.Length <= FeaturesOf(operation, computed[0]).Axes.Length
                && floats.All(value => value == floats[0]), $"it compares with '{operation.Input(input)}', which is not one number");
            (least, most) = isMax ? (Math.Max(least, constant.Floats![0]), most) : (least, Math.Min(most, constant.Floats![0]));
        }

        return Hold(operation, computed[0], least, most);
    }

    /// <summary>Values between two bounds, within those that there are already.</summary>
    private Features Hold(OnnxOperation operation, int input, float least, float most)
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

    /// <summary>Whether a value is ReLU's, or what pools and cuts have made of one.</summary>
    private bool IsNonNegative(Value value)
    {
        var layer = _builder.Layers[value.Layer];
        while (layer.Operation is MaxPool or AveragePool or GlobalAveragePool or ChannelShuffle or Slice)
            layer = _builder.Layers[layer.Inputs[0]];
        return layer.Operation is Relu;
    }

    private Features Mean(OnnxOperation operation)
    {
        var rank = FeaturesOf(operation, 0).Axes.Length;
        var axes = operation.Integers("axes") ?? operation.Integers(1) ?? [];
        if (axes.Length == 0 && operation.Integer("noop_with_empty_axes", 0) == 1)
            return FeaturesOf(operation, 0);
        return Reduce(
            operation, axes.Length == 0 ? [.. Enumerable.Range(0, rank)] : [.. axes.Select(axis => operation.Axis(axis, rank))],
            keeps: operation.Integer("keepdims", 1) == 1, isSum: operation.Node.Operator == "ReduceSum");
    }

    /// <summary>A window as large as the image, or as its height or width.</summary>
    private Features? AsMean(OnnxOperation operation, long[] size)
    {
        var features = FeaturesOf(operation, 0);
        var (shape, stride) = (features.Shape, operation.Integers("strides") ?? [1, 1]);
        if (shape.Length != 4 || !Placed(features) || stride.Length != 2 || operation.Text("auto_pad", "NOTSET") is not ("NOTSET" or "VALID" or "")
            || (operation.Integers("pads") ?? []).Any(pad => pad != 0) || features.Colours is not null)
        {
            return null;
        }

        bool IsWhole(int axis) => size[axis] == shape[axis + 2];
        return Enumerable.Range(0, 2).All(axis => IsWhole(axis) || (size[axis] == 1 && stride[axis] == 1)) && Enumerable.Range(0, 2).Any(IsWhole)
            ? Reduce(operation, [.. Enumerable.Range(0, 2).Where(IsWhole).Select(axis => axis + 2)], keeps: true, isSum: false)
            : null;
    }

    private Features PoolAll(OnnxOperation operation)
    {
        var features = FeaturesOf(operation, 0);
        if (features.Colours is not null)
            return Features.Of(_builder.GlobalAveragePool(Nchw(operation, 0)), _batch);
        operation.Require(features.Axes.Length == 4 && Placed(features), $"its input is not N×C×H×W but {Text(features)}");
        return Reduce(operation, [2, 3], keeps: true, isSum: false);
    }

    /// <summary>A mean or a sum over some axes, upon the means that there are already.</summary>
    private Features Reduce(OnnxOperation operation, int[] axes, bool keeps, bool isSum)
    {
        var features = Ordered(operation, 0);
        operation.Require(features.Colours is null, "it works on the images themselves");
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
    private Features? MeanTimes(OnnxOperation operation, Features features, int constant)
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
