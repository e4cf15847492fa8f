namespace Riffle.Networks;

/// <summary>Largest value of a window; padding never wins.</summary>
/// <param name="Kernel">Height and width of the window.</param>
/// <param name="Stride">Step in both directions.</param>
/// <param name="Padding">Positions added around the image.</param>
public sealed record MaxPool(int Kernel, int Stride, Padding Padding) : Operation
{
    /// <inheritdoc/>
    public override string Name => "max_pool";

    /// <inheritdoc/>
    public override (int? Kernel, int? Stride, int? Groups) Settings => (Kernel, Stride, null);

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs) => Rules.Window(name, inputs[0], Kernel, Stride, Padding);

    internal override (int Kernel, int Stride)? WindowOver(Shape input) => (Kernel, Stride);

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) =>
        lowering.AddStep(layer, new MaxWindow(Kernel, Stride, Padding), inputs);
}
