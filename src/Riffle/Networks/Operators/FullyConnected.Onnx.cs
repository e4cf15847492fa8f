namespace Riffle.Networks;

/// <content>Gemm; MatMul is read too. On a flattened image with rows and columns, they are a convolution with a kernel of the image's size.</content>
public sealed partial record FullyConnected
{
    internal static OnnxRule[] Onnx { get; } = [new("Gemm", Read), new("MatMul", Read)];

    internal override string WriteOnnx(IOnnxGraph graph, Layer layer) =>
        graph.Node("Gemm", layer.Name, [graph.Rows(layer), .. graph.Parameters(layer)], ("transB", 1L));

    private static void Read(IOnnxNode node)
    {
        var (shape, matrix) = node.Floats(1);
        var x = node.Rows(0);
        node.Require(shape.Length == 2, "a product of other things than rows of values and a matrix");
        node.Require(node.Integer("transA", 0) == 0, "a product that mixes images");
        var isTransposed = node.Integer("transB", 0) == 1;
        var (outputs, inputs) = isTransposed ? (node.Size(shape[0]), shape[1]) : (node.Size(shape[1]), shape[0]);
        if (inputs != x.Shape.Elements || outputs < 1)
            throw node.Bad($"its matrix is for {inputs} values, its input has {x.Shape.Elements}");
        node.Require(x.Shape.Height == x.Shape.Width, $"a product over {x.Shape}");

        // A row may list its values in any order of channel, height and width; the kernel lists them as C×H×W.
        node.Take((Int128)(sizeof(float) + sizeof(long)) * matrix.Length);
        var (weights, places, alpha) = (new float[matrix.Length], node.Places(0), node.Number("alpha", 1));
        for (var o = 0; o < outputs; o++)
        {
            for (var i = 0; i < inputs; i++)
                weights[o * inputs + places[i]] = alpha * matrix[isTransposed ? o * inputs + i : i * outputs + o];
        }

        node.OutputRows(node.Add(
            weights: 1,
            name => x.Shape.Height == 1
                ? node.Builder.FullyConnected(name, x, outputs)
                : node.Builder.Convolution(name, x, outputs, x.Shape.Height, padding: default(Padding), bias: true),
            weights, Bias(node, outputs)));
    }

    private static float[] Bias(IOnnxNode node, int outputs)
    {
        if (!node.Has(2))
            return new float[outputs];
        var (given, beta) = (node.Floats(2).Values, node.Number("beta", 1));
        node.Require(given.Length == 1 || given.Length == outputs, "a bias that is not a number for each output");
        return [.. Enumerable.Range(0, outputs).Select(output => beta * given[given.Length == 1 ? 0 : output])];
    }
}
