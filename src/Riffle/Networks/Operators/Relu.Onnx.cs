namespace Riffle.Networks;

/// <content>Relu, or Clip with a maximum. Exporters also write bounds as several nodes, including Max and Min; together they are one ReLU.</content>
public sealed partial record Relu
{
    internal static OnnxRule[] Onnx { get; } =
    [
        new("Relu", node => node.OutputClamped(0, 0, float.PositiveInfinity), Deferred.Function), new("Clip", ReadClip, Deferred.Function),
        new("Max", ReadExtreme, Deferred.Function), new("Min", ReadExtreme, Deferred.Function),
    ];

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => float.IsPositiveInfinity(Maximum)
        ? graph.Node("Relu", layer.Name, graph.Inputs(layer))
        : graph.Node("Clip", layer.Name, [.. graph.Inputs(layer), graph.Number($"{layer.Name}.min", 0), graph.Number($"{layer.Name}.max", Maximum)]);

    private static void ReadClip(IOnnxNode node)
    {
        float Limit(string attribute, int input, float otherwise) => !node.Has(input)
            ? node.Number(attribute, otherwise)
            : node.Floats(input).Values is [var limit] ? limit : throw node.Bad($"its input {input}, a bound, is not one number");
        node.OutputClamped(0, Limit("min", 1, float.NegativeInfinity), Limit("max", 2, float.PositiveInfinity));
    }

    /// <summary>The larger, or the smaller, of a value and of numbers.</summary>
    private static void ReadExtreme(IOnnxNode node)
    {
        int[] computed = [.. Enumerable.Range(0, node.InputCount).Where(node.IsComputed)];
        node.Require(computed.Length == 1, "it compares values that are computed; Riffle compares them with a number");
        var (least, most) = (float.NegativeInfinity, float.PositiveInfinity);
        foreach (var input in Enumerable.Range(0, node.InputCount).Except(computed))
        {
            var (shape, values) = node.Floats(input);
            node.Require(
                values.Length > 0 && !values.AsSpan().ContainsAnyExcept(values[0]) && shape.Length <= node.Dimensions(computed[0]).Length,
                $"it compares with its input {input}, which is not one number");
            (least, most) = node.Operator == "Max" ? (Math.Max(least, values[0]), most) : (least, Math.Min(most, values[0]));
        }

        node.OutputClamped(computed[0], least, most);
    }
}
