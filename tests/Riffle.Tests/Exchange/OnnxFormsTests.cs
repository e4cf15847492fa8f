using Riffle.Execution;
using Riffle.Networks;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Exchange;

/// <summary>ReLU6, means and channel shuffles in several nodes become the layers that they are: each form gives the network of the plain one.</summary>
public sealed class OnnxFormsTests : IDisposable
{
    private const int Positions = 8 * 8;

    private static readonly Dictionary<string, (Func<GraphFile, string, string> Nodes, float Maximum)> Bounds = new()
    {
        ["Max, Min"] = ((g, x) => g.Node("Min", [g.Node("Max", [x, g.Number(0)]), g.Number(6)]), 6),
        ["Min, Max"] = ((g, x) => g.Node("Max", [g.Number(0), g.Node("Min", [g.Floats([1], 6), x])]), 6),
        ["Relu, Min"] = ((g, x) => g.Node("Min", [g.Node("Relu", [x]), g.Number(6)]), 6),
        ["Relu, Clip without least"] = ((g, x) => g.Node("Clip", [g.Node("Relu", [x]), "", g.Number(6)]), 6),
        ["Clip without least, Relu"] = ((g, x) => g.Node("Relu", [g.Node("Clip", [x, "", g.Number(6)])]), 6),
        ["Clip without most"] = ((g, x) => g.Node("Clip", [x, g.Number(0)]), float.PositiveInfinity),
        ["Clip, Clip"] = ((g, x) => g.Node("Clip", [g.Node("Clip", [x, g.Number(0)]), "", g.Number(6)]), 6),
        ["Clip by attributes"] = ((g, x) => g.Node("Clip", [x], ("min", 0f), ("max", 6f)), 6),
        ["Clip by an attribute"] = ((g, x) => g.Node("Clip", [x], ("min", 0f)), float.PositiveInfinity),
        ["Clip to infinity"] = ((g, x) => g.Node("Clip", [x, g.Number(0), g.Number(float.PositiveInfinity)]), float.PositiveInfinity),
        ["Max alone"] = ((g, x) => g.Node("Max", [x, g.Number(0)]), float.PositiveInfinity),
        ["Min of three"] = ((g, x) => g.Node("Relu", [g.Node("Min", [x, g.Number(6), g.Number(4)])]), 4),
        ["Relu, Relu"] = ((g, x) => g.Node("Relu", [g.Node("Relu", [x])]), float.PositiveInfinity),
        ["Relu, Clip beyond both"] = ((g, x) => g.Node("Clip", [g.Node("Relu", [x]), g.Number(-3), g.Number(6)]), 6),
        ["Relu, Dropout, Min"] = ((g, x) => g.Node("Min", [g.Node("Dropout", [g.Node("Relu", [x])]), g.Number(6)]), 6),
    };

    private static readonly Dictionary<string, Func<GraphFile, string, string>> Means = new()
    {
        ["columns, rows"] = (g, x) => Mean(g, Mean(g, x, 0, 3), 0, 2),
        ["rows, columns"] = (g, x) => Mean(g, Mean(g, x, 0, 2), 0, -1),
        ["kept axes"] = (g, x) => g.Node("Flatten", [Mean(g, Mean(g, x, 1, 3), 1, -2)]),
        ["one kept, one not"] = (g, x) => g.Node("Flatten", [Mean(g, Mean(g, x, 1, 2), 0, 3)]),
        ["columns, then all that is left"] = (g, x) => Mean(g, Mean(g, x, 1, 3), 0, 2, 3),
        ["axes as an input"] = (g, x) => g.Node("ReduceMean", [g.Node("ReduceMean", [x, g.Integers(3)], ("keepdims", 0L)), g.Integers(-1)], ("keepdims", 0L)),
        ["rows of a matrix"] = (g, x) => Mean(g, g.Node("Reshape", [x, g.Integers(0, 8, -1)]), 0, 2),
        ["behind a transposition"] = (g, x) => Mean(g, Mean(g, g.Node("Transpose", [x], ("perm", (long[])[0, 2, 3, 1])), 0, 1), 0, 1),
        ["sum, division"] = (g, x) => g.Node("Div", [g.Node("ReduceSum", [x, g.Integers(2, 3)], ("keepdims", 0L)), g.Number(Positions)]),
        ["sum, flattened, times"] = (g, x) => g.Node("Mul", [g.Number(1f / Positions), g.Node("Flatten", [g.Node("ReduceSum", [x, g.Integers(2, 3)])])]),
        ["sums and divisions in turn"] = (g, x) => g.Node("Div", [
            g.Node(
                "ReduceSum", [g.Node("Mul", [g.Node("ReduceSum", [x, g.Integers(3)], ("keepdims", 0L)), g.Number(1 / 8f)]), g.Integers(2)], ("keepdims", 0L)),
            g.Number(8)]),
        ["pool, squeezed"] = (g, x) => g.Node("Squeeze", [g.Node("GlobalAveragePool", [x]), g.Integers(2, 3)]),
        ["a window of all"] = (g, x) => g.Node("Flatten", [g.Node("AveragePool", [x], ("kernel_shape", (long[])[8, 8]))]),
        ["a window of a row, one of a column"] = (g, x) => g.Node("Flatten", [
            g.Node("AveragePool", [g.Node("AveragePool", [x], ("kernel_shape", (long[])[1, 8]))], ("kernel_shape", (long[])[8, 1]))]),
        ["columns, pool"] = (g, x) => g.Node("Flatten", [g.Node("GlobalAveragePool", [Mean(g, x, 1, 3)])]),
    };

