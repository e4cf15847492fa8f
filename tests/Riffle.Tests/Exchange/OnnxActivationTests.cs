using Riffle.Data;
using Riffle.Exchange;
using Riffle.Formats.Onnx;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Execution;
using Riffle.Tests.Formats;
using Riffle.Tests.Kernels;
using Riffle.Training;

namespace Riffle.Tests.Exchange;

/// <summary>Hard-swish, hard sigmoid, sigmoid, SiLU and squeeze-and-excite, in every form in which exporters write them.</summary>
public sealed class OnnxActivationTests : IDisposable
{
    private static readonly Dictionary<string, (Func<GraphFile, string, string> Nodes, ActivationKind Kind)> Forms = new()
    {
        ["HardSwish"] = ((g, x) => g.Node("HardSwish", [x]), ActivationKind.HardSwish),
        ["x · HardSigmoid"] = ((g, x) => g.Node("Mul", [x, HardSigmoid(g, x)]), ActivationKind.HardSwish),
        ["HardSigmoid · x"] = ((g, x) => g.Node("Mul", [HardSigmoid(g, x), x]), ActivationKind.HardSwish),
        ["x · (Clip / 6)"] = ((g, x) => g.Node("Mul", [x, g.Node("Div", [Clip(g, x), g.Number(6)])]), ActivationKind.HardSwish),
        ["x · Clip / 6"] = ((g, x) => g.Node("Div", [g.Node("Mul", [x, Clip(g, x)]), g.Number(6)]), ActivationKind.HardSwish),
        ["x · Clip times a sixth"] = ((g, x) => g.Node("Mul", [g.Node("Mul", [Clip(g, x), x]), g.Floats([1], 1 / 6f)]), ActivationKind.HardSwish),
        ["(x / 6) · Clip"] = ((g, x) => g.Node("Mul", [g.Node("Div", [x, g.Number(6)]), Clip(g, x)]), ActivationKind.HardSwish),
        ["x · Relu, Min"] = (
            (g, x) => g.Node("Div", [g.Node("Mul", [x, g.Node("Min", [g.Node("Relu", [Plus3(g, x)]), g.Number(6)])]), g.Number(6)]), ActivationKind.HardSwish),
        ["HardSigmoid"] = (HardSigmoid, ActivationKind.HardSigmoid),
        ["Clip / 6"] = ((g, x) => g.Node("Div", [Clip(g, x), g.Number(6)]), ActivationKind.HardSigmoid),
        ["Clip times a sixth in six digits"] = ((g, x) => g.Node("Mul", [g.Number(0.166667f), Clip(g, x)]), ActivationKind.HardSigmoid),
        ["Clip of x / 6 + 0.5"] = (
            (g, x) => g.Node("Clip", [g.Node("Add", [g.Number(0.5f), g.Node("Div", [x, g.Number(6)])]), g.Number(0), g.Number(1)]),
            ActivationKind.HardSigmoid),
        ["Clip to 3 / 6 + 0.5"] = (
            (g, x) => g.Node("Add", [g.Node("Div", [g.Node("Clip", [x, g.Number(-3), g.Number(3)]), g.Number(6)]), g.Number(0.5f)]),
            ActivationKind.HardSigmoid),
        ["Max, Min, Identity, Div"] = (
            (g, x) => g.Node("Div", [g.Node("Identity", [g.Node("Max", [g.Node("Min", [Plus3(g, x), g.Number(6)]), g.Number(0)])]), g.Number(6)]),
            ActivationKind.HardSigmoid),
        ["Sigmoid"] = ((g, x) => g.Node("Sigmoid", [x]), ActivationKind.Sigmoid),
        ["x · Sigmoid"] = ((g, x) => g.Node("Mul", [x, g.Node("Sigmoid", [x])]), ActivationKind.Silu),
        ["Sigmoid · x"] = ((g, x) => g.Node("Mul", [g.Node("Sigmoid", [x]), x]), ActivationKind.Silu),
    };

