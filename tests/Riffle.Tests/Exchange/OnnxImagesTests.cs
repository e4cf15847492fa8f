using System.Globalization;
using Riffle.Execution;
using Riffle.Formats.Onnx;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Exchange;

/// <summary>What a graph computes on its images tells which images it takes; where it does not tell, nothing is assumed.</summary>
public sealed class OnnxImagesTests : IDisposable
{
    private const string Pixels = "passed as 0 to 255", Unit = "passed as 0 to 1", Symmetric = "passed as -1 to 1", Normal = "normalised by ImageNet's";

    private static readonly float[] Mean = [0.485f, 0.456f, 0.406f], Deviation = [0.229f, 0.224f, 0.225f], Caffe = [123.68f, 116.779f, 103.939f],
        Scale = [1 / 0.229f, 1 / 0.224f, 1 / 0.225f], Shift = [-0.485f / 0.229f, -0.456f / 0.224f, -0.406f / 0.225f];

    /// <summary>Nodes before the first layer, what is reported of them, and the normalisation in all that they come to, "imagenet" or mean/deviation.</summary>
    private static readonly Dictionary<string, (Func<GraphFile, string, string> Nodes, string Said, string Normalisation)> Forms = new()
    {
        ["minus mean, by deviation"] = (Imagenet, Unit, "imagenet"),
        ["3×1×1"] = ((g, x) => g.Node("Div", [g.Node("Sub", [x, g.Floats([3, 1, 1], Mean)]), g.Floats([3, 1, 1], Deviation)]), Unit, "imagenet"),
        ["times, plus"] = ((g, x) => Chain(g, x, ("Mul", Scale), ("Add", Shift)), Unit, "imagenet"),
        ["negative"] = ((g, x) => Chain(g, g.Node("Neg", [x]), ("Add", Mean), ("Div", [-0.229f, -0.224f, -0.225f])), Unit, "imagenet"),
        ["a number for each pixel, all the same"] = ((g, x) => g.Node(
            "Div",
            [g.Node("Sub", [x, g.Floats([3, 1, GraphFile.Side], [.. Mean.SelectMany(m => Enumerable.Repeat(m, GraphFile.Side))])]), g.Colours(Deviation)]),
            Unit, "imagenet"),
        ["computed constants"] = ((g, x) => g.Node("Div", [
            g.Node("Add", [x, g.Node("Neg", [g.Colours(Mean)])]),
            g.Node("Max", [g.Node("Sqrt", [g.Colours([.. Deviation.Select(d => d * d)])]), g.Number(1e-7f)])]), Unit, "imagenet"),
        ["batch norm"] = ((g, x) => g.Node(
            "BatchNormalization",
            [x, g.Floats([3], 1, 1, 1), g.Floats([3], 0, 0, 0), g.Floats([3], Mean), g.Floats([3], [.. Deviation.Select(d => d * d)])], ("epsilon", 0f)),
            Unit, "imagenet"),
        ["batch norm of numbers alone"] = ((g, x) => g.Node(
            "BatchNormalization", [x, g.Floats([3], Scale), g.Floats([3], Shift), g.Floats([3], 0, 0, 0), g.Floats([3], 1, 1, 1)], ("epsilon", 0f)),
            Unit, "imagenet"),
        ["depthwise convolution"] = ((g, x) => g.Node(
            "Conv",
            [x, g.Floats([3, 1, 1, 1], Scale), g.Floats([3], Shift)], ("group", 3L)), Unit, "imagenet"),
        ["convolution of a diagonal"] = ((g, x) => Imagenet(g, g.Node("Conv", [x, g.Floats([3, 3, 1, 1], 1, 0, 0, 0, 1, 0, 0, 0, 1)])), Unit, "imagenet"),
        ["each colour alone"] = ((g, x) => g.Node("Concat", [.. g.Nodes("Split", [x], 3, ("axis", 1L)).Select((colour, i) =>
            g.Node("Div", [g.Node("Sub", [colour, g.Number(Mean[i])]), g.Floats([1], Deviation[i])]))], ("axis", 1L)), Unit, "imagenet"),
        ["held between 0 and 1 first"] = ((g, x) => Imagenet(g, g.Node("Clip", [x, g.Number(0), g.Number(1)])), Unit, "imagenet"),
        ["held between 0 and 1 alone"] = ((g, x) => g.Node("Clip", [x, g.Number(0), g.Number(1)]), Unit, "0/1"),
        ["times 2, minus 1"] = ((g, x) => Chain(g, x, ("Mul", [2]), ("Sub", [1])), Unit, "0.5/0.5"),
        ["minus a half"] = ((g, x) => Chain(g, x, ("Sub", [0.5f])), Unit, "0.5/1"),
        ["1 minus x"] = ((g, x) => g.Node("Sub", [g.Number(1), x]), Unit, "1/-1"),
        ["times 255"] = ((g, x) => Chain(g, x, ("Mul", [255])), Unit, "0/0.003921569"),
        ["by 255"] = ((g, x) => Chain(g, x, ("Div", [255])), Pixels, "0/1"),
        ["by 255, minus mean, by deviation"] = ((g, x) => Imagenet(g, Chain(g, x, ("Mul", [1 / 255f]))), Pixels, "imagenet"),
        ["by 127.5, minus 1"] = ((g, x) => Chain(g, x, ("Div", [127.5f]), ("Sub", [1])), Pixels, "0.5/0.5"),
        ["minus 128, by 128"] = ((g, x) => Chain(g, x, ("Sub", [128]), ("Mul", [1 / 128f])), Pixels, "0.5019608/0.5019608"),
        ["255 minus x, by 255"] = ((g, x) => Chain(g, g.Node("Sub", [g.Number(255), x]), ("Div", [255])), Pixels, "1/-1"),
        ["minus means of pixels, by their deviation"] = ((g, x) => Chain(g, x, ("Sub", [123.675f, 116.28f, 103.53f]), ("Div", [58.395f, 57.12f, 57.375f])),
            Pixels, "imagenet"),
        ["minus one mean of pixels"] = ((g, x) => Chain(g, x, ("Sub", [127.5f])), Pixels, "0.5/0.003921569"),
        ["plus 1, by 2, minus mean, by deviation"] = ((g, x) => Imagenet(g, Chain(g, x, ("Add", [1]), ("Div", [2]))), Symmetric, "imagenet"),
        ["plus 1, times 127.5"] = ((g, x) => Chain(g, x, ("Add", [1]), ("Mul", [127.5f])), Symmetric, "0/0.003921569"),
        ["from ImageNet's to -1 to 1"] = ((g, x) => g.Node("Concat", [.. Enumerable.Range(0, 3).Select(i =>
        {
            var colour = g.Node("Unsqueeze", [g.Node("Gather", [x, g.Integer(i)], ("axis", 1L)), g.Integers(1)]);
            return g.Node("Add", [g.Node("Mul", [colour, g.Number(Deviation[i] / 0.5f)]), g.Number((Mean[i] - 0.5f) / 0.5f)]);
        })], ("axis", 1L)), Normal, "0.5/0.5"),
    };

