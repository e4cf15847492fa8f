using System.CommandLine;
using System.Globalization;
using Riffle.Measurement;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle benchmark</c>: the speed of networks on this machine.</summary>
internal static class BenchmarkCommand
{
    private static readonly int[] DefaultBatches = [1, 16, 128];

    public static Command Create(string name)
    {
        var models = new Argument<string[]>("MODEL")
        {
            Description = "Network names, checkpoint files, run folders (their best checkpoint), ONNX files, which are measured without training, or "
                + "descriptions of networks (.json).",
            Arity = ArgumentArity.OneOrMore,
        };
        var network = new NetworkOptions();
        var threads = Numbers.Optional("--threads", "N", TrainingOptions.ThreadLimits);
        threads.Description = "Threads that compute. 0: one per core. Default: one for inference, one per core for training.";
        var batches = NumberList.Option("--batch", "1,16,128", RecipeLimits.Batch);
        batches.Description = $"Batch sizes of inference, each measured separately. Default: {string.Join(',', DefaultBatches)}.";
        var trainBatch = Numbers.Option("--train-batch", "N", RecipeLimits.Batch);
        (trainBatch.Description, trainBatch.DefaultValueFactory) = ("Batch size of training.", _ => Recipe.Best.Batch);
        var noTrain = new Option<bool>("--no-train") { Description = "Do not measure training." };
        var layers = new Option<bool>("--layers") { Description = "Also measure every layer." };
        var seconds = Numbers.Option("--seconds", "S", new Limits<double>(0.001, 3600));
        (seconds.Description, seconds.DefaultValueFactory) = ("Duration of each measurement, after a warm-up.", _ => 1.5);
        var ranks = NumberList.Option("--ranks", "2,16,256", new Limits<int>(1, 65536));
        ranks.Description = "Predict training by so many ranks, each a machine like this, with --train-batch images each.";
        var links = new Option<string[]>("--links")
        {
            Description = "With --ranks: networks between the machines, as GIGABITS:MICROSECONDS of rate and latency. Default: 1:100, 10:30 and 100:5.",
            HelpName = "1:100,10:30",
            AllowMultipleArgumentsPerToken = true,
        };
        var json = new Option<bool>("--json") { Description = "Print one JSON document on standard output." };

        var command = new Command(name, "Measures the latency, throughput and training speed of networks on this machine.")
        {
            models,
        };
        network.AddTo(command);
        foreach (var option in (Option[])[threads, batches, trainBatch, noTrain, layers, seconds, ranks, links, json])
            command.Options.Add(option);
        return command
            .WithExamples(
                "riffle benchmark shufflenet-v1-g3-x1.0",
                "riffle benchmark shufflenet-v1-g3-x0.25 shufflenet-v2-x0.5 mobilenet-v1-x0.25 --batch 1 --no-train",
                "riffle benchmark shufflenet-v2-x1.0 --preset imagenet --train-batch 32 --seconds 5",
                "riffle benchmark runs/first --layers --threads 2 --json",
                "mpirun -n 2 riffle benchmark shufflenet-v1-g3-x1.0 --train-batch 128",
                "riffle benchmark shufflenet-v1-g3-x1.0 --ranks 2,16,256 --links 10:30")
            .WithAction((parse, cancel) =>
            {
                if (TrainingOptions.IsSpecified(parse, links) && !TrainingOptions.IsSpecified(parse, ranks))
                    throw new ArgumentException("--links requires --ranks.");

                // All of them before the first measurement, so that a wrong name is reported at once.
                var subjects = parse.GetRequiredValue(models).Select(model => Find(model, network, parse)).ToArray();
                var budget = TimeSpan.FromSeconds(parse.GetValue(seconds));
                var (joined, counts) = (RankedProcess.Join(cancel), parse.GetValue(ranks) ?? []);
                var (cores, images, output) = (parse.GetValue(threads) ?? 0, parse.GetValue(trainBatch), parse.InvocationConfiguration.Output);
                if (joined is not null || counts.Length > 0)
                {
                    if (((Option[])[batches, noTrain, layers, json]).FirstOrDefault(option => TrainingOptions.IsSpecified(parse, option)) is { } unused)
                        throw new ArgumentException($"{unused.Name} has no meaning for several ranks; remove it.");
                    if (joined is not null)
                        BenchmarkReport.WriteTogether(Train(subjects, budget, benchmark => new RankedBenchmark(benchmark, joined).Training(images, cores, budget, cancel)), output);
                    else
                        BenchmarkReport.WritePredictions(Train(subjects, budget, benchmark => benchmark.Scaling(images, cores, cancel)), counts, Links(parse.GetValue(links)), output);
                    return ExitCode.Done;
                }

                var results = Measure(
                    subjects, budget, parse.GetValue(layers), parse.GetValue(threads),
                    parse.GetValue(batches) is { Length: > 0 } given ? given : DefaultBatches,
                    parse.GetValue(noTrain) ? null : parse.GetValue(trainBatch), cancel);
                if (parse.GetValue(json))
                    BenchmarkReport.WriteJson(results, output);
                else
                    BenchmarkReport.WriteTables(results, output);
                return ExitCode.Done;
            });
    }

