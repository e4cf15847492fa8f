// What riffle serve costs beside its engine, and beside ONNX Runtime behind ASP.NET. The clients run on the same machine, so processor time is measured for each process apart.
//   dotnet run -c Release --project benchmarks/Riffle.Serving.Benchmarks -- RIFFLE.dll MODEL [ONNXSERVER.dll MODEL.onnx]
// SECONDS_EACH: seconds of each measurement, 2 by default. SERVE_OPTIONS: more options of riffle serve.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Riffle;
using Riffle.Images;
using Riffle.Serving.Benchmarks;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
const int Rounds = 3;
var time = TimeSpan.FromSeconds(double.TryParse(Environment.GetEnvironmentVariable("SECONDS_EACH"), out var given) ? given : 2);
var (program, path) = (args[0], args[1]);

// The client's own threads must not wait for each other.
ThreadPool.SetMinThreads(16, 16);
using var classifier = Classifier.Load(path);
using var single = Classifier.Load(path, threads: 1);
var (size, classes) = (classifier.Model.ImageSize, classifier.Model.Classes.Count);
var pixels = new byte[size * size * 3];
new Random(1).NextBytes(pixels);
var photo = Photo(400, 300);
var probabilities = new float[16 * classes];

using var server = new ServerProcess(["dotnet", program, "serve", $"m={path}", "--port", "0", .. (Environment.GetEnvironmentVariable("SERVE_OPTIONS") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
var tensor = Infer(pixels);
var jpeg = Connection.Request("/v1/classify", photo, "Content-Type: image/jpeg\r\n");
using var peer = args is [_, _, var onnxServer, var onnx] ? new ServerProcess("dotnet", onnxServer, onnx, "1") : null;
var bare = Connection.Request("/infer", pixels, "Content-Type: application/octet-stream\r\n");

// All by turns; medians of the rounds.
var rows = new SortedDictionary<string, List<double>>(StringComparer.Ordinal);
for (var round = 0; round <= Rounds; round++)
{
    var keep = round > 0; // the first warms up
    void Add(string row, double value)
    {
        if (!keep)
            return;
        if (!rows.TryGetValue(row, out var values))
            rows.Add(row, values = []);
        values.Add(value);
    }

    Add("engine: µs of processor an image, one thread", Processor(() => single.Score(pixels, probabilities)));
    Add("engine: µs of processor an image, 16 at once, all cores", Processor(() => classifier.Score(Sixteen(pixels), 16, probabilities)) / 16);
    Add("engine: ms an image, all cores", 1000 * Elapsed(() => classifier.Score(pixels, probabilities)));
    Add("engine: images a second, 16 at once, all cores", 16 / Elapsed(() => classifier.Score(Sixteen(pixels), 16, probabilities)));
    Add("engine: µs of processor to decode and classify a JPEG", Processor(() => single.Classify((ReadOnlySpan<byte>)photo)));
    Add("engine: ms to decode and classify a JPEG, all cores", 1000 * Elapsed(() => classifier.Classify((ReadOnlySpan<byte>)photo)));
    foreach (var (name, port, process, request) in Targets())
    {
        foreach (var clients in (int[])[1, 8])
        {
            var before = process.Processor;
            var load = await Load.ClosedAsync(port, request, clients, time);
            var cost = (process.Processor - before).TotalMicroseconds / load.Accepted.Length;
            Add($"{name}, {clients} clients: µs of processor a request", cost);
            Add($"{name}, {clients} clients: ms p50", LoadResult.Quantile(load.Accepted, 0.5));
            Add($"{name}, {clients} clients: ms p99", LoadResult.Quantile(load.Accepted, 0.99));
            Add($"{name}, {clients} clients: requests a second", load.Rate);
        }
    }
}

Console.WriteLine($"{Path.GetFileNameWithoutExtension(path)}, {size}×{size}, {classes} classes; {Environment.ProcessorCount} cores, {Rounds} rounds of {time.TotalSeconds} s by turns");
Console.WriteLine("| | median | least | most |\n| --- | ---: | ---: | ---: |");
foreach (var (row, values) in rows)
    Console.WriteLine($"| {row} | {Median(values):0.00} | {values.Min():0.00} | {values.Max():0.00} |");

// The highest rate of random arrivals that is borne, against what the engine alone computes.
var offline = Median(rows["engine: images a second, 16 at once, all cores"]);
Console.WriteLine($"\n| random arrivals, share of {offline:0} images a second | borne a second | p50, ms | p99, ms | refused | p99 of refusals, ms | closed |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
var memory = server.Memory;
foreach (var share in (double[])[0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 3])
{
    var load = await Load.PoissonAsync(server.Port, tensor, share * offline, time, seed: 7);
    Console.WriteLine($"| {share:0.00} | {load.Rate:0} | {LoadResult.Quantile(load.Accepted, 0.5):0.00} | {LoadResult.Quantile(load.Accepted, 0.99):0.00} | {load.Refused.Length} | {LoadResult.Quantile(load.Refused, 0.99):0.00} | {load.Closed} |");
}

Console.WriteLine($"\nServer's memory before and after the random arrivals: {memory >> 20} and {server.Memory >> 20} MiB");

IEnumerable<(string Name, int Port, ServerProcess Process, byte[] Request)> Targets()
{
    yield return ("riffle serve, pixels", server.Port, server, tensor);
    if (peer is not null)
        yield return ("ONNX Runtime, pixels", peer.Port, peer, bare);
    yield return ("riffle serve, JPEG", server.Port, server, jpeg);
}

byte[] Sixteen(byte[] one) => [.. Enumerable.Repeat(one, 16).SelectMany(bytes => bytes)];

byte[] Infer(byte[] image)
{
    var json = $$$"""{"inputs":[{"name":"images","datatype":"UINT8","shape":[1,{{{size}}},{{{size}}},3],"parameters":{"binary_data_size":{{{image.Length}}}}}],"parameters":{"binary_data_output":true}}""";
    return Connection.Request("/v2/models/m/infer", [.. Encoding.ASCII.GetBytes(json), .. image], $"Inference-Header-Content-Length: {json.Length}\r\n");
}

// Microseconds of processor time a call, of all threads of this process.
double Processor(Action call)
{
    var self = Process.GetCurrentProcess();
    var (before, calls) = (self.TotalProcessorTime, 0);
    for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < time / 2; calls++)
        call();
    self.Refresh();
    return (self.TotalProcessorTime - before).TotalMicroseconds / calls;
}

// The median of the seconds of a call.
double Elapsed(Action call)
{
    var seconds = new List<double>();
    for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < time / 2;)
    {
        var start = Stopwatch.GetTimestamp();
        call();
        seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    return Median(seconds);
}

static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

// A picture with edges and slopes at many scales, as photos have them.
static byte[] Photo(int width, int height)
{
    var pixels = new byte[width * height * 3];
    for (var i = 0; i < pixels.Length; i++)
    {
        var (x, y) = (i / 3 % width, i / 3 / width);
        pixels[i] = (byte)(128 + (60 * Math.Sin((x * y / 900.0) + (i % 3))) + (60 * Math.Sin(x / 17.0) * Math.Cos(y / (5.0 + (i % 3)))));
    }

    return ImageCodec.Default.EncodeJpeg(new RgbImage(width, height, pixels), quality: 90);
}