    private static readonly Dictionary<string, Func<GraphFile, string, string>> Excites = new()
    {
        ["convolutions"] = (g, x) => g.Node("Mul", [x, g.Node("Sigmoid", [g.Node("Conv", [g.Node("GlobalAveragePool", [x]), g.Random(8, 8, 1, 1)])])]),
        ["factors first"] = (g, x) => g.Node("Mul", [g.Node("Sigmoid", [g.Node("Conv", [g.Node("GlobalAveragePool", [x]), g.Random(8, 8, 1, 1)])]), x]),
        ["a matrix"] = (g, x) =>
        {
            var means = g.Node("Flatten", [g.Node("GlobalAveragePool", [x])]);
            var factors = g.Node("Sigmoid", [g.Node("MatMul", [means, g.Node("Transpose", [g.Random(8, 8)])])]);
            return g.Node("Mul", [x, g.Node("Reshape", [factors, g.Integers(0, 8, 1, 1)])]);
        },
        ["reshaped before the sigmoid"] = (g, x) =>
        {
            var means = g.Node("ReduceMean", [x], ("axes", (long[])[2, 3]), ("keepdims", 0L));
            var factors = g.Node("Reshape", [g.Node("Gemm", [means, g.Random(8, 8)], ("transB", 1L)), g.Integers(-1, 8, 1, 1)]);
            return g.Node("Mul", [g.Node("Sigmoid", [factors]), x]);
        },
        ["channels last"] = (g, x) =>
        {
            var last = g.Node("Transpose", [x], ("perm", (long[])[0, 2, 3, 1]));
            var means = g.Node("ReduceMean", [last], ("axes", (long[])[1, 2]), ("keepdims", 1L));
            var factors = g.Node("Conv", [g.Node("Transpose", [means], ("perm", (long[])[0, 3, 1, 2])), g.Random(8, 8, 1, 1)]);
            var scaled = g.Node("Mul", [last, g.Node("Sigmoid", [g.Node("Transpose", [factors], ("perm", (long[])[0, 2, 3, 1]))])]);
            return g.Node("Transpose", [scaled], ("perm", (long[])[0, 3, 1, 2]));
        },
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> FormNames => [.. Forms.Keys];

    public static TheoryData<string> ExciteNames => [.. Excites.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(FormNames))]
    public void An_activation_in_any_nodes_is_one_layer(string form)
    {
        var graph = new GraphFile(_folder);
        var network = Model.Open(graph.Write(graph.Head(Forms[form].Nodes(graph, graph.Stem("images"))))).Weights;
        Assert.Equal(
            ["Input", "Convolution", "Activation", "GlobalAveragePool", "FullyConnected"],
            network.Network.Layers.Select(layer => layer.Operation.GetType().Name));
        Assert.Equal(new Activation(Forms[form].Kind), network.Network.Layers[2].Operation);

        // The stem's weights are those of the graph: none of the arithmetic has gone into them.
        var plain = new GraphFile(_folder);
        var expected = Model.Open(plain.Write(plain.Head(plain.Stem("images")), "plain.onnx")).Weights;
        Assert.Equal(expected.Trained.ToArray(), network.Trained.ToArray());
    }

    [Theory]
    [MemberData(nameof(ExciteNames))]
    public void Squeeze_and_excite_is_a_scale_in_any_nodes(string form)
    {
        var (graph, plain) = (new GraphFile(_folder), new GraphFile(_folder));
        var read = Model.Open(graph.Write(graph.Head(Excites[form](graph, graph.Stem("images"))))).Weights;
        var expected = Model.Open(plain.Write(plain.Head(Excites["convolutions"](plain, plain.Stem("images"))), "plain.onnx")).Weights;
        Assert.Contains(read.Network.Layers, layer => layer.Operation is Scale);
        Assert.Contains(read.Network.Layers, layer => layer.Operation is Activation { Kind: ActivationKind.Sigmoid });
        AssertSame(NaiveNetwork.Run(expected, Images(GraphFile.Side)), NaiveNetwork.Run(read, Images(GraphFile.Side)));
    }

