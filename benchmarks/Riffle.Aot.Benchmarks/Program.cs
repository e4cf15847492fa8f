using System.Globalization;
using System.Runtime.CompilerServices;
using Riffle.Measurement;
using Riffle.Networks;

// Says how it was compiled and how wide its vectors are, and then answers each line "MODEL BATCH SECONDS" of its input with the images a second of inference on one thread.
// So ahead_of_time.py can let several of it take turns without starting them anew.
Console.WriteLine($"{(RuntimeFeature.IsDynamicCodeCompiled ? "JIT" : "AOT")} {NetworkBenchmark.VectorBits}");
while (Console.ReadLine()?.Split(' ') is [var model, var batch, var seconds])
{
    var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(model));
    var benchmark = NetworkBenchmark.Of(network, TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture)));
    Console.WriteLine(benchmark.Inference(int.Parse(batch, CultureInfo.InvariantCulture)).ImagesPerSecond.ToString("F1", CultureInfo.InvariantCulture));
}
