namespace Riffle.Networks;

/// <content>Conv.</content>
public sealed partial record Convolution
{
    internal static OnnxRule[] Onnx { get; } = [new("Conv", Read, Deferred.Padding)];

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => graph.Node(
        "Conv", layer.Name, [graph.Planes(layer), .. graph.Parameters(layer)],
        [.. OnnxWindow.Attributes(Kernel, Stride, Padding), ("group", (long)Groups)]);

    private static void Read(IOnnxNode node)
    {
        var weights = node.Floats(1);
        if (weights.Shape.Length < 3)
            throw node.Bad("its weights are not those of a convolution");
        node.Require(weights.Shape.Length == 4, $"a convolution over {weights.Shape.Length - 2} dimensions");
        var window = OnnxWindow.Read(node, weights.Shape[2..], "convolution");
        var (outputs, groups) = (node.Size(weights.Shape[0]), node.Size(node.Integer("group", 1)));
        float[][] parameters = node.Has(2) ? [weights.Values, node.Vector(2, outputs)] : [weights.Values];
        if (window is { Kernel: 1, Stride: 1 } && window.Padding == default && node.OutputsColours(weights, groups, parameters.ElementAtOrDefault(1)))
            return;
        var x = node.Planes(0);
        if (groups < 1 || weights.Shape[1] * groups != x.Channels)
            throw node.Bad($"its weights are for {weights.Shape[1] * groups} channels, its input has {x.Channels}");
        node.Output(node.Add(
            weights: 1, name => node.Builder.Convolution(name, x, outputs, window.Kernel, window.Stride, groups, window.Padding, node.Has(2)), parameters));
    }
}
