using System.Text.Json;
using Riffle.Execution;
using Riffle.Formats.Onnx;
using Riffle.Networks;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Exchange;

/// <summary>
/// Networks that PyTorch exported, in the ways in which exporters write the same thing: Fixtures/make_onnx.py. And graphs that Riffle refuses.
/// </summary>
public sealed class OnnxImportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Networks =>
    [
        .. Directory.GetFiles(Folder, "*.onnx").Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal),
    ];

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Fixtures", "onnx");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Networks))]
    public void A_network_from_torch_gives_torch_s_logits_one_by_one_and_in_a_block(string name)
    {
        var model = Model.Open(Path.Combine(Folder, $"{name}.onnx"));
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, $"{name}.json")));
        var pixels = json.RootElement.GetProperty("pixels").GetBytesFromBase64();
        double[] expected = [.. json.RootElement.GetProperty("output").EnumerateArray().Select(value => value.GetDouble())];
        var probabilities = json.RootElement.GetProperty("probabilities").GetBoolean();
        Assert.Equal(json.RootElement.GetProperty("size").GetInt32(), model.ImageSize);

        const int Block = 16;
        using var plan = new InferencePlan(model.Weights, Block, 1);
        byte[] many = [.. Enumerable.Range(0, Block / 2).SelectMany(_ => pixels)];
        float[] alone = new float[expected.Length], block = new float[Block * model.Classes.Count];
        plan.Run(pixels, 2, model.Normalisation, alone);
        plan.Run(many, Block, model.Normalisation, block);
        foreach (var logits in (float[][])[alone, block[^expected.Length..]])
        {
            double[] actual = probabilities ? [.. logits.Chunk(model.Classes.Count).SelectMany(Softmax)] : [.. logits.Select(value => (double)value)];
            var scale = expected.Max(Math.Abs);
            Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First / scale, pair.Second / scale, 1e-4));
        }
    }

    [Fact]
    public void Batch_norm_that_was_kept_and_ReLU6_are_layers_of_their_own()
    {
        var kept = Model.Open(Path.Combine(Folder, "shufflenet-v1-unfolded.onnx")).Weights.Network;
        Assert.Contains(kept.Layers, layer => layer.Name == "stage2.0.branch2.1" && layer.Operation is BatchNorm);
        Assert.Equal(3, kept.Layers.Count(layer => layer.Operation is ChannelShuffle) / 2);
        Assert.Contains(Model.Open(Path.Combine(Folder, "mobilenet-v2.onnx")).Weights.Network.Layers, layer => layer.Operation is Relu { Maximum: 6 });
    }

    /// <summary>Fixed, inferred and copied numbers of images, four dimensions and five, and a matrix with the images' number in a factor.</summary>
    [Theory]
    [InlineData(1, "1,2,2,6,6", "0,2,1,3,4", "1,4,6,6")]
    [InlineData(1, "1,2,2,36", "0,2,1,3", "1,4,6,6")]
    [InlineData(1, "2,2,6,6", "1,0,2,3", "1,-1,6,6")]
    [InlineData(6, "6,2,2,6,6", "0,2,1,3,4", "6,-1,6,6")]
    [InlineData(null, "-1,2,2,6,6", "0,2,1,3,4", "-1,4,6,6")]
    [InlineData(null, "0,2,-1,36", "0,2,1,3", "0,4,6,6")]
    [InlineData(null, "-1,2,6,6", "0,1,2,3", "-1,4,6,6")]
    public void Channel_shuffle_is_seen_however_it_is_written(int? batch, string matrix, string order, string shape)
    {
        long[] Numbers(string text) => [.. text.Split(',').Select(long.Parse)];
        OnnxNode Reshape(string input, string to, string output) => Node("Reshape", output, [input, to], output);
        var file = Write(
            batch,
            [OnnxTensor.Of("matrix", Numbers(matrix)), OnnxTensor.Of("shape", Numbers(shape))],
            Node("Conv", "stem", ["images", "w"], "a"), Reshape("a", "matrix", "b"),
            Node("Transpose", "turn", ["b"], "d") with { Attributes = new Dictionary<string, object?> { ["perm"] = Numbers(order) } },
            Reshape("d", "shape", "e"), Node("GlobalAveragePool", "pool", ["e"], "c"));
        var layers = Model.Open(file).Weights.Network.Layers;
        var isIdentity = order == "0,1,2,3";
        Assert.Equal(isIdentity ? 3 : 4, layers.Length);
        Assert.Equal(!isIdentity, layers.Any(layer => layer.Operation is ChannelShuffle { Groups: 2 }));
    }

    [Fact]
    public void Operators_that_are_not_known_are_all_named_with_their_nodes()
    {
        var file = Write(Node("Conv", "stem", ["images", "w"], "a"), Node("Elu", "odd one", ["a"], "b"), Node("Einsum", "", ["b"], "c"));
        var message = Assert.Throws<RiffleException>(() => Model.Open(file)).Message;
        Assert.Contains("'odd one' (Elu)", message);
        Assert.Contains("'c' (Einsum)", message);
        Assert.StartsWith(file, message);
    }

    [Fact]
    public void A_node_that_nothing_needs_may_be_of_any_kind() =>
        Assert.Equal(4, Model.Open(Write(
            Node("Conv", "stem", ["images", "w"], "a"), Node("Elu", "odd one", ["a"], "b"), Node("GlobalAveragePool", "", ["a"], "c"))).Classes.Count);

    [Theory]
    [InlineData("Clip", "it clips to")]
    [InlineData("Softmax", "Softmax")]
    [InlineData("Transpose", "N×C×H×W")]
    [InlineData("Slice", "Riffle cuts channels")]
    public void What_an_operator_can_t_do_here_is_told_with_its_node(string operation, string told)
    {
        var node = operation switch
        {
            "Clip" => Node("Clip", "odd one", ["a"], "b") with { Attributes = new Dictionary<string, object?> { ["min"] = -1f, ["max"] = 1f } },
            "Slice" => Node("Slice", "odd one", ["a", "one", "two", "two"], "b"),
            _ => Node(operation, "odd one", ["a"], "b"),
        };
        var file = Write(Node("Conv", "stem", ["images", "w"], "a"), node, Node("GlobalAveragePool", "pool", ["b"], "c"));
        var message = Assert.Throws<RiffleException>(() => Model.Open(file)).Message;
        Assert.Contains(told, message);
        Assert.Contains("(", message);
    }

    [Fact]
    public void Shapes_that_do_not_go_together_are_damage()
    {
        var file = Write(Node("Conv", "stem", ["images", "bias"], "c"));
        Assert.Contains("'stem' (Conv)", Assert.Throws<BadDataException>(() => Model.Open(file)).Message);
    }

    [Fact]
    public void Training_refuses_what_inference_alone_has_and_names_the_layer()
    {
        var model = Model.Open(Path.Combine(Folder, "resnext.onnx"));
        var message = Assert.Throws<NotSupportedException>(() => new TrainingPlan(model.Weights, 4)).Message;
        Assert.Contains(model.Weights.Network.Layers[1].Name, message);
    }

    private static IEnumerable<double> Softmax(float[] logits)
    {
        var powers = logits.Select(value => Math.Exp(value - logits.Max())).ToArray();
        return powers.Select(value => value / powers.Sum());
    }

    private static OnnxNode Node(string operation, string name, string[] inputs, string output) =>
        new(operation, name, inputs, [output], new Dictionary<string, object?>());

    /// <summary>A file of these nodes: they take <c>images</c> of 8×8, give <c>c</c>, and have <c>w</c>, a 3×3 kernel of four channels.</summary>
    private string Write(params OnnxNode[] nodes) => Write(null, [], nodes);

    private string Write(long? batch, OnnxTensor[] constants, params OnnxNode[] nodes)
    {
        var path = _folder.PathOf("model.onnx");
        using var stream = File.Create(path);
        OnnxWriter.Write(stream, new(
            13,
            ("test", "1"),
            "graph",
            [new("images", OnnxType.Float, [batch, 3, 8, 8])],
            [new("c", OnnxType.Float, [null, 4])],
            nodes,
            [
                OnnxTensor.Of("w", [4, 3, 3, 3], [.. Enumerable.Range(0, 108).Select(i => i / 100f)]),
                OnnxTensor.Of("bias", [4], [1f, 2, 3, 4]),
                OnnxTensor.Of("one", 1),
                OnnxTensor.Of("two", 2),
                .. constants,
            ],
            new Dictionary<string, string>()));
        return path;
    }
}
