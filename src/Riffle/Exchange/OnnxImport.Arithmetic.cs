using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>Arithmetic upon one value: with a number, or with one for each channel.</content>
internal sealed partial class OnnxImport
{
    private Features WithConstant(GraphNode operation)
    {
        var constant = _constants.ContainsKey(operation.Input(0)) ? 0 : 1;
        var features = Ordered(operation, 1 - constant);
        if (features.Reduction is not null && MeanTimes(operation, features, constant) is { } mean)
            return mean;
        var values = Channels(operation, features, operation.Constant(constant)!);
        var (ones, zeros) = (Enumerable.Repeat(1f, values.Length).ToArray(), new float[values.Length]);
        float[] Negative() => [.. values.Select(value => -value)];
        return (operation.Node.Operator, constant) switch
        {
            ("Add", _) => Scale(operation, 1 - constant, ones, values),
            ("Sub", 1) => Scale(operation, 1 - constant, ones, Negative()),
            ("Sub", 0) => Scale(operation, 1 - constant, [.. ones.Select(one => -one)], values),
            ("Mul", _) => Scale(operation, 1 - constant, values, zeros),
            ("Div", 1) => Scale(operation, 1 - constant, [.. values.Select(value => 1 / value)], zeros),
            _ => throw operation.Unsupported("it divides by what is computed"),
        };
    }

    private Features Negate(GraphNode operation)
    {
        var channels = FeaturesOf(operation, 0).Channels;
        return Scale(operation, 0, [.. Enumerable.Repeat(-1f, channels)], new float[channels]);
    }

    /// <summary>A constant as a number for each channel: of one number, of one for each, or of more that are the same all over an image.</summary>
    private static float[] Channels(OnnxOperation operation, Features features, OnnxTensor constant)
    {
        operation.Require(constant.Floats is not null, "its constant is of whole numbers, and so is what it gives");
        var (floats, channels, shape) = (constant.Floats!, features.Channels, features.Shape);
        var before = shape.Length - constant.Shape.Length;
        operation.Require(
            floats.Length > 0 && before >= 0 && constant.Shape.Select((size, axis) => size == 1 || size == shape[axis + before]).All(fits => fits),
            $"its constant is [{string.Join(", ", constant.Shape)}], which does not go with {Text(features)} [{string.Join(", ", shape)}]");

        // How many of its values lie behind each other for one channel, and for how many channels it has some.
        var axis = features.AxisOf(Extent.Channel) - before;
        var (step, count) = axis is { } at && at >= 0 && constant.Shape[at] > 1
            ? ((int)constant.Shape[(at + 1)..].Aggregate(1L, (a, b) => a * b), channels)
            : (floats.Length, 1);
        var values = new float[count];
        for (var c = 0; c < count; c++)
            values[c] = floats[c * step];
        for (var i = 0; i < floats.Length; i++)
        {
            if (floats[i] != values[i / step % count])
                throw operation.Unsupported($"its constant is [{string.Join(", ", constant.Shape)}], which is not a number for each of {channels} channels");
        }

        return count == channels ? values : [.. Enumerable.Repeat(values[0], channels)];
    }

    /// <summary>
    /// scale · x + shift: kept in mind for the images, taken into the layer before where nothing else reads it, else a convolution of its own.
    /// </summary>
    private Features Scale(GraphNode operation, int input, float[] scale, float[] shift)
    {
        var features = Ordered(operation, input);
        if (features.Colours is not null)
            return ScaleColours(operation, features, scale, shift);
        var name = _builder.NameOf(features.Value);
        if (!IsOwnProduct(operation.Input(input)) || !_parameters.TryGetValue($"{name}.bias", out var bias))
            return features with { Value = Scaled(operation, features.Value, scale, shift) };
        var weights = _parameters[$"{name}.weight"];
        operation.Take((Int128)sizeof(float) * weights.Length);
        _parameters[$"{name}.weight"] = [.. weights.Select((value, i) => value * scale[i / (weights.Length / scale.Length)])];
        _parameters[$"{name}.bias"] = [.. bias.Select((value, c) => value * scale[c] + shift[c])];
        _products.Add(operation.Node.Outputs[0]);
        return features;
    }

    /// <summary>scale · x + shift as a layer of its own.</summary>
    private Value Scaled(OnnxOperation operation, Value x, float[] scale, float[] shift)
    {
        var name = NameLayer(operation.Node, int.MaxValue);
        _scales.Add((operation, x.Layer));
        (_parameters[$"{name}.weight"], _parameters[$"{name}.bias"]) = (scale, shift);
        return _builder.Convolution(name, x, x.Channels, kernel: 1, groups: x.Channels, bias: true);
    }
}
