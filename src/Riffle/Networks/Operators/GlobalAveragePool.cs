namespace Riffle.Networks;

/// <summary>Mean over height and width: C×H×W becomes C×1×1.</summary>
public sealed record GlobalAveragePool : Operation
{
    /// <inheritdoc/>
    public override string Name => "global_average_pool";

    internal override LayerCaption CaptionFor(Shape input) => new(LayerLook.Pool, "Global average pool");

    internal override Shape ShapeOf(string name, ReadOnlySpan<Shape> inputs) => new(inputs[0].Channels, 1, 1);

    internal override (int Kernel, int Stride)? WindowOver(Shape input) => (input.Height, 1);

    internal override Channel[] Lower(LoweredNetwork lowering, Layer layer, Channel[][] inputs) => lowering.AddStep(layer, new Mean(), inputs);

    internal override bool IsMean => true;

    internal override bool IsNonNegative(bool inputsAre) => inputsAre;

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => graph.Node("GlobalAveragePool", layer.Name, [graph.Planes(layer)]);

    /// <summary>The mean of all positions in one or more nodes: over rows, over columns, or a sum divided by a number.</summary>
    internal static OnnxRule[] Onnx { get; } =
    [
        new("GlobalAveragePool", Read, Deferred.Mean | Deferred.Function), new("ReduceMean", ReadReduction, Deferred.Mean | Deferred.Function),
        new("ReduceSum", ReadReduction, Deferred.Mean | Deferred.Function),
    ];

    private static void Read(IOnnxNode node)
    {
        node.Require(node.IsPlanes(0), "its input is not N×C×H×W");
        node.OutputMean(0, [2, 3], keepsAxes: true);
    }

    private static void ReadReduction(IOnnxNode node)
    {
        var rank = node.Dimensions(0).Length;
        var axes = node.Integers("axes") ?? node.Integers(1) ?? [];
        var keepsInput = axes.Length == 0 && node.Integer("noop_with_empty_axes", 0) == 1;
        node.OutputMean(
            0, axes.Length == 0 && !keepsInput ? [.. Enumerable.Range(0, rank)] : [.. axes.Select(axis => node.Axis(axis, rank))],
            keepsAxes: keepsInput || node.Integer("keepdims", 1) == 1, isSum: node.Operator == "ReduceSum");
    }
}
