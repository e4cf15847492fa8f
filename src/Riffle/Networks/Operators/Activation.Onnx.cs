namespace Riffle.Networks;

/// <content>HardSwish, HardSigmoid, Sigmoid, and x · Sigmoid(x).</content>
public sealed partial record Activation
{
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
}
