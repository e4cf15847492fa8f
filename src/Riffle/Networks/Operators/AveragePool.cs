namespace Riffle.Networks;

/// <summary>Mean of a window.</summary>
/// <param name="Kernel">Height and width of the window.</param>
/// <param name="Stride">Step in both directions.</param>
/// <param name="Padding">Positions added around the image.</param>
/// <param name="CountsPadding">Whether padding counts as zeros, so that the divisor is always Kernel²; else the mean is of the image's own positions.</param>
public sealed partial record AveragePool(int Kernel, int Stride, Padding Padding, bool CountsPadding = true) : Operation
{
    /// <inheritdoc/>
    public override string Name => "average_pool";

    /// <inheritdoc/>
    public override (int? Kernel, int? Stride, int? Groups) Settings => (Kernel, Stride, null);

    internal override LayerCaption CaptionFor(Shape input) => LayerCaption.Window(LayerLook.Pool, $"{Kernel}×{Kernel} average pool", Stride);

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs) => Rules.Window(name, inputs[0], Kernel, Stride, Padding);

    internal override (int Kernel, int Stride)? WindowOver(Shape input) => (Kernel, Stride);

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) =>
        lowering.AddStep(layer, new MeanWindow(Kernel, Stride, Padding, CountsPadding), inputs);

    internal override bool IsNonNegative(bool inputsAre) => inputsAre;
}