    /// <summary>Blue comes first, in the ways in which it is written.</summary>
    private static readonly Dictionary<string, Func<GraphFile, string, string>> BlueFirst = new()
    {
        ["Gather"] = (g, x) => g.Node("Gather", [x, g.Integers(2, 1, 0)], ("axis", 1L)),
        ["Slice"] = (g, x) => g.Node("Slice", [x, g.Integers(-1), g.Integers(long.MinValue + 1), g.Integers(1), g.Integers(-1)]),
        ["Split and Concat"] = (g, x) => g.Node("Concat", [.. g.Nodes("Split", [x], 3, ("axis", -3L)).Reverse()], ("axis", 1L)),
        ["Slice and Concat"] = (g, x) => g.Node(
            "Concat",
            [.. ((long[])[2, 1, 0]).Select(i => g.Node("Slice", [x, g.Integers(i), g.Integers(i + 1), g.Integers(1)]))], ("axis", 1L)),
        ["Conv"] = (g, x) => g.Node("Conv", [x, g.Floats([3, 3, 1, 1], 0, 0, 1, 0, 1, 0, 1, 0, 0)]),
    };

    /// <summary>Nodes that do not tell what they take, and the operator of the node that is named.</summary>
    private static readonly Dictionary<string, (Func<GraphFile, string, string> Nodes, string Operator)> Unclear = new()
    {
        ["times 3"] = ((g, x) => Chain(g, x, ("Mul", [3])), "Mul"),
        ["by deviation alone"] = ((g, x) => Chain(g, x, ("Div", Deviation)), "Div"),
        ["one colour alone"] = ((g, x) => Chain(g, x, ("Mul", [1, 1, 2])), "Mul"),
        ["a batch norm that was trained"] = ((g, x) => g.Node(
            "BatchNormalization",
            [x, g.Floats([3], 0.9f, 1.1f, 1.2f), g.Floats([3], 0.1f, 0, 0.2f), g.Floats([3], 0.05f, -0.1f, 0.2f), g.Floats([3], 0.8f, 0.7f, 0.9f)]),
            "BatchNormalization"),
        ["a batch norm that was trained to what might be a normalisation"] = ((g, x) => g.Node(
            "BatchNormalization", [x, g.Floats([3], 2, 2, 2), g.Floats([3], -0.1f, 0, 0), g.Floats([3], 0.3f, 0.3f, 0.2f), g.Floats([3], 0.9f, 1, 1)]),
            "BatchNormalization"),
        ["ReLU alone"] = ((g, x) => g.Node("Relu", [x]), "Relu"),
        ["after a pool"] = ((g, x) => Imagenet(g, g.Node("AveragePool", [x], ("kernel_shape", (long[])[2, 2]), ("strides", (long[])[2, 2]))), "Sub"),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> FormNames => [.. Forms.Keys];

    public static TheoryData<string> BlueFirstNames => [.. BlueFirst.Keys];

    public static TheoryData<string> UnclearNames => [.. Unclear.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(FormNames))]
    public void A_graph_s_own_normalisation_is_recognised_and_reported_in_one_line(string form)
    {
        var (nodes, text, expected) = Forms[form];
        var file = Write(nodes);
        var model = Model.Open(file);
        var note = Assert.Single(model.Notes);
        Assert.StartsWith(file, note);
        Assert.Contains(text, note);
        float[] numbers = expected == "imagenet" ? [] : [.. expected.Split('/').Select(text => float.Parse(text, CultureInfo.InvariantCulture))];
        var (mean, deviation) = numbers is [var m, var d] ? ([m, m, m], [d, d, d]) : (Mean, Deviation);
        Assert.All(mean.Zip(Values(model.Normalisation.Mean)), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        Assert.All(deviation.Zip(Values(model.Normalisation.Deviation)), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Fact]
    public void Only_means_of_pixels_are_told_from_their_size()
    {
        var model = Model.Open(Write((g, x) => Chain(g, x, ("Sub", Caffe))));
        Assert.Contains($"(mean 123.68, 116.779, 103.939; deviation 1): pixels are {Pixels}", Assert.Single(model.Notes));
        Assert.All(Caffe.Zip(Values(model.Normalisation.Mean)), pair => Assert.Equal(pair.First / 255, pair.Second, 1e-6));
    }

    [Fact]
    public void Arithmetic_over_the_colours_as_last_axis_is_the_same()
    {
        var graph = new GraphFile(_folder) { ColoursLast = true };
        var x = graph.Node("Div", [graph.Node("Sub", ["images", graph.Floats([3], Mean)]), graph.Floats([3], Deviation)]);
        var model = Model.Open(graph.Write(graph.Head(graph.Stem(graph.Node("Transpose", [x], ("perm", (long[])[0, 3, 1, 2]))))));
        Assert.Contains(Unit, Assert.Single(model.Notes));
        Assert.Equal(Mean[2], model.Normalisation.Mean.Blue, 1e-6);
    }

    [Fact]
    public void A_graph_that_computes_nothing_on_its_images_takes_ImageNet_s_normalisation_without_a_word()
    {
        var model = Model.Open(Write((g, x) => g.Node("Mul", [g.Node("Identity", [x]), g.Number(1)])));
        Assert.Empty(model.Notes);
        Assert.Equal(Normalisation.ImageNet, model.Normalisation);
    }

    [Fact]
    public void Bytes_need_no_telling_and_refuse_another_normalisation()
    {
        var graph = new GraphFile(_folder) { Type = OnnxType.UInt8 };
        var floats = graph.Node("Cast", [graph.Node("Cast", ["images"], ("to", (long)OnnxType.Int32))], ("to", (long)OnnxType.Float));
        var file = graph.Write(graph.Head(graph.Stem(Chain(graph, floats, ("Mul", [3])))));
        var model = Model.Open(file);
        Assert.Empty(model.Notes);
        Assert.Equal(1 / (3 * 255f), model.Normalisation.Deviation.Red, 1e-8);
        Assert.Contains(file, Assert.Throws<ArgumentException>(() => Model.Open(file, new(Normalisation: Normalisation.ImageNet))).Message);
    }

    /// <summary>A graph that shifts and scales each colour differently, so that an order that is lost would be seen.</summary>
    [Theory]
    [MemberData(nameof(BlueFirstNames))]
    public void Colours_may_be_put_into_another_order_before_or_behind_the_arithmetic(string form)
    {
        var graph = new GraphFile(_folder);
        var centred = graph.Node("Sub", [BlueFirst[form](graph, "images"), graph.Colours(0.406f, 0.456f, 0.485f)]);
        var before = graph.Node("Div", [centred, graph.Colours(0.225f, 0.224f, 0.229f)]);
        var behind = new GraphFile(_folder);
        var later = BlueFirst[form](behind, Imagenet(behind, "images"));

        // The same weights, with each kernel's first channel last.
        var reference = new GraphFile(_folder);
        var turned = reference.Node("Gather", [reference.Random(8, 3, 3, 3), reference.Integers(2, 1, 0)], ("axis", 1L));
        var stem = reference.Node(
            "Conv", [Imagenet(reference, "images"), turned, reference.Random(8)], ("strides", (long[])[2, 2]), ("pads", (long[])[1, 1, 1, 1]));
        var expected = Logits(Model.Open(reference.Write(reference.Head(stem), "reference.onnx")));
        foreach (var (file, x) in ((GraphFile, string)[])[(graph, before), (behind, later)])
        {
            var model = Model.Open(file.Write(file.Head(file.Stem(x))));
            Assert.Contains("mean 0.485, 0.456, 0.406; deviation 0.229, 0.224, 0.225", Assert.Single(model.Notes));
            Assert.All(expected.Zip(Logits(model)), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
    }

    [Fact]
    public void One_colour_alone_is_read_as_one()
    {
        var graph = new GraphFile(_folder);
        var green = Chain(graph, graph.Node("Gather", ["images", graph.Integers(1)], ("axis", 1L)), ("Div", [255]));
        var model = Model.Open(graph.Write(graph.Head(graph.Stem(green, channels: 1))));
        var pixels = new byte[GraphFile.Side * GraphFile.Side * 3];
        new Random(1).NextBytes(pixels);
        var expected = Logits(model, pixels);
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] += (byte)(i % 3 == 1 ? 0 : 99);
        Assert.Equal(expected, Logits(model, pixels));
    }

    [Theory]
    [MemberData(nameof(UnclearNames))]
    public void What_can_t_be_told_is_refused_by_its_node_and_taken_once_it_is_said(string form)
    {
        var file = Write(Unclear[form].Nodes);
        var message = Riffle.Cli.CommandLine.Message(Assert.Throws<RiffleException>(() => Model.Open(file)));
        Assert.Contains(file, message);
        Assert.Contains($"({Unclear[form].Operator})", message);
        Assert.Contains("--mean", message);
        Assert.Contains("--std", message);
        Assert.Empty(Model.Open(file, new(Normalisation: new(default, new(1, 1, 1)))).Notes);
        Assert.Equal(4, OnnxFile.ReadWeights(file).Network.Classes);
    }

    [Fact]
    public void What_is_given_is_what_the_graph_is_fed()
    {
        var file = Write(Imagenet);
        var fed = Model.Open(file, new(Normalisation: new(default, new(1, 1, 1))));
        Assert.Empty(fed.Notes);
        Assert.Equal(Model.Open(file).Normalisation, fed.Normalisation);
        var twice = Model.Open(file, new(Normalisation: Normalisation.ImageNet)).Normalisation;
        Assert.Equal(0.485f + 0.229f * 0.485f, twice.Mean.Red, 1e-6);
        Assert.Equal(0.229f * 0.229f, twice.Deviation.Red, 1e-6);
    }

    [Fact]
    public void Bounds_that_cut_what_is_given_are_refused()
    {
        var file = Write((g, x) => g.Node("Clip", [x, g.Number(0), g.Number(1)]));
        Assert.Contains("(Clip)", Assert.Throws<RiffleException>(() => Model.Open(file, new(Normalisation: Normalisation.ImageNet))).Message);
        Assert.Empty(Model.Open(file, new(Normalisation: new(default, new(2, 2, 2)))).Notes);
    }

    [Theory]
    [InlineData("Cast")]
    [InlineData("Pad")]
    [InlineData("Sub")]
    public void What_changes_images_in_other_ways_is_refused_with_its_node(string operation)
    {
        var file = Write((g, x) => operation switch
        {
            "Cast" => g.Node("Cast", [g.Node("Cast", [x], ("to", (long)OnnxType.Int32))], ("to", (long)OnnxType.Float)),
            "Pad" => Imagenet(g, g.Node("Pad", [x, g.Integers(0, 0, 0, 0, 0, 0, 1, 1)])),
            _ => g.Node("Sub", [x, g.Random(1, 3, GraphFile.Side, GraphFile.Side)]),
        });
        var message = Assert.Throws<RiffleException>(() => Model.Open(file, new(Normalisation: new(default, new(1, 1, 1))))).Message;
        Assert.Contains($"({(operation == "Pad" ? "Sub" : operation)})", message);
    }

    private static string Imagenet(GraphFile graph, string x) => Chain(graph, x, ("Sub", Mean), ("Div", Deviation));

    private static string Chain(GraphFile graph, string x, params (string Operation, float[] Values)[] steps) => steps.Aggregate(
        x, (value, step) => graph.Node(step.Operation, [value, step.Values.Length == 1 ? graph.Number(step.Values[0]) : graph.Colours(step.Values)]));

    private static float[] Values(RgbTriple triple) => [triple.Red, triple.Green, triple.Blue];

    private static float[] Logits(Model model, byte[]? pixels = null)
    {
        if (pixels is null)
            new Random(1).NextBytes(pixels = new byte[GraphFile.Side * GraphFile.Side * 3]);
        var logits = new float[model.Classes.Count];
        using var plan = new InferencePlan(model.Weights, 1, 1);
        plan.Run(pixels, 1, model.Normalisation, logits);
        return logits;
    }

    private string Write(Func<GraphFile, string, string> nodes)
    {
        var graph = new GraphFile(_folder);
        return graph.Write(graph.Head(graph.Stem(nodes(graph, "images"))));
    }
}
