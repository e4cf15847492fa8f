namespace Riffle.Networks;

/// <content>HardSwish, HardSigmoid, Sigmoid, and x · Sigmoid(x).</content>
public sealed partial record Activation
{
    internal static ClampedAffine HardSigmoid { get; } = new(1 / 6.0, 0.5, 0, 1);

    /// <summary>Exporters also write hard-swish and SiLU as products, and the hard sigmoid as arithmetic and bounds.</summary>
    internal static OnnxRule[] Onnx { get; } =
    [
        new("Sigmoid", node => node.OutputSigmoid(0)),
        new("HardSigmoid", node => node.OutputClamped(0, 0, 1, node.Number("alpha", 0.2f), node.Number("beta", 0.5f)), Deferred.Function),
        new("HardSwish", node => node.OutputLike(0, node.Builder.Activation(node.InOrder(0), ActivationKind.HardSwish))),
        new("Mul", ReadProduct, Deferred.Function | Deferred.Ending, node => ProductOf(node) is not null),
    ];

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer)
    {
        var x = graph.Inputs(layer);
        switch (Kind)
        {
            case ActivationKind.HardSwish:
                graph.RequireOpset(14);
                return graph.Node("HardSwish", layer.Name, x);
            case ActivationKind.HardSigmoid:
                return graph.Node("HardSigmoid", layer.Name, x, ("alpha", 1 / 6f), ("beta", 0.5f));
            case ActivationKind.Sigmoid:
                return graph.Node("Sigmoid", layer.Name, x);
            default:
                return graph.Node("Mul", layer.Name, [.. x, graph.Node("Sigmoid", $"{layer.Name}.sigmoid", x)]);
        }
    }

    private static void ReadProduct(IOnnxNode node)
    {
        var (kind, x, factor) = ProductOf(node)!.Value;
        node.OutputLike(0, node.Builder.Activation(x, kind), factor);
    }

    /// <summary>The activation that k · x · f(x) is; null if there is none for f.</summary>
    private static (ActivationKind Kind, Value X, double Factor)? ProductOf(IOnnxNode node) => node.Gate() switch
    {
        { Function: null } gate => (ActivationKind.Silu, gate.X, gate.Factor),
        { Function: { High: > 0 } function } gate when function.Times(1 / function.High).IsNear(HardSigmoid) =>
            (ActivationKind.HardSwish, gate.X, gate.Factor * function.High),
        _ => null,
    };
}
