using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Riffle.Benchmarks;
using Riffle.Execution;
using Riffle.Networks;
using Riffle.Training;

// Training throughput of one network as one line of JSON: whole steps (forward, loss, backward, Nesterov update) on a ready batch, the median of them,
// and the machine's own peak measured before and after in the same run. usage: MODEL [--threads 2] [--batch 128] [--steps 12]
if (args.Length == 0 || args[0].StartsWith('-'))
{
    Console.Error.WriteLine("usage: Riffle.Benchmarks MODEL [--threads 2] [--batch 128] [--steps 12]");
    return 2;
}

int Option(string name, int otherwise)
{
    var at = Array.IndexOf(args, name);
    return at < 0 ? otherwise : int.Parse(args[at + 1], CultureInfo.InvariantCulture);
}

int threads = Option("--threads", 2), batch = Option("--batch", 128), steps = Option("--steps", 12);
var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(args[0]));
var weights = new Weights(network);
Initialisation.Fill(weights, InitialisationKind.He, seed: 1);
var optimiser = new Optimiser(weights, OptimiserKind.Nesterov, momentum: 0.9f, weightDecay: 1e-4f);
var random = new Random(1);
var images = new float[batch * network.Input.Elements];
foreach (ref var value in images.AsSpan())
    value = (float)(random.NextDouble() * 2 - 1);
var labels = Enumerable.Range(0, batch).Select(_ => random.Next(network.Classes)).ToArray();

using var plan = new TrainingPlan(weights, batch, threads);
double Step(int step)
{
    var start = Stopwatch.GetTimestamp();
    plan.Step(images, labels);
    optimiser.Apply(weights.Trained, plan.Gradients, 0.01, step);
    return Stopwatch.GetElapsedTime(start).TotalSeconds;
}

for (var step = 0; step < 3; step++)
    Step(step);
var peak = Peak.Measure(threads);
var times = Enumerable.Range(3, steps).Select(Step).Order().ToArray();
peak = Math.Max(peak, Peak.Measure(threads));

var rate = batch / times[times.Length / 2];
var gflops = 6 * Complexity.Of(network).Macs * rate / 1e9;
Console.WriteLine(JsonSerializer.Serialize(new
{
    model = args[0],
    threads = plan.Threads,
    batch,
    images_per_second = Math.Round(rate, 1),
    gflops = Math.Round(gflops, 1),
    peak_gflops = Math.Round(peak, 1),
    share_of_peak = Math.Round(gflops / peak, 3),
    best_images_per_second = Math.Round(batch / times[0], 1),
    best_share_of_peak = Math.Round(6 * Complexity.Of(network).Macs * batch / times[0] / 1e9 / peak, 3),
    planned_mib = plan.Memory >> 20,
}));
return 0;
