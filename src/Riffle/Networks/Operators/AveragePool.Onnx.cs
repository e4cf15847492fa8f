namespace Riffle.Networks;

/// <content>AveragePool; a window as large as the image is the mean of all positions.</content>
public sealed partial record AveragePool
{
    internal static OnnxRule[] Onnx { get; } = [new("AveragePool", Read, Deferred.Padding | Deferred.Mean)];

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) => graph.Node(
        "AveragePool", layer.Name, [graph.Planes(layer)],
        [.. OnnxWindow.Attributes(Kernel, Stride, Padding), ("count_include_pad", CountsPadding ? 1L : 0L)]);

    private static void Read(IOnnxNode node)
    {
        if (ReadMean(node))
            return;
        var (window, x, countsOwn) = (OnnxWindow.Read(node), node.Planes(0), node.Integer("count_include_pad", 0) == 1);

        // Zeros that a node before it added are values like all others.
        var (padding, counts) = (window.Ceiled(node, x.Shape), countsOwn || window.Added != default);
        node.Require(window.Added == default || window.Own == default || countsOwn, "an average of some zeros, but not of others");
        node.Require(!counts || padding == window.Padding, "an average of padding with ceil_mode");
        node.Output(node.Builder.AveragePool(x, window.Kernel, window.Stride, padding, counts || padding == default));
    }

    /// <summary>A window as large as the image, or as its height or width.</summary>
    private static bool ReadMean(IOnnxNode node)
    {
        var (size, stride, pads) = (node.Integers("kernel_shape"), node.Integers("strides") ?? [1, 1], node.Integers("pads") ?? []);
        if (size is not { Length: 2 } || stride.Length != 2 || pads.Any(pad => pad != 0) || node.Text("auto_pad", "NOTSET") is not ("NOTSET" or "VALID" or "")
            || (node.Integers("dilations") ?? []).Any(step => step != 1) || node.PaddingOf(0) != default || !node.IsPlanes(0))
        {
            return false;
        }

        var shape = node.Dimensions(0)[2..];
        bool IsWhole(int axis) => size[axis] == shape[axis];
        if (!Enumerable.Range(0, 2).Any(IsWhole) || !Enumerable.Range(0, 2).All(axis => IsWhole(axis) || (size[axis] == 1 && stride[axis] == 1)))
            return false;
        node.OutputMean(0, [.. Enumerable.Range(0, 2).Where(IsWhole).Select(axis => axis + 2)], keepsAxes: true);
        return true;
    }
}
