namespace Riffle.Networks;

/// <summary>Mean over height and width: C×H×W becomes C×1×1.</summary>
public sealed record GlobalAveragePool : Operation
{
    /// <inheritdoc/>
    public override string Name => "global_average_pool";

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs) => new(inputs[0].Channels, 1, 1);

    internal override (int Kernel, int Stride)? WindowOver(Shape input) => (input.Height, 1);

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.AddStep(layer, new Mean(), inputs);
}
