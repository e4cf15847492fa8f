using System.Globalization;
using System.Text.Json;
using Riffle.Measurement;
using Riffle.Networks;

namespace Riffle.Cli;

/// <summary>The measurements of one network. A checkpoint has no preset.</summary>
internal sealed record BenchmarkResult(string Model, string? Preset, Network Network, Performance[] Inference, Performance? Training)
{
    public NetworkComplexity Cost { get; } = Complexity.Of(Network);

    public IEnumerable<Performance> Runs => Training is null ? Inference : Inference.Append(Training);
}

/// <summary>What <c>riffle benchmark</c> prints.</summary>
internal static class BenchmarkReport
{
    private const string HowMeasured =
        "Inference goes from normalised images to logits; training is whole steps on a ready batch. Images are noise. GFLOP/s counts two operations\n"
        + "per multiply-add in inference and six in training. The peak is the rate of fused multiply-adds in registers, measured before and after each row.";

    private const string HowLayersAreMeasured =
        "Times are for one image on one thread. Bytes are what a layer must read and write for one image: inputs, output and weights. Batch norm and ReLU\n"
        + "have no rows because the layers that read their results apply them; shuffle, slice and concat have none because they move no data.";

    private const string HowMeasuredTogether =
        "Medians of whole training steps, on images of noise. Alone: all ranks at once, each for itself. Together: one batch of all their images, with the bits of one\n"
        + "process. Waits: in rank 0, for sums of batch norm and, after backward, for gradients. Kept: the part of its speed alone that each rank keeps.";

    private const string HowPredicted =
        "Predicted from one rank's step here, layer by layer. Exchanges: sums of batch norm, each after the other; with local batch norm there are none. Kept: the part of\n"
        + "its speed alone that each rank keeps.";

    private const int Decimals = 6;

