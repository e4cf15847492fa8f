using System.Text.Json;
using Riffle.Cli;
using Riffle.Tests.Exchange;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

/// <summary>A network leaves by <c>riffle export</c> and is used as a file by the other commands.</summary>
public sealed class OnnxCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Model => _folder.PathOf("model.onnx");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_export_writes_predicts_as_the_checkpoint_does()
    {
        var checkpoint = _folder.PathOf("sample.safetensors");
        OnnxRoundTripTests.Sample("shufflenet-v2-x0.5").Save(checkpoint);
        var pixels = new byte[40 * 48 * 3];
        new Random(1).NextBytes(pixels);
        var image = _folder.Add("image.jpg", JpegEncoder.Encode(new RgbImage(48, 40, pixels)));
        Assert.Equal(0, CommandLine.Execute(["export", checkpoint, "--out", Model, "--uint8", "--softmax"]));

        var (expected, actual) = (Predict(checkpoint, image), Predict(Model, image));
        Assert.Equal(expected.Select(guess => guess.Class), actual.Select(guess => guess.Class));
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First.Probability, pair.Second.Probability, 1e-4));
    }

    [Fact]
    public void Summary_and_benchmark_take_a_file_and_refuse_options_that_it_decides()
    {
        Example();
        using var summary = JsonDocument.Parse(Shell.Riffle("summary", Model, "--json", "--no-measure").Output);
        Assert.Equal("shufflenet-v2-x0.5", summary.RootElement.GetProperty("model").GetString());
        using var benchmark = JsonDocument.Parse(Shell.Riffle("benchmark", Model, "--json", "--batch", "1", "--seconds", "0.005").Output);
        var element = benchmark.RootElement.EnumerateArray().Single();
        Assert.Equal(summary.RootElement.GetProperty("macs").GetInt64(), element.GetProperty("macs").GetInt64());
        Assert.Equal(JsonValueKind.Null, element.GetProperty("train_images_per_second").ValueKind);
        Assert.Equal(2, CommandLine.Execute(["summary", Model, "--size", "64"]));
        Assert.Equal(2, CommandLine.Execute(["benchmark", Model, "--classes", "64"]));
    }

    [Fact]
    public void Hints_that_do_not_fit_are_wrong_usage()
    {
        Example();
        var labels = _folder.Add("labels.txt", "one\ntwo\n"u8.ToArray());
        Assert.Equal(2, CommandLine.Execute(["predict", Model, "image.jpg", "--labels", labels]));
        Assert.Equal(2, CommandLine.Execute(["predict", Model, "image.jpg", "--mean", "0.5,0.5,0.5"]));
        Assert.Equal(2, CommandLine.Execute(["predict", Model, "image.jpg", "--mean", "0.5,0.5", "--std", "1,1,1"]));
        Assert.Equal(2, CommandLine.Execute(["predict", Model, "image.jpg", "--mean", "0.5,0.5,0.5", "--std", "1,0,1"]));
        Assert.Equal(1, CommandLine.Execute(["predict", Model, "image.jpg", "--labels", _folder.PathOf("missing.txt")]));
        Assert.Equal(2, CommandLine.Execute(["export", Model]));
    }

    /// <summary>A graph that normalises for itself and gives one number, and one of which nobody can tell what it takes.</summary>
    [Fact]
    public void What_was_recognised_is_said_on_standard_error_and_what_was_not_asks_for_the_options()
    {
        var image = _folder.Add("image.jpg", JpegEncoder.Encode(new RgbImage(20, 20, new byte[20 * 20 * 3])));
        var (graph, unclear) = (new GraphFile(_folder), new GraphFile(_folder));
        var file = graph.Write(graph.Head(graph.Stem(graph.Node("Div", [graph.Node("Sub", ["images", graph.Number(0.5f)]), graph.Number(0.25f)])), classes: 1));
        var labels = _folder.Add("labels.txt", "dog\ncat\n"u8.ToArray());
        var result = Shell.Riffle("predict", file, image, "--labels", labels, "--json");
        Assert.Equal(0, result.ExitCode);
        using var json = JsonDocument.Parse(result.Output);
        Assert.Equal(2, json.RootElement[0].GetProperty("predictions").GetArrayLength());
        var lines = result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Error.Names(lines[0], file, "mean 0.5; deviation 0.25", "0 to 1");
        Assert.Contains("class cat", lines[1]);

        var other = unclear.Write(unclear.Head(unclear.Stem(unclear.Node("Mul", ["images", unclear.Number(3)]))), "unclear.onnx");
        Assert.Equal(1, CommandLine.Execute(["predict", other, image]));
        Assert.Equal(0, CommandLine.Execute(["predict", other, image, "--mean", "0,0,0", "--std", "1,1,1"]));
        Assert.Equal(0, CommandLine.Execute(["summary", other, "--no-measure"]));
        Assert.Equal(0, CommandLine.Execute(["benchmark", other, "--batch", "1", "--seconds", "0.005"]));
    }

    [Fact]
    public void A_damaged_file_is_bad_data_and_one_that_is_missing_a_failure()
    {
        Assert.Equal(3, CommandLine.Execute(["summary", _folder.Add("damaged.onnx", "no model"u8.ToArray())]));
        Assert.Equal(1, CommandLine.Execute(["summary", _folder.PathOf("missing.onnx")]));
    }

    private void Example()
    {
        var checkpoint = _folder.PathOf("sample.safetensors");
        OnnxRoundTripTests.Sample("shufflenet-v2-x0.5").Save(checkpoint);
        Assert.Equal(0, CommandLine.Execute(["export", checkpoint, "--out", Model]));
    }

    private static (string Class, double Probability)[] Predict(string model, string image)
    {
        using var json = JsonDocument.Parse(Shell.Riffle("predict", model, image, "--json").Output);
        return
        [
            .. from guess in json.RootElement[0].GetProperty("predictions").EnumerateArray()
               select (guess.GetProperty("class").GetString()!, guess.GetProperty("probability").GetDouble()),
        ];
    }
}
