using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>Arithmetic of a value with a number, or with one number per channel.</content>
internal sealed partial class OnnxImport
{
    /// <summary>Arithmetic with one number, which is deferred.</summary>
    private Features WithNumber(GraphNode node)
    {
        var constant = ConstantOf(node);
        var features = FeaturesOf(node, 1 - constant);
        var number = Channels(node, features, node.Constant(constant)!)[0];
        return Transform(node, 1 - constant, features, new(Factor(node, constant, number), Summand(node, constant, number), node));
    }

    /// <summary>Arithmetic with one number per channel.</summary>
    private Features WithChannels(GraphNode node)
    {
        var constant = ConstantOf(node);
        var values = Channels(node, Ordered(node, 1 - constant), node.Constant(constant)!);
        return Scale(
            node, 1 - constant, [.. values.Select(value => (float)Factor(node, constant, value))],
            [.. values.Select(value => (float)Summand(node, constant, value))]);
    }

    private static double Factor(GraphNode node, int constant, double number) => (node.Operator, constant) switch
    {
        ("Mul", _) => number,
        ("Div", 1) => 1 / number,
        ("Div", _) => throw node.Unsupported("it divides by a computed value"),
        ("Sub", 0) => -1,
        _ => 1,
    };

    private static double Summand(GraphNode node, int constant, double number) => (node.Operator, constant) switch
    {
        ("Add", _) or ("Sub", 0) => number,
        ("Sub", _) => -number,
        _ => 0,
    };

    /// <summary>The index of the constant among a node's two inputs, or −1.</summary>
    private int ConstantOf(GraphNode node) => node.InputCount == 2 ? Array.FindIndex(node.Node.Inputs, _constants.ContainsKey) : -1;

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
        if (!IsOwnProduct(operation.Input(input)) || !TryFold(operation, features.Value, scale, shift))
            return features with { Value = Scaled(operation, features.Value, scale, shift) };
        _products.Add(operation.Node.Outputs[0]);
        return features;
    }

    /// <summary>Folds scale · x + shift into the weights of the layer that computes x. Returns false if that has no bias to fold the shift into.</summary>
    private bool TryFold(OnnxOperation operation, Value x, float[] scale, float[] shift)
    {
        var name = _builder.NameOf(x);
        if (!_parameters.TryGetValue($"{name}.bias", out var bias))
            return false;
        var weights = _parameters[$"{name}.weight"];
        operation.Take((Int128)sizeof(float) * weights.Length);
        _parameters[$"{name}.weight"] = [.. weights.Select((value, i) => value * scale[i / (weights.Length / scale.Length)])];
        _parameters[$"{name}.bias"] = [.. bias.Select((value, c) => value * scale[c] + shift[c])];
        return true;
    }

    /// <summary>scale · x + shift as a layer of its own.</summary>
    private Value Scaled(OnnxOperation operation, Value x, float[] scale, float[] shift)
    {
        var name = NameLayer(operation.Node, int.MaxValue);
        (_parameters[$"{name}.weight"], _parameters[$"{name}.bias"]) = (scale, shift);
        var value = _builder.Convolution(name, x, x.Channels, kernel: 1, groups: x.Channels, bias: true);
        _scales.Add(value.Layer, operation);
        return value;
    }
}
