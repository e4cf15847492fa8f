using System.Globalization;
using Riffle.Benchmarks;
using Riffle.Measurement;

// What only those who work on Riffle measure, each kind by its name; what a network takes is `riffle benchmark`.
if (args.Length > 0 && args[0] == "peak")
{
    var threads = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1;
    Console.WriteLine($"{PeakFlops.Measure(threads):0} GFLOP/s, {threads} threads, {NetworkBenchmark.VectorBits} bits");
    return 0;
}

if (args.Length > 0 && args[0] == "data")
    return DataPath.Run(args[1..]);

if (args.Length > 1 && args[0] == "samples")
    return OnnxSamples.OfCheckpoints(args[1], args[2..]);

if (args.Length > 2 && args[0] == "imports")
    return OnnxSamples.OfFiles(args[1], args[2..]);

Console.Error.WriteLine("""
    usage: Riffle.Benchmarks peak [THREADS] | data DIR [--train MODEL] [--threads N] [--steps N] | samples FOLDER [CHECKPOINT...] | imports FOLDER FILE.onnx...
    """);
return 2;
