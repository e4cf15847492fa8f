namespace Riffle.Networks;

/// <content>BatchNormalization; away from a convolution it is a scale and a shift for each channel.</content>
public sealed partial record BatchNorm
{
    internal static OnnxRule[] Onnx { get; } = [new("BatchNormalization", Read)];

    /// <summary>ONNX's momentum is the share of the old mean and variance.</summary>
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
            node.GiveLike(0, node.Add(weights: 1, name => node.Builder.BatchNorm(name, node.InOrder(0), norm.Epsilon, norm.Momentum), parameters));
            return;
        }

        // One of a network's own has been trained, and then has figures of both kinds; one that stands for a normalisation has those of one.
        bool Differs(int parameter, float start) => parameters[parameter].Any(value => value != start);
        var wasTrained = (Differs(0, 1) || Differs(1, 0)) && (Differs(2, 0) || Differs(3, 1));
        var (scale, shift) = norm.AffineOf(place => parameters[place])!.Value;
        node.GiveAffine(0, [.. scale.Select(value => (float)value)], [.. shift.Select(value => (float)value)], wasTrained);
    }
}