    /// <summary>Measures the training of each network that can be trained.</summary>
    private static List<(string Name, T Result)> Train<T>(Subject[] subjects, TimeSpan budget, Func<NetworkBenchmark, T> measure)
    {
        var (trained, results) = (subjects.Where(subject => subject.IsTrained).ToArray(), new List<(string, T)>());
        using var line = new ProgressLine("benchmark", trained.Length, "networks");
        foreach (var subject in trained)
        {
            results.Add((subject.Name, measure(subject.Benchmark(budget, false))));
            line.Report(results.Count, subject.Name);
        }

        return results;
    }

    private static Link[] Links(string[]? given)
    {
        string[] texts = given is { Length: > 0 } ? [.. given.SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries))] : ["1:100", "10:30", "100:5"];
        return [.. texts.Select(text => text.Split(':') is [var rate, var latency]
            && double.TryParse(rate, CultureInfo.InvariantCulture, out var gigabits) && gigabits is > 0 and < 1e6
            && double.TryParse(latency, CultureInfo.InvariantCulture, out var microseconds) && microseconds is >= 0 and < 1e9
                ? new Link(gigabits, microseconds)
                : throw new ArgumentException($"--links: '{text}' is not GIGABITS:MICROSECONDS, for example 10:30"))];
    }

    private static Subject Find(string model, NetworkOptions options, ParseResult parse)
    {
        if (NetworkArgument.Open(model, options, parse) is not { } opened)
        {
            var spec = options.Resolve(parse, model);
            var network = NetworkCatalogue.Build(spec);
            return new(spec.Name, options.PresetOf(parse), network, IsTrained: true, (budget, layers) => NetworkBenchmark.Of(network, budget, layers));
        }

        var (weights, checkpoint) = opened;
        return new(weights.Network.Name, null, weights.Network, IsTrained: checkpoint is not null, (budget, layers) => new(weights, budget, layers));
    }

    private static List<BenchmarkResult> Measure(
        Subject[] subjects, TimeSpan budget, bool layers, int? threads, int[] batches, int? trainBatch, CancellationToken cancel)
    {
        var (results, done) = (new List<BenchmarkResult>(), 0);
        var measurements = subjects.Sum(subject => batches.Length + (trainBatch is null || !subject.IsTrained ? 0 : 1));
        using var line = new ProgressLine("benchmark", measurements, "measurements");
        foreach (var subject in subjects)
        {
            Performance Report(Performance performance)
            {
                line.Report(++done, subject.Name);
                return performance;
            }

            var benchmark = subject.Benchmark(budget, layers);
            var inference = batches.Select(batch => Report(Supported.Try(subject.Name, () => benchmark.Inference(batch, threads ?? 1, cancel)))).ToArray();
            var training = trainBatch is { } images && subject.IsTrained
                ? Report(Supported.Try(subject.Name, () => benchmark.Training(images, threads ?? 0, cancel)))
                : null;
            results.Add(new(subject.Name, subject.Preset, subject.Network, inference, training));
        }

        return results;
    }

    /// <summary>What to measure. A file has no preset, and training is not measured for ONNX files.</summary>
    private sealed record Subject(string Name, string? Preset, Network Network, bool IsTrained, Func<TimeSpan, bool, NetworkBenchmark> Benchmark);
}
