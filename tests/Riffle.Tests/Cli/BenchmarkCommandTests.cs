using System.CommandLine;
using System.Text.Json;
using Riffle.Cli;
using Riffle.Cli.Commands;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

public class BenchmarkCommandTests
{
    private const string Model = "shufflenet-v1-g3-x0.25";
    private static readonly string[] Quick = ["--size", "24", "--classes", "10", "--seconds", "0.005", "--train-batch", "20"];

    [Fact]
    public void Json_has_an_element_for_each_network_and_batch_with_the_fields_of_the_contract()
    {
        using var document = JsonDocument.Parse(Benchmark([Model, "shufflenet-v2-x0.5", .. Quick, "--batch", "1,3", "--json"]));
        var elements = document.RootElement.EnumerateArray().ToArray();
        Assert.Equal(
            [(Model, 1), (Model, 3), ("shufflenet-v2-x0.5", 1), ("shufflenet-v2-x0.5", 3)],
            elements.Select(element => (element.GetProperty("model").GetString()!, element.GetProperty("batch").GetInt32())));
        Assert.All(elements, element =>
        {
            double Number(string field) => element.GetProperty(field).GetDouble();
            string[] contract = ["model", "threads", "batch", "median_ms", "p95_ms", "images_per_second", "train_images_per_second", "gflops"];
            Assert.Empty(contract.Except(element.EnumerateObject().Select(property => property.Name)));
            Assert.Equal("tiny", element.GetProperty("preset").GetString());
            Assert.Equal((1, 20), ((int)Number("threads"), (int)Number("train_batch")));
            Assert.Equal(Number("median_ms"), Number("p50_ms"));
            Assert.True(Number("p50_ms") <= Number("p90_ms") && Number("p90_ms") <= Number("p95_ms") && Number("p95_ms") <= Number("p99_ms"));
            Assert.Equal(1000 * Number("batch") / Number("median_ms"), Number("images_per_second"), 0.01 * Number("images_per_second"));
            Assert.Equal(6 * Number("macs") * Number("train_images_per_second") / 1e9, Number("train_gflops"), 0.001);
            Assert.Contains((int)Number("vector_bits"), (int[])[32, 128, 256, 512]);
            Assert.All(
                ["parameters", "gflops", "peak_gflops", "share_of_peak", "train_threads", "train_share_of_peak", "train_planned_bytes", "peak_resident_bytes"],
                (Action<string>)(field => Assert.True(Number(field) > 0)));
            Assert.Equal(JsonValueKind.Null, element.GetProperty("layers").ValueKind);
        });
    }

    [Fact]
    public void Three_batch_sizes_are_measured_unless_told_otherwise()
    {
        using var document = JsonDocument.Parse(Benchmark([Model, .. Quick, "--no-train", "--json"]));
        Assert.Equal([1, 16, 128], document.RootElement.EnumerateArray().Select(element => element.GetProperty("batch").GetInt32()));
    }

    [Fact]
    public void Layers_stand_in_the_json_and_without_training_its_fields_are_null()
    {
        using var document = JsonDocument.Parse(Benchmark([Model, .. Quick, "--batch", "2", "--no-train", "--layers", "--json"]));
        var element = document.RootElement.EnumerateArray().Single();
        Assert.Equal(JsonValueKind.Null, element.GetProperty("train_images_per_second").ValueKind);
        var layers = element.GetProperty("layers").EnumerateArray().ToArray();
        Assert.All(layers, layer => Assert.Equal(
            ["name", "op", "output", "macs", "bytes", "inference_ms", "forward_ms", "backward_ms"], layer.EnumerateObject().Select(property => property.Name)));
        Assert.Equal(element.GetProperty("macs").GetInt64(), layers.Sum(layer => layer.GetProperty("macs").GetInt64()));
        Assert.Contains(layers, layer => layer.GetProperty("name").GetString() == "stage3.1.branch2.0" && layer.GetProperty("op").GetString() == "convolution");
        Assert.Contains(layers, layer => layer.GetProperty("name").GetString() == "batch norm" && layer.GetProperty("op").ValueKind == JsonValueKind.Null);
    }

    [Fact]
    public void Tables_show_latency_beside_multiply_adds()
    {
        var text = Benchmark([Model, .. Quick, "--batch", "1,2", "--layers"]);
        var lines = text.Split('\n');
        Assert.Equal(["inference", "inference", "training"], lines.Where(line => line.StartsWith(Model + " ", StringComparison.Ordinal) && line.Contains('%'))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]));
        Assert.Contains("Multiply-adds", lines[0]);
        Assert.Contains("Median ms", lines[0]);
        Assert.Contains(lines, line => line.StartsWith("stage2.0.branch2.0 ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("waiting ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_checkpoint_tells_its_network_itself()
    {
        using var folder = new TemporaryFolder();
        var spec = NetworkCatalogue.Resolve(Model, imageSize: 24, classes: 2);
        var file = folder.PathOf("two.safetensors");
        new Checkpoint(spec, new Weights(NetworkCatalogue.Build(spec)), [new("a", ""), new("b", "")], Normalisation.ImageNet).Save(file);

        using var document = JsonDocument.Parse(Benchmark([file, "--seconds", "0.005", "--batch", "1", "--no-train", "--json"]));
        var element = document.RootElement.EnumerateArray().Single();
        Assert.Equal((Model, 2), (element.GetProperty("model").GetString(), element.GetProperty("classes").GetInt32()));
        Assert.Equal(JsonValueKind.Null, element.GetProperty("preset").ValueKind);
        Assert.Throws<ArgumentException>(() => Benchmark([file, .. Quick]));
    }

    [Theory]
    [InlineData("--batch", "1,x", "--batch", "1,16,128", "'1,x'")]
    [InlineData("--batch", "", "--batch", "1,16,128")]
    [InlineData("--batch", "1,0", "--batch", "from 1", "not 0")]
    [InlineData("--train-batch", "0", "--train-batch", "from 1", "'0'")]
    [InlineData("--threads", "-1", "--threads", "from 0", "'-1'")]
    [InlineData("--seconds", "0", "--seconds", "from 0.001", "'0'")]
    public void What_cannot_be_read_is_wrong_usage(string option, string value, params string[] names) =>
        Error.OneNames(BenchmarkCommand.Create("benchmark").Parse([Model, option, value]).Errors.Select(error => error.Message), names);

    [Fact]
    public void A_name_that_is_wrong_is_told_before_anything_is_measured()
    {
        var wrong = Assert.Throws<ArgumentException>(() => Benchmark([Model, "shufflenet-v1-g5-x1.0", "--seconds", "3600"]));
        Assert.Contains("1, 2, 3, 4, 8", wrong.Message);
        var absent = Assert.Throws<RiffleException>(() => Benchmark([Path.Combine("no", "run")]));
        Assert.Contains(Path.Combine("no", "run"), absent.Message);
    }

    [Fact]
    public void It_can_be_interrupted() =>
        Assert.Equal(ExitCode.Interrupted, CommandLine.Execute(["benchmark", Model, "--seconds", "3600"], new CancellationToken(canceled: true)));

    private static string Benchmark(string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        var parse = BenchmarkCommand.Create("benchmark").Parse(args);
        Assert.Empty(parse.Errors);
        Assert.Equal(0, parse.Invoke(new InvocationConfiguration { Output = output, EnableDefaultExceptionHandler = false }));
        return output.ToString();
    }
}