    /// <summary>The slope of Keras and of ONNX's default, which is no torch's: an affine and a ReLU.</summary>
    [Fact]
    public void A_hard_sigmoid_of_another_slope_is_computed_as_it_is()
    {
        var graph = new GraphFile(_folder);
        var stem = graph.Stem("images");
        var values = Values(graph.Write(graph.Node("HardSigmoid", [stem])), stem);
        Assert.All(values, pair => Assert.Equal(Math.Clamp(0.2 * pair.Stem + 0.5, 0, 1), pair.Result, 1e-6));
    }

    [Theory]
    [InlineData("a gate of another slope")]
    [InlineData("a gate without a maximum")]
    [InlineData("two values")]
    public void Other_products_are_refused_with_their_node(string product)
    {
        var graph = new GraphFile(_folder);
        var x = graph.Stem("images");
        var gate = product switch
        {
            "a gate of another slope" => graph.Node("Clip", [graph.Node("Add", [x, graph.Number(2)]), graph.Number(0), graph.Number(6)]),
            "a gate without a maximum" => graph.Node("Relu", [Plus3(graph, x)]),
            _ => graph.Stem("images"),
        };
        var file = graph.Write(graph.Head(graph.Node("Mul", [x, gate])));
        Assert.Contains("(Mul)", Assert.Throws<RiffleException>(() => Model.Open(file)).Message);
    }

    /// <summary>
    /// Arithmetic and bounds are put off until a layer reads them, and some go into the weights before; whatever is put off, taken in, shared or merged, the
    /// values are those of the nodes one by one.
    /// </summary>
    [Fact]
    public void Arithmetic_and_bounds_in_any_order_give_the_values_of_their_nodes()
    {
        var (read, kinds) = (0, new HashSet<string>());
        for (var seed = 0; seed < 1000; seed++)
        {
            var (graph, random) = (new GraphFile(_folder), new Random(seed));
            var stem = random.Next(3) > 0
                ? graph.Stem("images")
                : graph.Node("Conv", ["images", graph.Random(8, 3, 3, 3)], ("strides", (long[])[2, 2]), ("pads", (long[])[1, 1, 1, 1]));
            var tensors = new List<(string Name, Func<double, double> Value)> { (stem, x => x) };
            for (var i = random.Next(1, 7); i > 0; i--)
                tensors.Add(Step(graph, random, tensors[random.Next(2) == 0 ? ^1 : random.Next(tensors.Count)], tensors));
            try
            {
                var file = graph.Write(tensors[^1].Name);
                var values = Values(file, stem);
                var worst = values.Max(pair => Math.Abs(tensors[^1].Value(pair.Stem) - pair.Result) / Math.Max(1, Math.Abs(pair.Result)));
                Assert.True(worst < 1e-4, $"seed {seed}: {worst}");
                kinds.UnionWith(OnnxImport.ReadPart(OnnxReader.Read(file), file).Weights.Network.Layers.Select(layer => layer.Operation.Name));
                read++;
            }
            catch (RiffleException e) when (e.Message.Contains("begin at 0", StringComparison.Ordinal) || e.Message.Contains("(Mul)", StringComparison.Ordinal))
            {
                // Bounds that no ReLU has, or a product of two values.
            }
        }

        Assert.InRange(read, 500, 999);
        Assert.Empty(((string[])["convolution", "relu", "add", "hard_swish", "hard_sigmoid", "sigmoid", "silu"]).Except(kinds));
    }

    public static TheoryData<bool, bool> ExportForms => new() { { false, false }, { false, true }, { true, false }, { true, true } };

