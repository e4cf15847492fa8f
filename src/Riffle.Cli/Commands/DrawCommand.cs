using System.CommandLine;
using Riffle.Formats;
using Riffle.Reports.Documents;
using Riffle.Study.Drawings;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle draw</c>: a picture of a network, from its description.</summary>
internal static class DrawCommand
{
    public static Command Create(string name)
    {
        var model = new Argument<string>("MODEL")
        {
            Description = "Network name, checkpoint file, run folder (its best checkpoint), ONNX file, or description of a network (.json).",
        };
        var options = new NetworkOptions();
        var unit = new Option<string?>("--unit") { Description = "Draw only this unit, for example stage2.1. Default: the whole network.", HelpName = "UNIT" };
        var file = new Option<string>("--out") { Description = "SVG file to write.", HelpName = "FILE.svg", Required = true };
        var command = new Command(name, "Draws a network, or one of its units, as an SVG file.") { model };
        options.AddTo(command);
        command.Options.Add(unit);
        command.Options.Add(file);
        return command
            .WithExamples(
                "riffle draw shufflenet-v1-g3-x1.0 --out shufflenet.svg", "riffle draw shufflenet-v2-x1.0 --unit stage2.1 --out unit.svg",
                "riffle draw model.onnx --out model.svg")
            .WithAction((parse, _) =>
            {
                var network = NetworkArgument.Find(parse.GetRequiredValue(model), options, parse);
                var drawing = parse.GetValue(unit) is { } one ? NetworkDrawing.Of(network, one) : NetworkDrawing.Of(network);
                AtomicFile.WriteText(parse.GetRequiredValue(file), SvgPicture.File(drawing));
                return ExitCode.Done;
            });
    }
}
