using System.CommandLine;
using System.Text.Json;
using Riffle.Cli;
using Riffle.Cli.Commands;
using Riffle.Networks;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Cli;

public class SummaryCommandTests
{
    public static TheoryData<string> Names => [.. NetworkCatalogue.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Json_has_the_fields_of_the_contract_and_adds_up(string name)
    {
        using var document = JsonDocument.Parse(Summary(name, "--preset", "imagenet", "--no-measure", "--json"));
        var root = document.RootElement;
        Assert.Equal(["model", "input", "classes", "macs", "parameters", "layers"], Fields(root));
        Assert.Equal(name, root.GetProperty("model").GetString());
        Assert.Equal([3, 224, 224], Numbers(root.GetProperty("input")));
        Assert.Equal(1000, root.GetProperty("classes").GetInt32());
        var layers = root.GetProperty("layers").EnumerateArray().ToArray();
        Assert.All(layers, layer => Assert.Equal(["name", "op", "output", "macs", "parameters"], Fields(layer)));
        Assert.Equal(root.GetProperty("macs").GetInt64(), layers.Sum(layer => layer.GetProperty("macs").GetInt64()));
        Assert.Equal(root.GetProperty("parameters").GetInt64(), layers.Sum(layer => layer.GetProperty("parameters").GetInt64()));
        Assert.Equal("input", layers[0].GetProperty("op").GetString());
        Assert.Equal("fully_connected", layers[^1].GetProperty("op").GetString());
        Assert.Equal([1000, 1, 1], Numbers(layers[^1].GetProperty("output")));
    }

    [Fact]
    public void Table_shows_units_totals_and_the_study()
    {
        var lines = Summary("shufflenet-v1-g3-x1.0", "--no-measure").Split('\n');
        string[] row = ["stage3.1-3", "7×7", "3×3", "1", "3", "480", "5,803,560", "122,760"];
        Assert.Equal(row, lines.Single(line => line.StartsWith("stage3.1-3 ", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(lines, line => line.StartsWith("Total: 19,524,288 multiply-adds, 594,248 parameters", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("The study: 10.9 MFLOPs, 0.56 times this count", StringComparison.Ordinal) && line.Contains("52 % top-1"));
        Assert.DoesNotContain('\u001b', string.Concat(lines));
    }

    [Fact]
    public void Networks_that_differ_in_channels_stand_side_by_side()
    {
        var lines = Summary([.. ((int[])[1, 2, 3, 4, 8]).Select(groups => $"shufflenet-v1-g{groups}-x1.0")]).Split('\n');
        string[] Cells(string name) =>
            lines.First(line => line.StartsWith(name + " ", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["Layer", "Output", "Kernel", "Stride", "Repeat", "g1", "g2", "g3", "g4", "g8"], Cells("Layer"));
        Assert.Equal(["stage4.0", "4×4", "3×3", "2", "1", "576", "800", "960", "1,088", "1,536"], Cells("stage4.0"));
        Assert.Equal(["Multiply-adds", "19,985,472"], Cells("Multiply-adds")[..2]);

        // ReLUs and strides elsewhere: no table of rows fits both.
        lines = Summary("shufflenet-v2-x1.0", "mobilenet-v1-x1.0").Split('\n');
        Assert.DoesNotContain(lines, line => line.StartsWith("Layer", StringComparison.Ordinal));
        Assert.Equal(["shufflenet-v2-x1.0", "27,778,500", "1,106,544", "29", "1.04", "54", "%"], Cells("shufflenet-v2-x1.0"));
        using var document = JsonDocument.Parse(Summary("shufflenet-v2-x1.0", "mobilenet-v1-x1.0", "--json"));
        Assert.Equal(
            ["shufflenet-v2-x1.0", "mobilenet-v1-x1.0"], document.RootElement.EnumerateArray().Select(network => network.GetProperty("model").GetString()!));
    }

    [Fact]
    public void Draw_writes_a_network_or_a_unit_and_names_the_units_there_are()
    {
        using var folder = new TemporaryFolder();
        var file = folder.PathOf("unit.svg");
        Assert.Equal(ExitCode.Done, CommandLine.Execute(["draw", "shufflenet-v2-x1.0", "--preset", "imagenet", "--unit", "stage2.1", "--out", file]));
        Assert.Contains("58 + 58 channels, 28×28", File.ReadAllText(file));
        Assert.Equal(ExitCode.Done, CommandLine.Execute(["draw", "shufflenet-v2-x1.0", "--out", file]));
        Assert.Contains("stage3.1-3: 3 times", File.ReadAllText(file));
        var error = Shell.Riffle("draw", "shufflenet-v2-x1.0", "--unit", "stage5.0", "--out", file);
        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Error.Names(error.Error, "stage5.0", "stage4.1");
    }

    /// <summary>The steps of ShuffleNet v1's first unit with a shortcut: its sum and its ReLU are the epilogue of the second pointwise convolution.</summary>
    [Fact]
    public void Plan_shows_layouts_reorders_and_epilogues()
    {
        using var document = JsonDocument.Parse(Summary("shufflenet-v1-g3-x0.25", "--plan", "image", "--json"));
        var steps = document.RootElement.GetProperty("steps").EnumerateArray().ToArray();
        string Text(JsonElement step, string name) => step.GetProperty(name).GetString()!;
        var sum = steps.First(step => Text(step, "epilogue").Contains("residual"));
        Assert.Equal("bias, residual, clamp 0 to ∞", Text(sum, "epilogue"));
        Assert.Equal("pointwise, 3 groups", Text(sum, "kernel"));
        Assert.Equal(3, sum.GetProperty("inputs").GetArrayLength());
        var reorder = steps.First(step => Text(step, "kernel") == "reorder");
        Assert.Equal("planes", Text(reorder.GetProperty("inputs")[0], "layout"));
        Assert.Equal("channels_in_lanes", Text(reorder.GetProperty("output"), "layout"));

        // The same in lines, for all three; training keeps every value, inference shares memory.
        Assert.All(["image", "batch", "training"], kind => Assert.Contains("depthwise 3×3/2", Summary("shufflenet-v1-g3-x0.25", "--plan", kind)));
        Assert.Contains("batch norm, clamp 0 to ∞", Summary("shufflenet-v1-g3-x0.25", "--plan", "training"));
    }

    [Fact]
    public void Latency_is_measured_beside_the_multiply_adds()
    {
        string[] small = ["shufflenet-v1-g3-x0.25", "--size", "24"];
        using var document = JsonDocument.Parse(Summary([.. small, "--json"]));
        Assert.Equal(["model", "input", "classes", "macs", "parameters", "latency_ms", "layers"], Fields(document.RootElement));
        Assert.InRange(document.RootElement.GetProperty("latency_ms").GetDouble(), 0.0001, 60_000);
        Assert.Contains("Measured here: one image takes ", Summary(small));
        Assert.DoesNotContain("Measured here", Summary([.. small, "--no-measure"]));
    }

    [Fact]
    public void A_checkpoint_and_a_run_folder_are_shown_with_their_training()
    {
        using var data = new TinyDataset(train: 8, validation: 4);
        var run = data.Run("run");
        using (var trainer = Trainer.Start(data.Open(), data.Spec(), TinyDataset.Recipe(epochs: 1), run, new() { Threads = 1 }))
            trainer.Run();
        foreach (var path in (string[])[run, Path.Combine(run, "checkpoints", "best.safetensors")])
        {
            var text = Summary(path, "--no-measure");
            Assert.Contains("shufflenet-v1-g3-x0.25: images of 24×24, 3 classes", text);
            Assert.Contains("Trained with the recipe test on 8 images, 1 of 1 epochs; highest top-1 ", text);
            using var document = JsonDocument.Parse(Summary(path, "--json", "--no-measure"));
            Assert.Equal(["model", "input", "classes", "macs", "parameters", "top1", "layers"], Fields(document.RootElement));
        }

        Assert.Equal(2, CommandLine.Execute(["summary", run, "--size", "64"]));
        Assert.Equal(1, CommandLine.Execute(["summary", "missing.safetensors"]));
    }

    [Fact]
    public void The_study_is_not_shown_where_it_has_no_figure() =>
        Assert.DoesNotContain("The study", Summary("shufflenet-v1-g3-x1.0", "--size", "64", "--no-measure"));

    [Fact]
    public void Layers_are_shown_when_asked_for()
    {
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve("mobilenet-v1-x0.25", imageSize: 32, classes: 10));
        var lines = Summary("mobilenet-v1-x0.25", "--size", "32", "--classes", "10", "--layers", "--no-measure").Split('\n');
        Assert.All(network.Layers, layer => Assert.Contains(lines, line => line.StartsWith(layer.Name + " ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Without_a_name_all_are_listed_within_80_columns()
    {
        var text = Summary();
        Assert.All(NetworkCatalogue.Names, name => Assert.Contains($"\n{name} ", text));
        Assert.Matches(@"\nshufflenet-v2-x1\.0 +27,778,500 +1,106,544 +29 +1\.04 +54 %\n", text);
        Assert.All(text.Split('\n').Where(line => line.Contains("net-v")), line => Assert.InRange(line.Length, 1, 80));
        using var document = JsonDocument.Parse(Summary("--json"));
        Assert.Equal(NetworkCatalogue.Names, document.RootElement.EnumerateArray().Select(network => network.GetProperty("model").GetString()));
        Assert.All(document.RootElement.EnumerateArray(), network => Assert.Equal(["model", "input", "classes", "macs", "parameters"], Fields(network)));
    }

    [Fact]
    public void Units_are_taken_over()
    {
        var text = Summary("shufflenet-v2-x0.5", "--units", "1,3,2", "--no-measure");
        Assert.DoesNotContain("stage2.1", text);
        Assert.Contains("\nstage3.1-2 ", text);
    }

    [Theory]
    [InlineData("--units", "2,x,2")]
    [InlineData("--units", "")]
    [InlineData("--units", "2,-1,2")]
    [InlineData("--preset", "huge")]
    [InlineData("--size", "big")]
    public void What_cannot_be_read_is_wrong_usage(string option, string value) =>
        Assert.NotEmpty(SummaryCommand.Create("summary").Parse(["shufflenet-v2-x0.5", option, value]).Errors);

    [Fact]
    public void An_impossible_request_is_told_to_the_caller() =>
        Assert.Throws<ArgumentException>(() => Summary("shufflenet-v2-x0.5", "--size", "3"));

    private static string Summary(params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        var parse = SummaryCommand.Create("summary").Parse(args);
        Assert.Empty(parse.Errors);
        Assert.Equal(0, parse.Invoke(new InvocationConfiguration { Output = output, EnableDefaultExceptionHandler = false }));
        return output.ToString();
    }

    private static IEnumerable<string> Fields(JsonElement element) => element.EnumerateObject().Select(property => property.Name);

    private static IEnumerable<int> Numbers(JsonElement element) => element.EnumerateArray().Select(value => value.GetInt32());
}