    [Theory]
    [MemberData(nameof(ExportForms))]
    public void What_is_written_comes_back_as_it_was(bool norms, bool pixels)
    {
        var weights = Sample();
        var file = Write(weights, new(KeepBatchNorm: norms, Pixels: pixels));
        var read = Model.Open(file).Weights;
        var (before, after) = (weights.Network.Layers, read.Network.Layers);
        Riffle.Networks.Operation WithBias(Layer layer) => layer.Operation is Convolution convolution ? convolution with { HasBias = true } : layer.Operation;
        Assert.Equal(before.Where(layer => norms || layer.Operation is not BatchNorm).Select(WithBias), after.Select(WithBias));
        if (norms)
        {
            Assert.Equal(weights.Network.Parameters.Select(p => p.ToString()), read.Network.Parameters.Select(p => p.ToString()));
            Assert.True(weights.Trained.SequenceEqual(read.Trained));
        }

        AssertSame(NaiveNetwork.Run(weights, Images(32)), NaiveNetwork.Run(read, Images(32)));
    }

    /// <summary>Older runtimes read what needs no newer operator.</summary>
    [Fact]
    public void HardSwish_alone_takes_operators_of_version_14()
    {
        Assert.Equal(14, OnnxReader.Read(Write(Sample())).Opset);
        var builder = new NetworkBuilder();
        var x = builder.Activation(builder.Convolution("stem", builder.Input(32, 32), 8, 3, 2), ActivationKind.Silu);
        x = builder.Scale(x, builder.Activation(builder.GlobalAveragePool(x), ActivationKind.HardSigmoid));
        builder.FullyConnected("fc", builder.GlobalAveragePool(x), 10);
        Assert.Equal(13, OnnxReader.Read(Write(new(builder.Build("n")))).Opset);
    }

    /// <summary>A matrix gives N×C; what needs rows and columns again is given them, and what does not is not.</summary>
    [Fact]
    public void Values_without_rows_and_columns_get_them_back_where_a_layer_needs_them()
    {
        var nodes = OnnxReader.Read(Write(Sample())).Nodes;
        Assert.Equal(1, nodes.Count(node => node.Operator == "Reshape"));
        var last = nodes.Reverse().Take(3).Select(node => node.Operator);
        Assert.Equal(["Gemm", "HardSwish", "Gemm"], last);
    }

    /// <summary>Every activation, batch norms, and squeeze-and-excite by convolutions as well as by matrices.</summary>
    private static Weights Sample()
    {
        var builder = new NetworkBuilder();
        var x = builder.Convolution("stem", builder.Input(32, 32), 8, 3, 2);
        x = builder.Activation(builder.BatchNorm("stem_norm", x, epsilon: 0.001f, momentum: 0.01f), ActivationKind.HardSwish);
        x = builder.Activation(builder.Convolution("deep", x, 8, 5, 2, groups: 8, bias: true), ActivationKind.Silu);
        var hidden = builder.Relu(builder.Convolution("squeeze", builder.GlobalAveragePool(x), 4, 1, bias: true));
        x = builder.Scale(x, builder.Activation(builder.Convolution("excite", hidden, 8, 1, bias: true), ActivationKind.HardSigmoid));
        x = builder.Relu(builder.BatchNorm("wide_norm", builder.Convolution("wide", x, 12, 1)));
        var factors = builder.Activation(builder.FullyConnected("factors", builder.GlobalAveragePool(x), 12), ActivationKind.Sigmoid);
        x = builder.GlobalAveragePool(builder.Scale(x, factors));
        x = builder.Activation(builder.FullyConnected("fc1", x, 16), ActivationKind.HardSwish);
        builder.FullyConnected("fc2", x, 10);
        var weights = new Weights(builder.Build("sample"));
        Initialisation.Fill(weights, InitialisationKind.He, 5);
        var random = new Random(5);
        foreach (var parameter in weights.Network.Parameters.Where(parameter => parameter.Kind != ParameterKind.Kernel))
        {
            foreach (ref var value in weights[parameter.Name])
                value = (float)((parameter.Kind is ParameterKind.NormWeight or ParameterKind.RunningVariance ? 1 : 0) + random.NextDouble() - 0.5);
        }

        return weights;
    }

    private string Write(Weights weights, OnnxForm? form = null)
    {
        var spec = NetworkCatalogue.Resolve("mobilenet-v1-x0.25", imageSize: 32, classes: 10);
        DatasetClass[] classes = [.. Enumerable.Range(0, 10).Select(i => new DatasetClass($"{i}", $"{i}"))];
        var path = _folder.PathOf("written.onnx");
        OnnxFile.Write(new(spec, weights, classes, Normalisation.ImageNet), path, form);
        return path;
    }