    private static readonly Dictionary<string, Func<GraphFile, string, string>> Shuffles = new()
    {
        ["images and channels as one axis"] = (g, x) =>
        {
            var halves = g.Node("Transpose", [g.Node("Reshape", [x, g.Integers(-1, 2, 64)])], ("perm", (long[])[1, 0, 2]));
            halves = g.Node("Reshape", [halves, g.Integers(2, -1, 4, 8, 8)]);
            return g.Node("Concat", [.. Enumerable.Range(0, 2).Select(i => g.Node("Gather", [halves, g.Integer(i)], ("axis", 0L)))], ("axis", 1L));
        },
        ["the same, cut by Split"] = (g, x) =>
        {
            var halves = g.Node("Transpose", [g.Node("Reshape", [x, g.Integers(-1, 2, 64)])], ("perm", (long[])[1, 0, 2]));
            var parts = g.Nodes("Split", [g.Node("Reshape", [halves, g.Integers(2, -1, 4, 8, 8)])], 2, ("axis", 0L));
            return g.Node("Concat", [.. parts.Select(part => g.Node("Squeeze", [part, g.Integers(0)]))], ("axis", 1L));
        },
        ["each second channel"] = (g, x) => g.Node(
            "Concat",
            [.. ((long[])[0, 1]).Select(i => g.Node("Slice", [x, g.Integers(i), g.Integers(long.MaxValue), g.Integers(1), g.Integers(2)]))], ("axis", 1L)),
        ["a list of places"] = (g, x) => g.Node("Gather", [x, g.Integers(0, 2, 4, 6, 1, 3, 5, 7)], ("axis", 1L)),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> BoundNames => [.. Bounds.Keys];

    public static TheoryData<string> MeanNames => [.. Means.Keys];

    public static TheoryData<string, int?> ShuffleNames
    {
        get
        {
            var data = new TheoryData<string, int?>();
            foreach (var name in Shuffles.Keys)
            {
                foreach (var images in (int?[])[null, 1, 4])
                    data.Add(name, images);
            }

            return data;
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(BoundNames))]
    public void Bounds_in_any_nodes_are_one_ReLU_with_its_ceiling(string form)
    {
        var graph = new GraphFile(_folder);
        var layers = Layers(graph.Write(graph.Head(Bounds[form].Nodes(graph, graph.Stem("images")))));
        Assert.Equal(["Input", "Convolution", "Relu", "GlobalAveragePool", "FullyConnected"], layers.Select(layer => layer.Operation.GetType().Name));
        Assert.Equal(new Relu(Bounds[form].Maximum), layers[2].Operation);
    }

    [Fact]
    public void A_ceiling_behind_a_pool_of_what_is_not_negative_is_a_ReLU6()
    {
        var graph = new GraphFile(_folder);
        var pool = graph.Node("MaxPool", [graph.Node("Relu", [graph.Stem("images")])], ("kernel_shape", (long[])[2, 2]), ("strides", (long[])[2, 2]));
        Assert.Equal(new Relu(6), Layers(graph.Write(graph.Head(graph.Node("Min", [pool, graph.Number(6)]))))[4].Operation);
    }

    [Theory]
    [InlineData("Clip", float.NegativeInfinity, 6)]
    [InlineData("Clip", -1, 1)]
    [InlineData("Clip", 1, 6)]
    [InlineData("Clip", 0, 0)]
    [InlineData("Max", -1, 0)]
    [InlineData("Min", 6, 0)]
    public void Other_bounds_are_refused_with_their_node(string operation, float least, float most)
    {
        var graph = new GraphFile(_folder);
        var x = graph.Stem("images");
        x = operation == "Clip" ? graph.Node("Clip", [x, graph.Number(least), graph.Number(most)]) : graph.Node(operation, [x, graph.Number(least)]);
        Assert.Contains($"({operation})", Assert.Throws<RiffleException>(() => Model.Open(graph.Write(graph.Head(x)))).Message);
    }

    [Fact]
    public void A_bound_that_is_not_one_number_is_told_instead_of_left_out()
    {
        var graph = new GraphFile(_folder);
        var x = graph.Node("Clip", [graph.Stem("images"), graph.Number(0), graph.Floats([2], 6, 7)]);
        Assert.Contains("(Clip)", Assert.Throws<BadDataException>(() => Model.Open(graph.Write(graph.Head(x)))).Message);
    }

    [Theory]
    [MemberData(nameof(MeanNames))]
    public void A_mean_in_several_steps_is_one_pool(string form)
    {
        var (graph, plain) = (new GraphFile(_folder), new GraphFile(_folder));
        var file = graph.Write(graph.Classify(Means[form](graph, graph.Stem("images"))));
        var expected = plain.Write(plain.Head(plain.Stem("images")), "plain.onnx");
        Assert.Equal(Layers(expected).Select(layer => layer.Operation), Layers(file).Select(layer => layer.Operation));
        AssertSame(expected, file);
    }

    [Fact]
    public void One_image_may_lose_its_axis()
    {
        var (graph, plain) = (new GraphFile(_folder) { Images = 1 }, new GraphFile(_folder));
        var means = graph.Node("Squeeze", [graph.Node("GlobalAveragePool", [graph.Stem("images")])]);
        var file = graph.Write(graph.Node("Add", [graph.Node("MatMul", [means, graph.Node("Transpose", [graph.Random(4, 8)])]), graph.Random(4)]));
        AssertSame(plain.Write(plain.Head(plain.Stem("images")), "plain.onnx"), file);
    }

    [Fact]
    public void A_sum_that_no_division_follows_stays_a_sum()
    {
        var (graph, plain) = (new GraphFile(_folder), new GraphFile(_folder));
        var file = graph.Write(graph.Classify(graph.Node("ReduceSum", [graph.Stem("images"), graph.Integers(2, 3)], ("keepdims", 0L))));
        var mean = plain.Node("Flatten", [plain.Node("GlobalAveragePool", [plain.Stem("images")])]);
        AssertSame(plain.Write(plain.Classify(plain.Node("Mul", [mean, plain.Floats([8], [.. Enumerable.Repeat((float)Positions, 8)])])), "plain.onnx"), file);
    }

    [Fact]
    public void A_mean_over_columns_alone_is_refused_with_its_node()
    {
        var graph = new GraphFile(_folder);
        var file = graph.Write(graph.Node("Flatten", [Mean(graph, graph.Stem("images"), 0, 3)]));
        Assert.Contains("(ReduceMean)", Assert.Throws<RiffleException>(() => Model.Open(file)).Message);
    }

    [Theory]
    [MemberData(nameof(ShuffleNames))]
    public void A_shuffle_is_one_in_each_form_and_for_any_number_of_images(string form, int? images)
    {
        var (graph, plain) = (new GraphFile(_folder) { Images = images }, new GraphFile(_folder));
        string Behind(GraphFile g, string shuffled) => g.Head(g.Node("Relu", [g.Node("Conv", [shuffled, g.Random(8, 8, 1, 1), g.Random(8)])]));
        var file = graph.Write(Behind(graph, Shuffles[form](graph, graph.Stem("images"))));
        var matrix = plain.Node("Transpose", [plain.Node("Reshape", [plain.Stem("images"), plain.Integers(0, 4, 2, 8, 8)])], ("perm", (long[])[0, 2, 1, 3, 4]));
        var expected = plain.Write(Behind(plain, plain.Node("Reshape", [matrix, plain.Integers(0, 8, 8, 8)])), "plain.onnx");
        Assert.Contains(Layers(file), layer => layer.Operation is ChannelShuffle { Groups: 4 });
        AssertSame(expected, file);
    }

    private static string Mean(GraphFile graph, string x, long keeps, params long[] axes) => graph.Node("ReduceMean", [x], ("axes", axes), ("keepdims", keeps));

    private static Layer[] Layers(string file) => [.. Model.Open(file).Weights.Network.Layers];

    private static void AssertSame(string expected, string file)
    {
        static float[] Logits(Model model)
        {
            var pixels = new byte[GraphFile.Side * GraphFile.Side * 3];
            new Random(1).NextBytes(pixels);
            var logits = new float[model.Classes.Count];
            using var plan = new InferencePlan(model.Weights, 1, 1);
            plan.Run(pixels, 1, model.Normalisation, logits);
            return logits;
        }

        Assert.All(Logits(Model.Open(expected)).Zip(Logits(Model.Open(file))), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }
}
