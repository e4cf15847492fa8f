using System.Globalization;
using System.Text.Json;
using Riffle.Cli.Commands;
using Riffle.Measurement;
using Riffle.Networks;

namespace Riffle.Cli;

/// <summary>What was measured of one network. A checkpoint has no preset.</summary>
internal sealed record BenchmarkResult(string Model, string? Preset, Network Network, Performance[] Inference, Performance? Training)
{
    public NetworkComplexity Cost { get; } = Complexity.Of(Network);

    public IEnumerable<Performance> Runs => Training is null ? Inference : Inference.Append(Training);
}

/// <summary>What <c>riffle benchmark</c> prints.</summary>
internal static class BenchmarkReport
{
    private const string HowMeasured =
        "Inference is from normalised images to logits, training is whole steps on a ready batch; images are noise. GFLOP/s counts two operations for a\n"
        + "multiply-add in inference and six in training. The peak is that of fused multiply-adds in registers, measured before and after each row.";

    private const string HowLayersAreMeasured =
        "Time is that of one thread for one image. Bytes are what a layer must read and write for an image: inputs, output and weights. Batch norm and ReLU\n"
        + "are applied by the layers that read their results, and what shuffle, slice and concat reorder is not moved at all: they have no rows.";

    private const int Decimals = 6;

    /// <summary>One element for each network and batch size of inference; what was measured of training stands in each element of its network.</summary>
    public static void WriteJson(IReadOnlyList<BenchmarkResult> results, TextWriter output) => output.WriteLine(JsonSerializer.Serialize(
        from result in results
        let training = result.Training
        from run in result.Inference
        select new
        {
            result.Model,
            result.Preset,
            Input = Dimensions(result.Network.Input),
            result.Network.Classes,
            result.Cost.Macs,
            result.Cost.Parameters,
            NetworkBenchmark.VectorBits,
            run.Threads,
            run.Batch,
            MedianMs = Round(run.Timings.Median),
            P50Ms = Round(run.Timings.Percentile(50)),
            P90Ms = Round(run.Timings.Percentile(90)),
            P95Ms = Round(run.Timings.Percentile(95)),
            P99Ms = Round(run.Timings.Percentile(99)),
            ImagesPerSecond = Round(run.ImagesPerSecond),
            Gflops = Round(run.Gflops),
            PeakGflops = Round(run.PeakGflops),
            ShareOfPeak = Round(run.ShareOfPeak),
            TrainThreads = training?.Threads,
            TrainBatch = training?.Batch,
            TrainMedianMs = Round(training?.Timings.Median),
            TrainImagesPerSecond = Round(training?.ImagesPerSecond),
            TrainGflops = Round(training?.Gflops),
            TrainPeakGflops = Round(training?.PeakGflops),
            TrainShareOfPeak = Round(training?.ShareOfPeak),
            TrainPlannedBytes = training?.PlannedBytes,
            PeakResidentBytes = result.Runs.Max(each => each.PeakResidentBytes),
            Layers = run.Layers.IsEmpty ? null : run.Layers.Select((line, i) => new
            {
                line.Name,
                Op = line.Operation,
                Output = line.Output is { } shape ? Dimensions(shape) : null,
                line.Macs,
                line.Bytes,
                InferenceMs = Round(line.ForwardMilliseconds),
                ForwardMs = Round(training?.Layers[i].ForwardMilliseconds),
                BackwardMs = Round(training?.Layers[i].BackwardMilliseconds),
            }),
        },
        TrainingOptions.Json));

    /// <summary>For people.</summary>
    public static void WriteTables(IReadOnlyList<BenchmarkResult> results, TextWriter output)
    {
        var table = new TextTable(
            "Network", ">Multiply-adds", "Run", ">Threads", ">Batch", ">Median ms", ">p95 ms", ">p99 ms", ">Images/s", ">GFLOP/s", ">Of peak");
        foreach (var result in results)
        {
            foreach (var (kind, run) in result.Inference.Select(run => ("inference", run)).Concat(result.Training is { } training ? [("training", training)] : []))
            {
                table.Add(
                    result.Model, Number(result.Cost.Macs), kind, Number(run.Threads), Number(run.Batch), Number(run.Timings.Median, "0.000"),
                    Number(run.Timings.Percentile(95), "0.000"), Number(run.Timings.Percentile(99), "0.000"), Number(run.ImagesPerSecond),
                    Number(run.Gflops, "0.0"), Number(100 * run.ShareOfPeak, "0") + " %");
            }
        }

        table.Write(output);
        output.WriteLine();
        var runs = results.SelectMany(result => result.Runs).ToArray();
        var peaks = runs.GroupBy(run => run.Threads).OrderBy(group => group.Key)
            .Select(group => $"{Number(group.Max(run => run.PeakGflops), "0")} GFLOP/s on {group.Key} thread{(group.Key == 1 ? "" : "s")}");
        output.WriteLine($"Vectors of {NetworkBenchmark.VectorBits} bits; peak {string.Join(", ", peaks)}. Memory: at most {Mebibytes(runs[^1].PeakResidentBytes)} in all"
            + string.Concat(results.Select(result => result.Training is { } training ? $"; {Mebibytes(training.PlannedBytes ?? 0)} to train {result.Model}" : "")) + ".");
        foreach (var result in results.Where(result => result.Inference[0].Layers.Length > 0))
        {
            output.WriteLine();
            output.WriteLine($"{result.Model}, layer by layer");
            output.WriteLine();
            LayerTable(result).Write(output);
        }

        output.WriteLine();
        output.WriteLine(HowMeasured);
        if (runs.Any(run => run.Layers.Length > 0))
            output.WriteLine(HowLayersAreMeasured);
    }

    private static TextTable LayerTable(BenchmarkResult result)
    {
        var table = new TextTable(
        [
            "Layer", "Operation", ">Output", ">Multiply-adds", ">Bytes",
            .. result.Inference.Select(run => $">Batch {run.Batch}, µs"),
            .. result.Training is null ? (string[])[] : [">Forward, µs", ">Backward, µs"],
        ]);
        string[] Times(Func<Performance, Func<LayerTime, double>, double> sum) =>
        [
            .. result.Inference.Select(run => Number(1000 * sum(run, line => line.ForwardMilliseconds) / run.Batch, "0.00")),
            .. result.Training is not { } training ? (string[])[] :
            [
                Number(1000 * sum(training, line => line.ForwardMilliseconds) / training.Batch, "0.00"),
                Number(1000 * sum(training, line => line.BackwardMilliseconds) / training.Batch, "0.00"),
            ],
        ];
        var lines = result.Inference[0].Layers;
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i];
            var isLayer = line.Output is not null;
            table.Add(
            [
                line.Name, line.Operation ?? "", line.Output?.ToString() ?? "", isLayer ? Number(line.Macs) : "", isLayer ? Number(line.Bytes) : "",
                .. Times((run, time) => time(run.Layers[i])),
            ]);
        }

        table.Add(["all", "", "", Number(result.Cost.Macs), Number(lines.Sum(line => line.Bytes)), .. Times((run, time) => run.Layers.Sum(time))]);
        return table;
    }

    private static int[] Dimensions(Shape shape) => [shape.Channels, shape.Height, shape.Width];

    private static string Mebibytes(long bytes) => Number(bytes / (1024.0 * 1024)) + " MiB";

    private static string Number(double value, string format = "#,0") => value.ToString(format, CultureInfo.InvariantCulture);

    private static double Round(double value) => Math.Round(value, Decimals);

    private static double? Round(double? value) => value is { } number ? Round(number) : null;
}