    private static Volume Images(int side)
    {
        var random = new Random(3);
        return Volume.Create(2, 3, side, side, (_, _, _, _) => random.NextDouble() * 4 - 2);
    }

    private static void AssertSame(Volume expected, Volume actual)
    {
        var scale = expected.Values.Max(Math.Abs);
        Assert.All(expected.Values.Zip(actual.Values), pair => Assert.Equal(pair.First / scale, pair.Second / scale, 1e-5));
    }

    /// <summary>What a graph gives for each value of its stem.</summary>
    private static List<(double Stem, double Result)> Values(string file, string stem)
    {
        // The stem alone, since arithmetic behind it may have gone into its weights.
        var model = OnnxReader.Read(file);
        var (weights, values, _) = OnnxImport.ReadPart(model with { Outputs = [new(stem, OnnxType.Float, null)] }, file);
        var (allWeights, allValues, _) = OnnxImport.ReadPart(model, file);
        var images = Images(GraphFile.Side);
        var expected = NaiveNetwork.RunAll(weights, images)[values[stem].Value.Layer];
        var result = allValues[model.Outputs[0].Name];
        var actual = NaiveNetwork.RunAll(allWeights, images)[result.Value.Layer].Values;
        return [.. expected.Values.Zip(result.Ending == Ending.Sigmoid ? actual.Select(v => 1 / (1 + Math.Exp(-v))) : actual)];
    }

    /// <summary>A node on a tensor, and the function that it makes of the stem's values.</summary>
    private static (string Name, Func<double, double> Value) Step(
        GraphFile graph, Random random, (string Name, Func<double, double> Value) x, List<(string Name, Func<double, double> Value)> all)
    {
        var (name, value) = x;
        var number = random.Next(4) switch { 0 => 3f, 1 => 6f, 2 => 0.5f, _ => 1 / 6f };
        var (other, otherValue) = all[random.Next(all.Count)];
        string With(string operation, bool first = false) => graph.Node(operation, first ? [graph.Number(number), name] : [name, graph.Number(number)]);
        return random.Next(14) switch
        {
            0 => (With("Add"), v => value(v) + number),
            1 => (With("Sub"), v => value(v) - number),
            2 => (With("Sub", first: true), v => number - value(v)),
            3 => (With("Mul", first: true), v => value(v) * number),
            4 => (With("Div"), v => value(v) / number),
            5 => (graph.Node("Neg", [name]), v => -value(v)),
            6 => (graph.Node("Relu", [name]), v => Math.Max(0, value(v))),
            7 => (Clip(graph, name), v => Math.Clamp(value(v) + 3, 0, 6)),
            8 => (HardSigmoid(graph, name), v => Math.Clamp(value(v) / 6 + 0.5, 0, 1)),
            9 => (graph.Node("Sigmoid", [name]), v => 1 / (1 + Math.Exp(-value(v)))),
            10 => (graph.Node("Mul", [name, graph.Node("Sigmoid", [name])]), v => value(v) / (1 + Math.Exp(-value(v)))),
            11 => (graph.Node("Mul", [HardSigmoid(graph, name), name]), v => value(v) * Math.Clamp(value(v) / 6 + 0.5, 0, 1)),
            12 => (graph.Node("Add", [name, other]), v => value(v) + otherValue(v)),
            _ => (graph.Node("Mul", [name, other]), v => value(v) * otherValue(v)),
        };
    }

    private static string Plus3(GraphFile graph, string x) => graph.Node("Add", [x, graph.Number(3)]);

    private static string Clip(GraphFile graph, string x) => graph.Node("Clip", [Plus3(graph, x), graph.Number(0), graph.Number(6)]);

    private static string HardSigmoid(GraphFile graph, string x) => graph.Node("HardSigmoid", [x], ("alpha", 1 / 6f), ("beta", 0.5f));
}
