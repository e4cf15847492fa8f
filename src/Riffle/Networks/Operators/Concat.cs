namespace Riffle.Networks;

/// <summary>The inputs' channels one after the other.</summary>
public sealed record Concat : Operation
{
    /// <inheritdoc/>
    public override string Name => "concat";

    internal override int InputCount => 2;

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Joint, "Concat");

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        var (left, right) = (inputs[0], inputs[1]);
        Rules.Require(
            (long)left.Channels + right.Channels <= NetworkBuilder.MaximumChannels,
            $"concat: {left.Channels} and {right.Channels} channels are more than {NetworkBuilder.MaximumChannels:N0}");
        Rules.Require(left with { Channels = 0 } == right with { Channels = 0 }, $"concat: {left} and {right} differ in size");
        return left with { Channels = left.Channels + right.Channels };
    }

    /// <summary>The same channels.</summary>
    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => [.. inputs[0], .. inputs[1]];

    internal override bool IsNonNegative(bool inputsAre) => inputsAre;

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => graph.Node("Concat", layer.Name, graph.Inputs(layer), ("axis", 1L));
}
