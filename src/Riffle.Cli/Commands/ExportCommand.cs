using System.CommandLine;
using Riffle.Exchange;
using Riffle.Models;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle export</c>.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("RUN") { Description = "A checkpoint file, or a run folder, whose best checkpoint is taken." };
        var file = new Option<string>("--out") { Description = "The ONNX file to write.", HelpName = "FILE", Required = true };
        var pixels = new Option<bool>("--uint8")
        {
            Description = "Take images as uint8 RGB pixels (N×H×W×3), with the normalisation in the graph; else normalised floats (N×3×H×W).",
        };
        var softmax = new Option<bool>("--softmax") { Description = "Give probabilities instead of logits." };
        var norms = new Option<bool>("--keep-batch-norm") { Description = "Keep batch norm as operations; else it is folded into the convolutions." };
        return new Command("export", "Writes a trained network as an ONNX model, for any number of images at once.") { model, file, pixels, softmax, norms }
            .WithExamples("riffle export runs/first --out first.onnx", "riffle export runs/first --out first.onnx --uint8 --softmax")
            .WithAction((parse, _) =>
            {
                var form = new OnnxForm(parse.GetValue(pixels), parse.GetValue(softmax), parse.GetValue(norms));
                OnnxFile.Write(Checkpoint.Load(parse.GetRequiredValue(model)), parse.GetRequiredValue(file), form);
                return ExitCode.Done;
            });
    }
}
