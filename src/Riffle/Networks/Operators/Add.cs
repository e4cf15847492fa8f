namespace Riffle.Networks;

/// <summary>Sum of two inputs of the same shape.</summary>
public sealed record Add : Operation
{
    /// <inheritdoc/>
    public override string Name => "add";

    internal override int InputCount => 2;

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Joint, "Add");

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(inputs[0] == inputs[1], $"add: {inputs[0]} and {inputs[1]} differ");
        return inputs[0];
    }

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.AddStep(layer, new Sum(), inputs);

    internal override bool IsNonNegative(bool inputsAre) => inputsAre;

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => graph.Node("Add", layer.Name, graph.Inputs(layer));

    /// <summary>Sums of computed values. Exchange handles those with a constant as arithmetic.</summary>
    internal static OnnxRule[] Onnx { get; } = [new("Add", Read), new("Sum", Read)];

    private static void Read(IOnnxNode node) => node.OutputLike(0, node.OnSameAxes().Aggregate((sum, next) => node.Builder.Add(sum, next)));
}
