using System.Diagnostics;
using Google.Protobuf;
using Riffle.Formats.Onnx;
using Riffle.Formats.Onnx.Protos;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Exchange;

/// <summary>Small files that ask for much: memory and time stay in proportion to the file, whatever its nodes say.</summary>
public sealed class OnnxBudgetTests : IDisposable
{
    private const long MostMemory = 40 << 20;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(10);

    private static readonly Dictionary<string, Func<GraphFile, string>> Amplifiers = new()
    {
        ["a value joined with itself"] = g => Repeat(g.Stem("images"), 40, (x, _) => g.Node("Concat", [x, x], ("axis", 1L))),
        ["a value joined many times at once"] = g => Repeat(
            g.Stem("images"), 3, (x, _) => g.Node("Concat", [.. Enumerable.Repeat(x, 1000)], ("axis", 1L))),
        ["colours joined with themselves"] = g => Repeat("images", 40, (x, _) => g.Node("Concat", [x, x], ("axis", 1L))),
        ["colours taken many times"] = g => g.Node("Gather", ["images", g.Integers([.. Enumerable.Repeat(1L, 100_000)])], ("axis", 1L)),
        ["a constant joined with itself"] = g => Constant(g, Repeat(g.Integers(0, 0), 40, (x, _) => g.Node("Concat", [x, x], ("axis", 0L)))),
        ["ConstantOfShape"] = g => Constant(g, g.Node("ConstantOfShape", [g.Integers(1 << 20, 1 << 10)])),
        ["many of ConstantOfShape"] = g =>
        {
            var shape = g.Integers(1 << 18);
            return g.Node("Sum", [g.Stem("images"), .. Enumerable.Range(0, 1000).Select(_ => g.Node("ConstantOfShape", [shape]))]);
        },
        ["Expand"] = g => Constant(g, g.Node("Expand", [g.Number(1), g.Integers(1 << 20, 1 << 20)])),
        ["Tile"] = g => Constant(g, g.Node("Tile", [g.Integers(1), g.Integers(1L << 40)])),
        ["Range"] = g => Constant(g, g.Node("Range", [g.Integer(0), g.Integer(long.MaxValue), g.Integer(1)])),
        ["Gather"] = g => Constant(g, g.Node("Gather", [g.Node("Gather", [g.Floats([1, 1], 1), Zeros(g)], ("axis", 0L)), Zeros(g)], ("axis", 1L))),
        ["sums of rows and columns"] = g => Constant(g, g.Node("Add", [g.Random(4000, 1), g.Random(1, 4000)])),
        ["weights that many layers share"] = g =>
        {
            var weights = g.Random(128, 128, 3, 3);
            var x = g.Node("Conv", [g.Stem("images"), g.Random(128, 8, 3, 3)], ("pads", (long[])[1, 1, 1, 1]));
            return Repeat(x, 1000, (value, _) => g.Node("Conv", [value, weights], ("pads", (long[])[1, 1, 1, 1])));
        },
        ["numbers upon weights again and again"] = g =>
        {
            var numbers = g.Floats([256, 1, 1], [.. Enumerable.Repeat(1f, 256)]);
            var x = g.Node("Conv", [g.Stem("images"), g.Random(256, 8, 9, 9), g.Random(256)], ("pads", (long[])[4, 4, 4, 4]));
            return Repeat(x, 2000, (value, _) => g.Node("Mul", [value, numbers]));
        },
        ["a sum of very many"] = g => g.Node("Sum", [.. Enumerable.Repeat(g.Stem("images"), 50_000)]),
        ["a window beyond all images"] = g => g.Node(
            "MaxPool", [g.Stem("images")], ("kernel_shape", (long[])[60_000, 60_000]), ("pads", (long[])[59_999, 59_999, 59_999, 59_999])),
        ["shapes of very many axes"] = g =>
        {
            var (x, shape) = (g.Stem("images"), g.Integers([.. Enumerable.Repeat(1L, 50_000)]));
            return Repeat(x, 500, (value, _) => g.Node("Reshape", [value, shape]));
        },
    };

    private static readonly Dictionary<string, Func<GraphFile, string, int, string>> Sequences = new()
    {
        ["Relu"] = (g, x, _) => g.Node("Relu", [x]),
        ["Clip, MaxPool"] = (g, x, i) => i % 2 == 0
            ? g.Node("Clip", [x], ("min", 0f), ("max", 7 - i / 10_000f))
            : g.Node("MaxPool", [x], ("kernel_shape", (long[])[3, 3]), ("pads", (long[])[1, 1, 1, 1])),
        ["Mul"] = (g, x, _) => g.Node("Mul", [x, g.Number(1)]),
        ["Transpose"] = (g, x, _) => g.Node("Transpose", [x], ("perm", (long[])[0, 1, 3, 2])),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> AmplifierNames => [.. Amplifiers.Keys];

    public static TheoryData<string> SequenceNames => [.. Sequences.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(AmplifierNames))]
    public void A_graph_that_multiplies_memory_is_refused_before_it_is_taken(string name)
    {
        var graph = new GraphFile(_folder);
        var file = graph.Write(graph.Node("GlobalAveragePool", [Amplifiers[name](graph)]));
        var (began, before) = (Stopwatch.GetTimestamp(), GC.GetAllocatedBytesForCurrentThread());
        Assert.StartsWith(file, Assert.ThrowsAny<RiffleException>(() => Model.Open(file)).Message);
        var taken = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(taken < MostMemory + 64 * new FileInfo(file).Length, $"{taken:N0} bytes for {new FileInfo(file).Length:N0}");
        Assert.True(Stopwatch.GetElapsedTime(began) < MostTime);
    }

    /// <summary>Of constants that lie in a file beside the model, all in the same place.</summary>
    [Fact]
    public void A_file_beside_the_model_is_read_a_few_times_and_no_more()
    {
        _folder.Add("weights.bin", new byte[1 << 20]);
        var graph = new GraphProto();
        graph.Node.Add(new NodeProto { OpType = "Identity" });
        for (var i = 0; i < 1000; i++)
        {
            var tensor = new TensorProto { Name = $"t{i}", DataType = 1, DataLocation = TensorProto.Types.DataLocation.External };
            tensor.Dims.Add(1 << 18);
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "weights.bin" });
            graph.Initializer.Add(tensor);
        }

        var file = _folder.Add("model.onnx", new ModelProto { Graph = graph }.ToByteArray());
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("the tensor 't", Assert.Throws<BadDataException>(() => OnnxReader.Read(file)).Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MostMemory + (64 << 20));
    }

    [Theory]
    [MemberData(nameof(SequenceNames))]
    public void Ten_thousand_nodes_in_sequence_are_read(string name)
    {
        var graph = new GraphFile(_folder);
        var x = graph.Stem("images");
        for (var i = 0; i < 10_000; i++)
            x = Sequences[name](graph, x, i);
        var file = graph.Write(graph.Head(x));
        var began = Stopwatch.GetTimestamp();
        Assert.Equal(4, Model.Open(file).Classes.Count);
        Assert.True(Stopwatch.GetElapsedTime(began) < MostTime);
    }

    private static string Repeat(string x, int times, Func<string, int, string> more) => Enumerable.Range(0, times).Aggregate(x, more);

    private static string Constant(GraphFile graph, string constant) => graph.Node("Mul", [graph.Stem("images"), graph.Node("Cast", [constant], ("to", 1L))]);

    private static string Zeros(GraphFile graph) => graph.Integers(new long[4000]);
}
