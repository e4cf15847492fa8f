using System.CommandLine;
using System.Text.Json;
using Riffle.Peers;

// Measures the peers, with one JSON line for each network, and gives the outputs of ONNX files to the scripts that check them.
JsonSerializerOptions json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

var model = new Argument<string>("MODEL") { Description = "ShuffleNet v1, ShuffleNet v2 or MobileNet v1 by Riffle's name." };
var file = new Argument<string>("FILE.onnx");
var images = new Argument<string>("IMAGES") { Description = "File with the input's raw values." };
var output = new Argument<string>("OUTPUT") { Description = "File for the output's raw floats." };
var preset = new Option<string>("--preset") { DefaultValueFactory = _ => "tiny" };
preset.AcceptOnlyFromAmong("tiny", "imagenet");
var inference = new Option<bool>("--inference") { Description = "Measure inference instead of training." };
var threads = new Option<int>("--threads") { DefaultValueFactory = _ => 1 };
var batch = new Option<int>("--batch") { DefaultValueFactory = _ => 128 };
var seconds = new Option<double>("--seconds") { Description = "Time of a measurement, after a warm-up.", DefaultValueFactory = _ => 1.5 };

var libtorch = new Command("libtorch", "Measures a step of training, or inference, in both memory formats; the faster one counts.")
{
    model, preset, inference, threads, batch, seconds,
};
libtorch.SetAction(parse =>
{
    var torch = new LibTorch(
        parse.GetValue(model)!, imageNet: parse.GetValue(preset) == "imagenet", parse.GetValue(threads), parse.GetValue(batch), parse.GetValue(seconds));
    Console.WriteLine(JsonSerializer.Serialize(torch.Measure(training: !parse.GetValue(inference)), json));
});

var onnxRuntime = new Command("onnxruntime", "Measures the inference of a file with a fixed batch size.") { file, threads, seconds };
onnxRuntime.SetAction(parse =>
{
    using var runtime = new OnnxRuntime(parse.GetValue(file)!, parse.GetValue(threads));
    Console.WriteLine(JsonSerializer.Serialize(runtime.Measure(parse.GetValue(seconds)), json));
});

var outputs = new Command("outputs", "Writes what ONNX Runtime computes of the first images of a file.") { file, images, output, batch };
outputs.SetAction(parse =>
{
    using var runtime = new OnnxRuntime(parse.GetValue(file)!, threads: 1);
    File.WriteAllBytes(parse.GetValue(output)!, runtime.Outputs(File.ReadAllBytes(parse.GetValue(images)!), parse.GetValue(batch)));
});

return new RootCommand("The programs that Riffle is compared with.") { libtorch, onnxRuntime, outputs }.Parse(args).Invoke();
