namespace Riffle.Networks;

/// <summary>The network's images.</summary>
/// <param name="Channels">3, except in tests of parts of networks.</param>
/// <param name="Height">In pixels.</param>
/// <param name="Width">In pixels.</param>
public sealed record Input(int Channels, int Height, int Width) : Operation
{
    /// <inheritdoc/>
    public override string Name => "input";

    internal override int InputCount => 0;

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Input, "Input");

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        Rules.Require(Channels > 0 && Height > 0 && Width > 0, $"an image of {Height}×{Width} has no pixels");
        Rules.RequirePlane(name, Height, Width);
        return new(Channels, Height, Width);
    }

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.AddImages(layer);

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => graph.Images();
}
