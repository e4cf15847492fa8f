using System.CommandLine;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle import</c>.</summary>
internal static class ImportCommand
{
    public static Command Create(string name)
    {
        var file = new Argument<string>("FILE")
        {
            Description = "Weights with torchvision's parameter names: a safetensors file or a PyTorch checkpoint (.pth, .pt, .ckpt).",
        };
        var model = new Option<string?>("--model") { Description = "Network that the weights belong to. Default: the one that they fit.", HelpName = "MODEL" };
        var output = new Option<string>("--out") { Description = "Run folder to create; it must be new or empty.", HelpName = "RUN", Required = true };
        var key = new Option<string?>("--key")
        {
            Description = "Where in the file the weights are, for example model_ema. Default: the first place that fits, plain weights before averaged ones.",
            HelpName = "KEY",
        };
        var input = new InputOptions("the network", "numbers from 0", "ImageNet's values");
        var network = new NetworkOptions();
        var command = new Command(name, "Turns weights trained elsewhere into a run. Code in the file is never executed.") { file, model, key, output };
        network.AddTo(command, withClasses: false);
        input.AddTo(command);
        return command
            .WithExamples(
                "riffle import shufflenet_v2_x1_0.pth --labels imagenet.txt --out runs/imagenet",
                "riffle import weights.safetensors --model shufflenet-v2-x0.5 --size 96 --units 4,8,4 --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --out runs/own")
            .WithAction((parse, _) =>
            {
                var (path, run) = (parse.GetRequiredValue(file), parse.GetRequiredValue(output));
                var checkpoint = WeightImport.Read(
                    path,
                    parse.GetValue(model) is { } named ? network.Resolve(parse, named) : network.Find(parse, path, Console.Error.WriteLine),
                    input.Classes(parse),
                    input.Normalisation(parse) ?? Normalisation.ImageNet,
                    parse.GetValue(key),
                    Console.Error.WriteLine);
                WeightImport.Save(checkpoint, run);
                var (spec, trained) = (checkpoint.Spec, checkpoint.Weights.Trained.Length);
                var published = NetworkCatalogue.Resolve(spec.Name, Preset.ImageNet);
                if (parse.GetValue(model) is not null && !network.IsPresetSpecified(parse) && published.StemStride != spec.StemStride && published.Units.SequenceEqual(spec.Units))
                {
                    Console.Error.WriteLine(
                        $"{path}: imported with a first convolution of stride {spec.StemStride}, because weights do not say which they need. "
                        + $"For stride {published.StemStride}, as torchvision has it, import again with --preset imagenet.");
                }

                Console.WriteLine($"""
                    {path} → {run}: {spec.Name}, {spec.ImageSize}×{spec.ImageSize}, {spec.Classes:N0} classes, {trained:N0} parameters
                    Next:
                      riffle predict {ShellWord.Path(run)} IMAGE
                      riffle train --from {ShellWord.Path(run)} --data DIR --out RUN
                    """);
                return ExitCode.Done;
            });
    }
}
