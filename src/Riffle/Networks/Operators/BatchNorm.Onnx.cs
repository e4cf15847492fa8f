namespace Riffle.Networks;

/// <content>BatchNormalization. Anywhere but after a convolution it is read as a scale and a shift of each channel.</content>
public sealed partial record BatchNorm
{
    internal static OnnxRule[] Onnx { get; } = [new("BatchNormalization", Read)];

    /// <summary>ONNX's momentum is the weight of the old statistics, ours that of the new ones.</summary>
    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => graph.Node(
        "BatchNormalization", layer.Name, [.. graph.Inputs(layer), .. graph.Parameters(layer)], ("epsilon", Epsilon), ("momentum", 1 - Momentum));

    private static void Read(IOnnxNode node)
    {
        node.Require(node.Integer("training_mode", 0) == 0 && node.Integer("is_test", 1) == 1, "it normalises by the batch, as in training");
        var (momentum, channels) = (MathF.Round(1 - node.Number("momentum", 0.9f), 6), node.ChannelCount(0));
        var norm = new BatchNorm(node.Number("epsilon", 1e-5f), momentum is > 0 and < 1 ? momentum : 0.1f);
        float[][] parameters = [.. Enumerable.Range(1, 4).Select(input => node.Vector(input, channels))];
        if (node.ProductOf(0) is Convolution)
        {
            node.OutputLike(0, node.Add(weights: 1, name => node.Builder.BatchNorm(name, node.InOrder(0), norm.Epsilon, norm.Momentum), parameters));
            return;
        }

        // A trained batch norm has parameters as well as statistics. One that normalises the images has only one of the two.
        bool Differs(int parameter, float start) => parameters[parameter].Any(value => value != start);
        var wasTrained = (Differs(0, 1) || Differs(1, 0)) && (Differs(2, 0) || Differs(3, 1));
        var (scale, shift) = norm.AffineOf(place => parameters[place])!.Value;
        node.OutputAffine(0, [.. scale.Select(value => (float)value)], [.. shift.Select(value => (float)value)], wasTrained);
    }
}
