using System.Text.RegularExpressions;
using Riffle.Cli;
using Riffle.Data;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Study;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Cli;

/// <summary>The README and docs/ show what there is: commands parse, links lead somewhere, and the C# code is the code below, which runs.</summary>
[Collection(FinishedDemo.Name)]
public sealed partial class DocumentationTests(FinishedDemo demo)
{
    /// <summary>The pages people read, by their paths in the repository.</summary>
    private static readonly string[] Pages =
    [
        "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "benchmarks/README.md", "benchmarks/notes.md",
        .. Directory.GetFiles(Path.Combine(Shell.Root, "docs"), "*.md").Select(file => "docs/" + Path.GetFileName(file)).Order(StringComparer.Ordinal),
    ];

    /// <summary>Paths in the examples, and the variables that stand for them here.</summary>
    private static readonly Dictionary<string, string> Paths = new()
    {
        ["riffle-demo/run"] = "run",
        ["riffle-demo/data"] = "folder",
        ["star.jpg"] = "image",
        ["runs/own"] = "run",
    };

    private static readonly string All = string.Concat(Pages.Select(Read));

    public static TheoryData<string> CommandLines =>
        [.. Blocks("sh").SelectMany(block => block.Split('\n')).Where(line => line.StartsWith("./riffle", StringComparison.Ordinal)).Distinct()];

    public static TheoryData<string> PagesOfTheRepository => [.. Pages];

    [Theory]
    [MemberData(nameof(CommandLines))]
    public void Command_lines_parse(string line) => Assert.Empty(CommandLine.CreateRoot().Parse(line["./riffle ".Length..]).Errors);

