namespace Riffle.Networks;

/// <summary>Each channel times a factor of its own: C×H×W · C×1×1, broadcast over the positions. It ends squeeze-and-excite (Hu et al., 2018).</summary>
public sealed record Scale : Operation
{
    /// <inheritdoc/>
    public override string Name => "scale";

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs)
    {
        var (x, factors) = (inputs[0], inputs[1]);
        Rules.Require(factors == new Shape(x.Channels, 1, 1), $"{name}: the factors of {x} have the shape {factors}, not {x.Channels}×1×1");
        return x;
    }

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.AddStep(layer, new ChannelScale(), inputs);
}
