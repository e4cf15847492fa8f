using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Measurement;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Study;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle summary</c>: a network's architecture and cost, or a list of all networks.</summary>
internal static class SummaryCommand
{
    private const string HowCounted =
        "Multiply-adds are those of convolutions and the classifier for one image, as in the ShuffleNet papers; batch norm,\n"
        + "activations, pooling, shuffle and addition are not counted. Parameters are those that training changes.";

    private const string Example = "riffle summary mobilenet-v1-x0.25 --description mine.json";

    /// <summary>Long enough for a comparable figure, short enough not to keep the user waiting.</summary>
    private static readonly TimeSpan LatencyBudget = TimeSpan.FromSeconds(0.3);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static Command Create(string name)
    {
        var models = new Argument<string[]>("MODEL")
        {
            Description = "Network name, checkpoint file, run folder (its best checkpoint), ONNX file, or description of a network (.json). Several are shown side "
                + "by side. Without it, all networks are listed.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var options = new NetworkOptions();
        var layers = new Option<bool>("--layers") { Description = "Show every layer instead of every unit." };
        var plan = new Option<string?>("--plan")
        {
            Description = "Show the steps that run, with layouts, epilogues and memory, for inference of one image, inference of a batch, or training.",
        };
        plan.AcceptOnlyFromAmong("image", "batch", "training");
        var threads = Numbers.Optional("--threads", "N", TrainingOptions.ThreadLimits);
        threads.Description = "With --plan: threads that share the work of an image, of sixteen images, or of a training batch of 128. 0: one per core. Default: 1.";
        var description = new Option<string?>("--description")
        {
            Description = "Write the network's layers to a JSON file, which you can change and give in place of a network name.",
            HelpName = "FILE.json",
        };
        var noMeasure = new Option<bool>("--no-measure") { Description = "Do not measure the latency on this machine." };
        var json = new Option<bool>("--json") { Description = "Print one JSON document on standard output." };
        var command = new Command(name, "Shows a network's architecture, multiply-adds, parameters and latency. Without MODEL, lists all networks.")
        {
            models,
        };
        options.AddTo(command);
        command.Options.Add(layers);
        command.Options.Add(plan);
        command.Options.Add(threads);
        command.Options.Add(description);
        command.Options.Add(noMeasure);
        command.Options.Add(json);
        return command.WithAction((parse, cancel) =>
        {
            var output = parse.InvocationConfiguration.Output;
            var names = parse.GetValue(models) ?? [];
            var networks = from known in names.Length == 0 ? NetworkCatalogue.Names : names select Find(known, options, parse);
            Performance? Measure(Counted counted) =>
                parse.GetValue(noMeasure) ? null : Supported.Try(
                    counted.Network.Name, () => NetworkBenchmark.Of(counted.Network, LatencyBudget).Inference(batch: 1, threads: 1, cancel));
            if (parse.GetValue(description) is { } file)
            {
                if (names is not [var name])
                    throw new ArgumentException($"--description writes one network; name it, for example: {Example}");
                if (!NetworkOptions.IsDescription(file))
                    throw new ArgumentException($"{file}: give the file a name that ends in {NetworkFile.Ending}, by which commands recognise it");
                NetworkFile.Write(networks.Single().Network, file);
                var path = ShellWord.Path(file);
                output.WriteLine($"{name} → {file}\nNext:\n  riffle summary {path}\n  riffle train --model {path} --data DIR --out RUN");
                return ExitCode.Done;
            }

            if (parse.GetValue(plan) is { } kind)
            {
                if (names.Length != 1)
                    throw new RiffleException("--plan shows the steps of one network; name it, for example: riffle summary shufflenet-v2-x1.0 --plan image");
                var network = networks.Single().Network;
                var steps = Supported.Try(network.Name, () => ExecutionPlan.Of(
                    network, Enum.Parse<PlanKind>(kind, ignoreCase: true), parse.GetValue(threads) is { } given ? given == 0 ? Environment.ProcessorCount : given : 1));
                if (parse.GetValue(json))
                    output.WriteLine(JsonSerializer.Serialize(steps, Json));
                else
                    PlanTable.Write(steps, output);
                return ExitCode.Done;
            }

            switch (networks.ToArray(), parse.GetValue(json))
            {
                case ([var one], true) when names.Length == 1:
                    output.WriteLine(JsonSerializer.Serialize(Document(one, Measure(one), layers: true), Json));
                    break;
                case ([var one], false) when names.Length == 1:
                    WriteOne(one, Measure(one), parse.GetValue(layers), output);
                    break;
                case (var all, true):
                    output.WriteLine(JsonSerializer.Serialize(all.Select(network => Document(network, null, layers: false)), Json));
                    break;
                case (var all, false) when names.Length > 0 && ArchitectureComparison.Of([.. all.Select(one => one.Network)]) is { } comparison:
                    WriteSideBySide(all, comparison, output);
                    break;
                case (var all, false):
                    WriteList(all, output);
                    break;
            }

            return ExitCode.Done;
        }).WithExamples(
            "riffle summary",
            "riffle summary shufflenet-v1-g3-x1.0",
            "riffle summary mobilenet-v1-x1.0 mobilenet-v1-x0.5 mobilenet-v1-x0.25",
            "riffle summary shufflenet-v2-x1.0 --preset imagenet --layers",
            "riffle summary shufflenet-v2-x1.0 --plan image",
            "riffle summary mobilenet-v1-x1.0 --preset imagenet --plan image --threads 16",
            Example,
            "riffle summary runs/first",
            "riffle summary model.onnx --layers",
            "riffle summary shufflenet-v1-g3-x0.25 --size 64 --classes 10 --units 2,2,2 --json");
    }

    private static Counted Find(string name, NetworkOptions options, ParseResult parse)
    {
        if (NetworkArgument.Open(name, options, parse) is { } opened)
        {
            var (own, checkpoint) = (opened.Weights.Network, opened.Checkpoint);
            return new(checkpoint?.Spec, own, Complexity.Of(own), checkpoint?.Training);
        }

        var spec = options.Resolve(parse, name);
        var network = NetworkCatalogue.Build(spec);
        return new(spec, network, Complexity.Of(network));
    }

    private static void WriteList(IReadOnlyList<Counted> networks, TextWriter output)
    {
        // Files may have sizes, classes and units of their own.
        var (input, classes) = (networks[0].Network.Input, networks[0].Network.Classes);
        var units = networks.Select(counted => string.Join(',', counted.Spec?.Units ?? [])).Where(units => units.Length > 0).Distinct().ToArray();
        if (networks.All(counted => (counted.Network.Input, counted.Network.Classes) == (input, classes)))
        {
            output.WriteLine(
                $"Networks for images of {Size(input)}, {Number(classes)} classes{(units is [var same] ? $", {same} units per stage" : "")}");
        }

        output.WriteLine();
        var table = new TextTable("Network", ">Multiply-adds", ">Parameters", ">Study MFLOPs", ">Ratio", ">Top-1");
        foreach (var (spec, network, cost, _) in networks)
        {
            var study = StudyOf(spec);
            table.Add(
                network.Name, Number(cost.Macs), Number(cost.Parameters), Number(study?.MegaFlops), Ratio(study, cost),
                study is null ? "" : Number(study.Top1) + " %");
        }

        table.Write(output);
        output.WriteLine();
        output.WriteLine(HowCounted);
        if (networks.Any(network => StudyOf(network.Spec) is not null))
        {
            output.WriteLine("MFLOPs and top-1 accuracy on Tiny ImageNet are the study's. It does not say how it counted;\n"
                + "the ratio is its number divided by this count.");
        }
    }

    private static void WriteOne(Counted counted, Performance? latency, bool layers, TextWriter output)
    {
        var (spec, network, cost, training) = counted;
        output.WriteLine($"{network.Name}: images of {Size(network.Input)}, {Number(network.Classes)} classes");
        output.WriteLine();
        (layers ? LayerTable(cost) : UnitTable(network)).Write(output);
        output.WriteLine();
        output.WriteLine($"Total: {Number(cost.Macs)} multiply-adds, {Number(cost.Parameters)} parameters, {Number(cost.Activations)} activations.");
        if (training is not null)
        {
            output.WriteLine($"Trained with the recipe {training.Recipe.Name} on {Number(training.Data.Train)} images, {Number(training.Progress.Epochs)} of "
                + $"{Number(training.Recipe.Epochs)} epochs"
                + (training.Best is { } best ? $"; highest top-1 {best.Validation.Top1:0.00} % in epoch {Number(best.Epoch)}, validated on "
                    + $"{Number(training.Data.Validation)} images." : "."));
        }

        if (training is { Recipe.Fit: not FitKind.Crop and var fit })
            output.WriteLine($"Images that are not square become squares by {fit.Name()}.");

        if (latency is not null)
        {
            output.WriteLine(FormattableString.Invariant(
                $"Measured here: one image takes {latency.Timings.Median:0.00} ms on 1 thread, {latency.Gflops:0.0} GFLOP/s, ")
                + FormattableString.Invariant($"{100 * latency.ShareOfPeak:0} % of this machine's peak."));
        }

        if (StudyOf(spec) is { } study)
        {
            output.WriteLine($"The study: {Number(study.MegaFlops)} MFLOPs, {Ratio(study, cost)} times this count (it does not say how it counted), "
                + $"and {Number(study.Top1)} % top-1 accuracy on Tiny ImageNet.");
        }

        output.WriteLine();
        output.WriteLine(HowCounted);
    }

    /// <summary>Networks that differ only in their channels, in one table.</summary>
    private static void WriteSideBySide(IReadOnlyList<Counted> networks, ArchitectureComparison comparison, TextWriter output)
    {
        var first = networks[0].Network;
        output.WriteLine($"{string.Join(", ", networks.Select(counted => counted.Network.Name))}: images of {Size(first.Input)}; channels of each layer");
        output.WriteLine();
        var table = new TextTable(["Layer", ">Output", ">Kernel", ">Stride", ">Repeat", .. comparison.Headings.Select(heading => ">" + heading)]);
        foreach (var (row, channels) in comparison.Rows)
            table.Add([.. Settings(row), .. channels.Select(count => Number(count))]);
        string[] blank = ["", "", "", ""];
        table.Add(["Multiply-adds", .. blank, .. comparison.Costs.Select(cost => Number(cost.Macs))]);
        table.Add(["Parameters", .. blank, .. comparison.Costs.Select(cost => Number(cost.Parameters))]);
        table.Write(output);
        output.WriteLine();
        output.WriteLine(HowCounted);
    }

    private static TextTable UnitTable(Network network)
    {
        var table = new TextTable("Layer", ">Output", ">Kernel", ">Stride", ">Repeat", ">Channels", ">Multiply-adds", ">Parameters");
        foreach (var row in Architecture.Of(network))
            table.Add([.. Settings(row), Number(row.Output.Channels), Number(row.Macs), Number(row.Parameters)]);

        return table;
    }

    /// <summary>Name, output, kernel, stride and repeat of a row.</summary>
    private static string[] Settings(ArchitectureRow row) =>
        [row.Name, Size(row.Output), row.Kernel is { } kernel ? $"{kernel}×{kernel}" : "", Number(row.Stride), Number(row.Repeat)];

    private static TextTable LayerTable(NetworkComplexity cost)
    {
        var table = new TextTable("Layer", "Operation", ">Kernel", ">Stride", ">Groups", ">Output", ">Multiply-adds", ">Parameters");
        foreach (var layer in cost.Layers)
        {
            var (kernel, stride, groups) = layer.Layer.Operation.Settings;
            table.Add(
                layer.Name, layer.Operation, kernel is null ? "" : $"{kernel}×{kernel}", Number(stride), Number(groups),
                layer.Output.ToString(), Number(layer.Macs), Number(layer.Parameters));
        }

        return table;
    }

    private static SummaryDocument Document(Counted counted, Performance? latency, bool layers) => new(
        counted.Network.Name,
        Dimensions(counted.Network.Input),
        counted.Network.Classes,
        counted.Cost.Macs,
        counted.Cost.Parameters,
        latency is null ? null : Math.Round(latency.Timings.Median, 4),
        counted.Training is { Recipe.Fit: not FitKind.Crop and var fit } ? fit.Name() : null,
        counted.Training?.Best is { } best ? Math.Round(best.Validation.Top1, 4) : null,
        layers ? [.. counted.Cost.Layers.Select(l => new SummaryLayer(l.Name, l.Operation, Dimensions(l.Output), l.Macs, l.Parameters))] : null);

    private static int[] Dimensions(Shape shape) => [shape.Channels, shape.Height, shape.Width];

    private static string Size(Shape shape) => $"{shape.Height}×{shape.Width}";

    private static string Number(double? value) => value?.ToString("#,0.##", CultureInfo.InvariantCulture) ?? "";

    private static StudyFigure? StudyOf(NetworkSpec? spec) => spec is null ? null : StudyFigures.Of(spec);

    private static string Ratio(StudyFigure? study, NetworkComplexity cost) =>
        study is null ? "" : (study.MegaFlops * 1e6 / cost.Macs).ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>A network, its cost, and how it was trained if the file contains that. One from an ONNX file has no specification.</summary>
    private sealed record Counted(NetworkSpec? Spec, Network Network, NetworkComplexity Cost, TrainingRecord? Training = null);

    private sealed record SummaryDocument(
        string Model, int[] Input, int Classes, long Macs, long Parameters, double? LatencyMs, string? Fit, double? Top1, SummaryLayer[]? Layers);

    private sealed record SummaryLayer(string Name, string Op, int[] Output, long Macs, long Parameters);
}
