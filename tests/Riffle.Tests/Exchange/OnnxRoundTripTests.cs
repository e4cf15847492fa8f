using System.Text.Json;
using Riffle.Data;
using Riffle.Exchange;
using Riffle.Execution;
using Riffle.Formats.Onnx;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Execution;
using Riffle.Tests.Formats;
using Riffle.Tests.Kernels;
using Riffle.Training;

namespace Riffle.Tests.Exchange;

/// <summary>What Riffle writes as ONNX, as its own reader sees it; that ONNX Runtime agrees is for benchmarks/peers/verify_onnx.py.</summary>
public sealed class OnnxRoundTripTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => Path.Combine(_folder.Path, "model.onnx");

    public static TheoryData<string, bool, bool, bool> Forms
    {
        get
        {
            var data = new TheoryData<string, bool, bool, bool>();
            foreach (var name in (string[])["shufflenet-v1-g3-x0.25", "shufflenet-v2-x0.5", "mobilenet-v1-x0.25"])
            {
                for (var form = 0; form < 8; form++)
                    data.Add(name, (form & 1) != 0, (form & 2) != 0, (form & 4) != 0);
            }

            return data;
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_network_in_every_form_comes_back_with_its_logits_its_classes_and_its_name(string name, bool pixels, bool softmax, bool norms)
    {
        var checkpoint = Sample(name);
        OnnxFile.Write(checkpoint, FilePath, new(pixels, softmax, norms));
        var read = Model.Open(FilePath);
        Assert.Equal(checkpoint.Classes, read.Classes);
        Assert.Empty(read.Notes);
        Assert.Equal(name, read.Name);
        Assert.Equal(Complexity.Of(checkpoint.Weights.Network).Macs, Complexity.Of(read.Weights.Network).Macs);
        if (norms)
        {
            Assert.Equal(checkpoint.Weights.Network.Parameters.Select(p => p.ToString()), read.Weights.Network.Parameters.Select(p => p.ToString()));
            Assert.True(checkpoint.Weights.Trained.SequenceEqual(read.Weights.Trained));
        }

        var (expected, actual) = (Logits(checkpoint), Logits(read));
        var scale = expected.Max(MathF.Abs);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First / scale, pair.Second / scale, 1e-4));
    }

    [Fact]
    public void The_document_beside_the_graph_tells_all_that_prediction_needs()
    {
        var checkpoint = Sample("shufflenet-v2-x0.5");
        OnnxFile.Write(checkpoint, FilePath);
        var model = OnnxReader.Read(FilePath);
        using var json = JsonDocument.Parse(model.Metadata["riffle"]);
        var root = json.RootElement;
        Assert.Equal("class 3, \"quoted\"", root.GetProperty("classes")[3].GetProperty("text").GetString());
        Assert.Equal(32, root.GetProperty("images").GetProperty("size").GetInt32());
        Assert.Equal(37, root.GetProperty("images").GetProperty("shorter_side").GetInt32());
        Assert.Equal("rgb", root.GetProperty("images").GetProperty("colours").GetString());
        Assert.Equal(0.25f, root.GetProperty("normalisation").GetProperty("mean").GetProperty("green").GetSingle());
        Assert.Equal("shufflenet-v2-x0.5", root.GetProperty("network").GetProperty("name").GetString());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("training").ValueKind);
        Assert.Equal([null, 3, 32, 32], model.Inputs.Single().Shape!);
        Assert.Equal([null, 10], model.Outputs.Single().Shape!);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"classes\": [null]}")]
    [InlineData("{\"network\": null, \"classes\": [{\"name\": \"a\", \"text\": \"a\"}]}")]
    [InlineData("deviation")]
    public void A_document_without_what_prediction_needs_is_damage(string document)
    {
        OnnxFile.Write(Sample("shufflenet-v1-g3-x0.25"), FilePath);
        var model = OnnxReader.Read(FilePath);
        var whole = model.Metadata["riffle"];
        var text = document == "deviation" ? whole.Replace("\"deviation\":{\"red\":0.25", "\"deviation\":{\"red\":0", StringComparison.Ordinal) : document;
        Assert.NotEqual(whole, text);
        using (var stream = File.Create(FilePath))
            OnnxWriter.Write(stream, model with { Metadata = new Dictionary<string, string> { ["riffle"] = text } });
        Assert.Contains("'riffle'", Assert.Throws<BadDataException>(() => Model.Open(FilePath)).Message);
    }

    [Fact]
    public void The_same_checkpoint_gives_the_same_bytes()
    {
        OnnxFile.Write(Sample("shufflenet-v1-g3-x0.25"), FilePath);
        var bytes = File.ReadAllBytes(FilePath);
        OnnxFile.Write(Sample("shufflenet-v1-g3-x0.25"), FilePath);
        Assert.Equal(bytes, File.ReadAllBytes(FilePath));
    }

    [Fact]
    public void Layers_of_others_networks_are_written_as_they_are_read()
    {
        var builder = new NetworkBuilder();
        var x = builder.Relu(builder.Convolution("stem", builder.Input(32, 32), 8, 7, 2, padding: new(2, 2, 3, 3), bias: true), maximum: 6);
        x = builder.AveragePool(builder.MaxPool(x, 2, 2, default(Padding)), 3, 1, Padding.Of(1), countsPadding: false);
        x = builder.BatchNorm("norm", builder.Convolution("deep", x, 8, 5, groups: 8, bias: true), epsilon: 0.01f);
        builder.FullyConnected("fc", builder.GlobalAveragePool(x), 10);
        var weights = new Weights(builder.Build("other"));
        Fill(weights);
        var spec = NetworkCatalogue.Resolve("mobilenet-v1-x0.25", imageSize: 32, classes: 10);
        OnnxFile.Write(new(spec, weights, Classes(), Figures), FilePath);
        var read = Model.Open(FilePath);
        var (expected, actual) = (Logits(new Model(weights, Classes(), Figures)), Logits(read));
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    /// <summary>Layers of any kind in any order, among them such that need rows and columns behind a matrix, which gives none.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Random_networks_come_back_with_their_values(bool norms)
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var weights = new Weights(RandomNetworks.Any(seed));
            Fill(weights);
            using (var stream = File.Create(FilePath))
                OnnxWriter.Write(stream, OnnxExport.Write(weights, Figures, new(KeepBatchNorm: norms), ("test", "1"), new Dictionary<string, string>()));
            var read = OnnxImport.Read(OnnxReader.Read(FilePath), FilePath, "read", oneIsTwo: false).Weights;
            var (random, shape) = (new Random(seed), weights.Network.Input);
            var images = Volume.Create(2, shape.Channels, shape.Height, shape.Width, (_, _, _, _) => random.NextDouble() * 2 - 1);
            var (expected, actual) = (NaiveNetwork.Run(weights, images), NaiveNetwork.Run(read, images));
            var scale = expected.Values.Max(Math.Abs) + 1e-9;
            var worst = expected.Values.Zip(actual.Values).Max(pair => Math.Abs(pair.First - pair.Second)) / scale;
            Assert.True(worst < 1e-4, $"seed {seed}: {worst}");
        }
    }

    private static Normalisation Figures { get; } = new(new(0.5f, 0.25f, 0.125f), new(0.25f, 0.5f, 0.2f));

    internal static Checkpoint Sample(string name)
    {
        var spec = NetworkCatalogue.Resolve(name, imageSize: 32, classes: 10);
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Fill(weights);
        return new(spec, weights, Classes(), Figures);
    }

    private static DatasetClass[] Classes() => [.. Enumerable.Range(0, 10).Select(i => new DatasetClass($"n{i}", $"class {i}, \"quoted\""))];

    private static void Fill(Weights weights)
    {
        Initialisation.Fill(weights, InitialisationKind.He, 5);
        var random = new Random(5);
        foreach (var parameter in weights.Network.Parameters.Where(parameter => parameter.Kind != ParameterKind.Kernel))
        {
            var centre = parameter.Kind is ParameterKind.NormWeight or ParameterKind.RunningVariance ? 1 : 0;
            foreach (ref var value in weights[parameter.Name])
                value = (float)(centre + random.NextDouble() - 0.5);
        }
    }

    /// <summary>Of two images of noise.</summary>
    private static float[] Logits(Model model)
    {
        var pixels = new byte[2 * 32 * 32 * 3];
        new Random(9).NextBytes(pixels);
        var logits = new float[2 * model.Classes.Count];
        using var plan = new InferencePlan(model.Weights, 2, 1);
        plan.Run(pixels, 2, model.Normalisation, logits);
        return logits;
    }
}
