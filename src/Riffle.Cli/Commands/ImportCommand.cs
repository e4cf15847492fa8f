using System.CommandLine;
using System.Globalization;
using Riffle.Execution;
using Riffle.Training;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle import</c>.</summary>
internal static class ImportCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE")
        {
            Description = "A safetensors file, or a state dict that PyTorch saved (.pth, .pt), with torchvision's parameter names.",
        };
        var model = new Option<string>("--model") { Description = "The network that the weights are of.", HelpName = "MODEL", Required = true };
        var output = new Option<string>("--out") { Description = "The folder of the run, new or empty.", HelpName = "RUN", Required = true };
        var classes = new Option<string>("--classes")
        {
            Description = "Names of the classes, a line for each; behind a tab what a person reads. Without it they are numbers from 0.",
            HelpName = "FILE",
        };
        var mean = Triple("--mean", Normalisation.ImageNet.Mean, "Mean of red, green and blue, from 0 to 1, that is taken from a pixel", least: 0);
        var deviation = Triple("--std", Normalisation.ImageNet.Deviation, "Standard deviation by which it is divided then", least: 1e-3f);
        var network = new NetworkOptions();
        var command = new Command("import", "Makes a run of weights that others trained. Nothing that a file holds is ever run.") { file, model, output };
        network.AddTo(command, withClasses: false);
        foreach (var option in (Option[])[classes, mean, deviation])
            command.Options.Add(option);
        return command
            .WithExamples(
                "riffle import shufflenet_v2_x1_0.pth --model shufflenet-v2-x1.0 --preset imagenet --classes imagenet.txt --out runs/imagenet",
                "riffle import weights.safetensors --model shufflenet-v2-x0.5 --size 96 --units 4,8,4 --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --out runs/own")
            .WithAction((parse, _) =>
            {
                var (path, run) = (parse.GetRequiredValue(file), parse.GetRequiredValue(output));
                var named = parse.GetValue(classes) is { } list ? WeightImport.ReadClasses(list) : null;
                var normalisation = new Normalisation(parse.GetValue(mean), parse.GetValue(deviation));
                var checkpoint = WeightImport.Read(path, network.Resolve(parse, parse.GetRequiredValue(model)), named, normalisation);
                WeightImport.Save(checkpoint, run);
                var (spec, trained) = (checkpoint.Spec, checkpoint.Weights.Trained.Length);
                Console.WriteLine($"""
                    {path} → {run}: {spec.Name}, {spec.ImageSize}×{spec.ImageSize}, {spec.Classes:N0} classes, {trained:N0} parameters
                    Next:
                      riffle predict {ShellWord.Quote(run)} IMAGE
                      riffle train --from {ShellWord.Quote(run)} --data DIR --out RUN
                    """);
                return ExitCode.Done;
            });
    }

    private static Option<RgbTriple> Triple(string name, RgbTriple usual, string what, float least)
    {
        static string Text(RgbTriple triple) => string.Create(CultureInfo.InvariantCulture, $"{triple.Red},{triple.Green},{triple.Blue}");
        return new(name)
        {
            Description = $"{what}; {Text(usual)} (ImageNet's) unless given.",
            HelpName = "R,G,B",
            DefaultValueFactory = _ => usual,
            CustomParser = result =>
            {
                var text = result.Tokens.Single().Value;
                var values = text.Split(',').Select(part => float.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : -1);
                if (values.ToArray() is [var red, var green, var blue] && new[] { red, green, blue }.All(value => value >= least && value <= 1))
                    return new(red, green, blue);
                result.AddError(FormattableString.Invariant($"{name}: '{text}' is not three numbers from {least} to 1 like {Text(usual)}"));
                return default;
            },
        };
    }
}