    [Fact]
    public void The_README_shows_the_common_path_and_leaves_the_rest_to_docs()
    {
        Assert.InRange(Read("README.md").Split('\n').Length, 1, 130);
        Assert.All(Directory.GetFiles(Path.Combine(Shell.Root, "docs"), "*.md").Select(Path.GetFileName).Where(name => name != "README.md"), name =>
            Assert.Contains($"]({name})", Read("docs/README.md"), StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(PagesOfTheRepository))]
    public void Links_lead_to_a_file_and_a_heading(string page)
    {
        Assert.All(Link().Matches(Read(page)).Select(match => match.Groups[1].Value).Where(link => !link.Contains("://", StringComparison.Ordinal)), link =>
        {
            var (file, heading) = link.Split('#') is [var path, var anchor] ? (path, anchor) : (link, null);
            var target = file.Length == 0 ? page : Path.GetRelativePath(Shell.Root, Path.Combine(Shell.Root, Path.GetDirectoryName(page)!, file));
            Assert.True(Path.Exists(Path.Combine(Shell.Root, target)), $"{page} links to {link}: there is no {target}");
            if (heading is not null)
                Assert.Contains(heading, Read(target).Split('\n').Where(line => line.StartsWith('#')).Select(Anchor));
        });
    }

    [Fact]
    public void The_table_of_commands_has_every_command() => Assert.All(CommandLine.CreateRoot().Subcommands, command =>
        Assert.Contains($"| `riffle {command.Name}", Read("docs/command-line.md"), StringComparison.Ordinal));

    [Fact]
    public void The_trained_networks_are_those_in_models_with_the_figures_in_their_files()
    {
        static string Row(string file)
        {
            var checkpoint = Checkpoint.Load(file);
            var (parameters, training, study) =
                (Complexity.Of(checkpoint.Weights.Network).Parameters, checkpoint.Training!, StudyFigures.Of(checkpoint.Spec.Name)!.Top1);
            var (name, top1) = (Path.GetFileNameWithoutExtension(file), training.Measured!.Validation.Top1);
            return FormattableString.Invariant($"| {name} | {parameters:N0} | {top1:0.00} % | {study} % | {training.Recipe.Name}, {training.Recipe.Epochs} |");
        }

        var files = Directory.GetFiles(Path.Combine(Shell.Root, "models"), "*.safetensors");
        Assert.NotEmpty(files);
        Assert.Equal(
            files.Select(Row).Order(StringComparer.Ordinal),
            Read("docs/models.md").Split('\n').Where(line => TrainedNetwork().IsMatch(line)).Order(StringComparer.Ordinal));
    }

    /// <summary>The report that was committed is of the very networks beside it.</summary>
    [Fact]
    public void The_report_is_of_the_networks_in_models()
    {
        var report = File.ReadAllLines(Path.Combine(Shell.Root, "docs", "reproduction", "report.md"));
        Assert.All(StudyFigures.Models, model =>
        {
            var training = Checkpoint.Load(Path.Combine(Shell.Root, "models", model + ".safetensors")).Training!;
            var (study, last) = (StudyFigures.Of(model)!.Top1, training.History[^1].Validation.Top1);
            var cells = FormattableString.Invariant($"| {model} | {study} | {last:0.00} | {last - study:+0.00} | {training.Best!.Validation.Top1:0.00} |");
            Assert.Contains(report, line => line.StartsWith(cells, StringComparison.Ordinal));
            Assert.Contains(report, line => line.Contains($"riffle train --data data/tiny --model {model} ", StringComparison.Ordinal));
        });
        var images = report.Where(line => line.StartsWith("![", StringComparison.Ordinal)).ToArray();

        // A learning curve of each network, two charts of all, and the drawings of Figures 1 and 2.
        Assert.Equal(StudyFigures.Models.Length + 2 + 6, images.Length);
        Assert.All(images, image => Assert.True(File.Exists(
            Path.Combine(Shell.Root, "docs", "reproduction", image[(image.LastIndexOf('(') + 1)..^1]))));
    }

    [Fact]
    public void The_code_is_the_code_below()
    {
        var source = Lines(File.ReadAllText(Path.Combine(Shell.Root, "tests", "Riffle.Tests", "Cli", "DocumentationTests.cs")));
        var blocks = Blocks("csharp").ToArray();

        Assert.Equal(6, blocks.Length);
        Assert.All(blocks, block => Assert.Contains(
            Lines(Paths.Aggregate(block, (code, path) => code.Replace($"\"{path.Key}\"", path.Value, StringComparison.Ordinal))),
            source,
            StringComparison.Ordinal));
    }

    [Fact]
    public void The_property_is_the_commands_own() => Assert.Contains(
        Assert.Single(Blocks("xml")).Trim(), File.ReadAllText(Path.Combine(Shell.Root, "src", "Riffle.Cli", "Riffle.Cli.csproj")), StringComparison.Ordinal);

    [Fact]
    public void The_classifier_knows_a_star()
    {
        var (run, image) = (demo["run"], Directory.EnumerateFiles(demo["images"] + "/train/star").First());
        var output = Capture(Console =>
        {
            using var classifier = Classifier.Load(run);
            foreach (var guess in classifier.Classify(image, top: 3))
                Console.WriteLine($"{guess.Class}: {guess.Probability:P1}");
        });

        Assert.StartsWith("star: ", output, StringComparison.Ordinal);
        Assert.Equal(3, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void A_stream_and_bytes_are_classified()
    {
        var (run, bytes) = (demo["run"], File.ReadAllBytes(Directory.EnumerateFiles(demo["images"] + "/train/star").First()));
        using var stream = new MemoryStream(bytes);
        using var classifier = Classifier.Load(run);
        var (ofStream, ofSpan) = (classifier.Classify(stream), classifier.Classify(bytes)); // a Stream and a ReadOnlySpan<byte>, of a whole image file
        Assert.Equal("star", ofStream.Best.Class);
        Assert.Equal(ofStream, ofSpan);
    }

    [Fact]
    public void Threads_share_the_classifier()
    {
        var run = demo["run"];
        var output = Capture(writer =>
        {
            var Console = TextWriter.Synchronized(writer);
            using var classifier = Classifier.Load(run);
            var (side, classes) = (classifier.Model.ImageSize, classifier.Model.Classes.Count);
            Parallel.For(0, 8, thread =>
            {
                var pixels = new byte[side * side * 3]; // row by row, red first
                var probabilities = new float[classes];
                classifier.Score(pixels, probabilities);
                Console.WriteLine($"{probabilities.Max():P1}");
            });
        });

        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(8, lines.Length);
        Assert.Single(lines.Distinct());
    }

    [Fact]
    public void The_networks_are_counted()
    {
        var output = Capture(Console =>
        {
            var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v2-x1.0", classes: 10));
            var builder = new NetworkBuilder();
            var x = builder.Input(32, 32);
            x = builder.Relu(builder.BatchNorm("stem.1", builder.Convolution("stem.0", x, outputChannels: 16, kernel: 3, stride: 2)));
            x = builder.FullyConnected("fc", builder.GlobalAveragePool(x), outputs: 10);
            var own = builder.Build("my-network");
            Console.WriteLine($"{Complexity.Of(network).Macs:N0} and {Complexity.Of(own).Macs:N0} multiply-adds");
        });

        // 16·3·3·3 multiply-adds at each of 16×16 places, and 16·10.
        Assert.EndsWith(" and 110,752 multiply-adds\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_network_of_one_s_own_is_trained()
    {
        using var runs = new TemporaryFolder();
        var (folder, run) = (demo["data"], runs.PathOf("own"));
        var output = Capture(Console =>
        {
            var builder = new NetworkBuilder();
            var x = builder.Input(32, 32);
            x = builder.Relu(builder.BatchNorm("stem.1", builder.Convolution("stem.0", x, outputChannels: 16, kernel: 3, stride: 2)));
            builder.FullyConnected("fc", builder.GlobalAveragePool(x), outputs: 10);

            var data = Dataset.Open(folder, ImageCodec.Default);
            var spec = NetworkSpec.Of(builder.Build("my-network")) with { Classes = data.Info.Classes.Length };
            using (var trainer = Trainer.Start(data, spec, Recipe.Best with { Epochs = 1 }, run))
                trainer.Run();
            using var classifier = Classifier.Load(run);
            Console.WriteLine($"{classifier.Model.Name}: {classifier.Model.Classes.Count} classes");
        });

        Assert.Equal($"my-network: {Dataset.Open(folder, ImageCodec.Default).Info.Classes.Length} classes\n", output);
    }

    private static string Read(string page) => File.ReadAllText(Path.Combine(Shell.Root, page));

    /// <summary>A heading's anchor, as GitHub makes it.</summary>
    private static string Anchor(string heading) => NotInAnchor().Replace(heading.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-');

    private static IEnumerable<string> Blocks(string language) =>
        Block().Matches(All).Where(match => match.Groups[1].Value == language).Select(match => match.Groups[2].Value);

    [GeneratedRegex("^```([a-z]*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchor();

    [GeneratedRegex(@"^\| [a-z0-9.-]+-x[0-9.]+ \| [0-9,]+ \| [0-9.]+ % \|")]
    private static partial Regex TrainedNetwork();

    /// <summary>The lines of a program without indentation, blank lines and using directives.</summary>
    private static string Lines(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim())
        .Where(line => line.Length > 0 && !(line.StartsWith("using ", StringComparison.Ordinal) && !line.Contains('='))));

    private static string Capture(Action<TextWriter> write)
    {
        using var output = new StringWriter { NewLine = "\n" };
        write(output);
        return output.ToString();
    }
}