    /// <summary>Writes one element per network and inference batch size. Each element also has the training figures of its network.</summary>
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
        JsonOutput.Settings));

    /// <summary>Writes tables for people.</summary>
    public static void WriteTables(IReadOnlyList<BenchmarkResult> results, TextWriter output)
    {
        var table = new TextTable(
            "Network", ">Multiply-adds", "Run", ">Threads", ">Batch", ">Median ms", ">p95 ms", ">p99 ms", ">Images/s", ">GFLOP/s", ">Of peak", ">Planned MiB");
        foreach (var result in results)
        {
            foreach (var run in result.Inference)
                AddRow(table, result, "inference", run);
            if (result.Training is { } training)
                AddRow(table, result, "training", training);
        }

        table.Write(output);
        output.WriteLine();
        var runs = results.SelectMany(result => result.Runs).ToArray();
        var peaks = runs.GroupBy(run => run.Threads).OrderBy(group => group.Key)
            .Select(group => $"{Number(group.Max(run => run.PeakGflops))} GFLOP/s on {group.Key} thread{(group.Key == 1 ? "" : "s")}");
        var memory = runs.Max(run => run.PeakResidentBytes);
        output.WriteLine($"Vectors of {NetworkBenchmark.VectorBits} bits; peak {string.Join(", ", peaks)}; {Mebibytes(memory)} MiB of memory at most.");
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

    /// <summary>Writes what several ranks measured together.</summary>
    public static void WriteTogether(IReadOnlyList<(string Name, RankedPerformance Performance)> results, TextWriter output)
    {
        var table = new TextTable(
            "Network", ">Ranks", ">Threads", ">Images a rank", ">Alone, ms", ">Together, ms", ">Waits, ms", ">Images/s", ">Kept", ">Local batch norm, ms", ">Waits, ms", ">Kept");
        foreach (var (name, run) in results)
        {
            table.Add(
                name, Number(run.Ranks), Number(run.Threads), Number(run.Batch), Number(run.Alone.Median, "0.0"), Number(run.Together.Median, "0.0"),
                $"{Number(run.Waits.Sums, "0.0")} + {Number(run.Waits.Gradients, "0.0")}", Number(run.ImagesPerSecond), Number(100 * run.Efficiency, "0.0") + " %", Number(run.Local.Median, "0.0"), Number(run.LocalWait, "0.0"),
                Number(100 * run.LocalEfficiency, "0.0") + " %");
        }

        table.Write(output);
        output.WriteLine();
        output.WriteLine(HowMeasuredTogether);
    }

    /// <summary>Writes what several ranks are predicted to do.</summary>
    public static void WritePredictions(IReadOnlyList<(string Name, ScalingModel Model)> results, int[] counts, Link[] links, TextWriter output)
    {
        var table = new TextTable(
            "Network", ">Alone, ms", ">Gradients, MB", ">Exchanges", ">Link, Gbit/s", ">Latency, µs", ">Ranks", ">Together, ms", ">Kept", ">Local batch norm, ms", ">Kept");
        foreach (var (name, model) in results)
        {
            foreach (var prediction in links.SelectMany(link => counts.Select(ranks => model.Predict(ranks, link))))
            {
                table.Add(
                    name, Number(model.Alone, "0.0"), Number(model.GradientBytes / 1e6, "0.00"), Number(model.Exchanges), Number(prediction.Link.Gigabits, "0.##"),
                    Number(prediction.Link.Microseconds, "0.##"), Number(prediction.Ranks), Number(prediction.Milliseconds, "0.0"),
                    Number(100 * prediction.Kept, "0") + " %", Number(prediction.LocalMilliseconds, "0.0"), Number(100 * prediction.LocalKept, "0") + " %");
            }
        }

        table.Write(output);
        output.WriteLine();
        output.WriteLine(HowPredicted);
    }

    private static void AddRow(TextTable table, BenchmarkResult result, string kind, Performance run) => table.Add(
        result.Model, Number(result.Cost.Macs), kind, Number(run.Threads), Number(run.Batch),
        Milliseconds(run, 50), Milliseconds(run, 95), Milliseconds(run, 99),
        Number(run.ImagesPerSecond), Number(run.Gflops, "0.0"), Number(100 * run.ShareOfPeak) + " %", run.PlannedBytes is { } bytes ? Mebibytes(bytes) : "");

    private static TextTable LayerTable(BenchmarkResult result)
    {
        List<(string Heading, Performance Run, Func<LayerTime, double> Time)> columns =
            [.. result.Inference.Select(run => ($">Batch {run.Batch}, µs", run, (Func<LayerTime, double>)(line => line.ForwardMilliseconds)))];
        if (result.Training is { } training)
        {
            columns.Add((">Forward, µs", training, line => line.ForwardMilliseconds));
            columns.Add((">Backward, µs", training, line => line.BackwardMilliseconds));
        }

        var table = new TextTable(["Layer", "Operation", ">Output", ">Multiply-adds", ">Bytes", .. columns.Select(column => column.Heading)]);
        var lines = result.Inference[0].Layers;
        foreach (var (i, line) in lines.Index())
        {
            string[] cost = line.Output is { } output ? [output.ToString(), Number(line.Macs), Number(line.Bytes)] : ["", "", ""];
            table.Add([line.Name, line.Operation ?? "", .. cost, .. columns.Select(column => Microseconds(column.Time(column.Run.Layers[i]), column.Run))]);
        }

        var sums = columns.Select(column => Microseconds(column.Run.Layers.Sum(column.Time), column.Run));
        table.Add(["all", "", "", Number(result.Cost.Macs), Number(lines.Sum(line => line.Bytes)), .. sums]);
        return table;
    }

    /// <summary>The time per image of a run's batch.</summary>
    private static string Microseconds(double milliseconds, Performance run) => Number(1000 * milliseconds / run.Batch, "0.00");

    private static int[] Dimensions(Shape shape) => [shape.Channels, shape.Height, shape.Width];

    private static string Milliseconds(Performance run, double percent) => Number(run.Timings.Percentile(percent), "0.000");

    private static string Mebibytes(long bytes) => Number(bytes / (1024.0 * 1024));

    private static string Number(double value, string format = "#,0") => value.ToString(format, CultureInfo.InvariantCulture);

    private static double Round(double value) => Math.Round(value, Decimals);

    private static double? Round(double? value) => value is { } number ? Round(number) : null;
}
