using System.CommandLine;
using Riffle.Exchange;
using Riffle.Models;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle export</c>.</summary>
internal static class ExportCommand
{
    public static Command Create(string name)
    {
        var model = new Argument<string>("RUN") { Description = "Checkpoint file, or run folder (its best checkpoint)." };
        var file = new Option<string>("--out") { Description = "ONNX file to write.", HelpName = "FILE", Required = true };
        var pixels = new Option<bool>("--uint8")
        {
            Description = "Make the input uint8 RGB pixels (N×H×W×3) and put the normalisation into the graph. Default: normalised floats (N×3×H×W).",
        };
        var softmax = new Option<bool>("--softmax") { Description = "Output probabilities instead of logits." };
        var norms = new Option<bool>("--keep-batch-norm") { Description = "Keep batch norm as separate operators. Default: fold it into the convolutions." };
        return new Command(name, "Writes a trained network as an ONNX file, with a free batch size.") { model, file, pixels, softmax, norms }
            .WithExamples("riffle export runs/first --out first.onnx", "riffle export runs/first --out first.onnx --uint8 --softmax")
            .WithAction((parse, _) =>
            {
                var form = new OnnxForm(parse.GetValue(pixels), parse.GetValue(softmax), parse.GetValue(norms));
                OnnxFile.Write(Checkpoint.Load(parse.GetRequiredValue(model)), parse.GetRequiredValue(file), form);
                return ExitCode.Done;
            });
    }
}
