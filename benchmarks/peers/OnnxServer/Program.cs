// ONNX Runtime behind the smallest ASP.NET program: POST /infer takes the pixels of one image and answers with its logits, both as raw bytes.
//   OnnxServer MODEL.onnx THREADS
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

using var settings = new Microsoft.ML.OnnxRuntime.SessionOptions { IntraOpNumThreads = int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture) };
using var session = new InferenceSession(args[0], settings);
var input = session.InputMetadata.Single();
var (height, width) = (input.Value.Dimensions[1], input.Value.Dimensions[2]);
using var options = new RunOptions();

var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
var app = builder.Build();
app.MapPost("/infer", async (HttpContext context) =>
{
    var pixels = new byte[height * width * 3];
    await context.Request.Body.ReadExactlyAsync(pixels, context.RequestAborted);
    using var image = OrtValue.CreateTensorValueFromMemory(pixels, [1, height, width, 3]);
    using var outputs = session.Run(options, [input.Key], [image], session.OutputNames);
    var logits = MemoryMarshal.AsBytes(outputs[0].GetTensorDataAsSpan<float>()).ToArray();
    context.Response.ContentLength = logits.Length;
    await context.Response.Body.WriteAsync(logits, context.RequestAborted);
});
await app.StartAsync();
Console.WriteLine($"on {app.Urls.Single()}");
await app.WaitForShutdownAsync();
