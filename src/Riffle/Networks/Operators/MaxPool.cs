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

    internal override LayerCaption CaptionFor(Shape input) => LayerCaption.Window(LayerLook.Pool, $"{Kernel}×{Kernel} max pool", Stride);

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs) => Rules.Window(name, inputs[0], Kernel, Stride, Padding);

    internal override (int Kernel, int Stride)? WindowOver(Shape input) => (Kernel, Stride);

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) =>
        lowering.AddStep(layer, new MaxWindow(Kernel, Stride, Padding), inputs);

    internal override bool IsNonNegative(bool inputsAre) => inputsAre;

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) =>
        graph.Node("MaxPool", layer.Name, [graph.Planes(layer)], OnnxWindow.Attributes(Kernel, Stride, Padding));

    internal static OnnxRule[] Onnx { get; } = [new("MaxPool", Read, Deferred.Padding)];

    private static void Read(IOnnxNode node)
    {
        var (window, x) = (OnnxWindow.Read(node), node.Planes(0));
        node.Require(
            window.Added == default || node.IsNonNegative(x), "it takes the largest of values, some negative, and zeros that were added");
        node.Output(node.Builder.MaxPool(x, window.Kernel, window.Stride, window.Ceiled(node, x.Shape)));
    }
}
