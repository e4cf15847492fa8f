namespace Riffle.Networks;

/// <summary>Each channel times a factor of its own: C×H×W · C×1×1, broadcast over the positions. It ends squeeze-and-excite (Hu et al., 2018).</summary>
public sealed record Scale : Operation
{
    /// <inheritdoc/>
    public override string Name => "scale";

    internal override int InputCount => 2;

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Joint, "Multiply");

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        var (x, factors) = (inputs[0], inputs[1]);
        Rules.Require(factors == new Shape(x.Channels, 1, 1), $"{name}: the factors of {x} have the shape {factors}, not {x.Channels}×1×1");
        return x;
    }

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.AddStep(layer, new ChannelScale(), inputs);

    internal override bool IsNonNegative(bool inputsAre) => inputsAre;

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => graph.Node("Mul", layer.Name, graph.Inputs(layer));

    /// <summary>Products of two computed values. Exchange handles those with a constant as arithmetic.</summary>
    internal static OnnxRule[] Onnx { get; } = [new("Mul", Read)];

    private static void Read(IOnnxNode node)
    {
        var factors = node.IsPerChannel(0, 1) ? 0 : 1;
        node.Require(
            node.InputCount == 2 && node.IsPerChannel(factors, 1 - factors),
            "it multiplies two computed values; Riffle supports one factor per channel, and a value times its own sigmoid or hard sigmoid");
        node.OutputLike(1 - factors, node.Builder.Scale(node.InOrder(1 - factors), node.InOrder(factors)));
    }
}
