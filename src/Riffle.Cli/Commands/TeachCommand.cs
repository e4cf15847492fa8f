using System.CommandLine;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Recipes;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle teach</c>.</summary>
internal static class TeachCommand
{
    public static Command Create()
    {
        var teachers = new Argument<string[]>("MODEL-OR-RUN")
        {
            Description = "Checkpoint files, run folders, whose best checkpoints are taken, or ONNX files; their logits are averaged.",
            Arity = ArgumentArity.OneOrMore,
        };
        var data = new Option<string>("--data") { Description = "The data set folder.", HelpName = "DIR", Required = true };
        var output = new Option<string>("--out")
        {
            Description = "The folder to write; the same again to go on after an interruption.",
            HelpName = "FOLDER",
            Required = true,
        };
        var views = Numbers.Option("--views", "N", SoftLabels.ViewLimits);
        views.Description = "How often each image is looked at, changed anew. A training sees these views, then their mirror images: half as many as it has "
            + "epochs repeat none.";
        views.DefaultValueFactory = _ => SoftLabels.ViewsFor(Recipe.Best.Epochs);
        var seed = new Option<ulong>("--seed") { Description = "The same seed gives the same crops.", HelpName = "N" };
        var threads = TrainingOptions.Threads();
        var augmentation = new AugmentationOptions();
        var command = new Command("teach", "Lets trained networks look at the training images and writes what they see, for others to learn from.")
        {
            teachers, data, output, views, seed, threads,
        };
        foreach (var option in augmentation.All)
            command.Options.Add(option);
        return command
            .WithExamples(
                "riffle teach runs/large --data data/tiny --out soft",
                "riffle teach models/*.safetensors --data data/tiny --out soft --views 20",
                "riffle teach runs/large --data data/tiny --out soft --smallest-area 0.35")
            .WithAction((parse, cancel) =>
            {
                var models = parse.GetRequiredValue(teachers).Select(path => ModelOptions.Told(Model.Open(path))).ToArray();
                var (dataset, looks) = (Dataset.Open(parse.GetRequiredValue(data)), parse.GetValue(views));
                var folder = parse.GetRequiredValue(output);
                var labels = TeachingSession.Run(progress => Teachers.Teach(
                    folder, models, dataset, augmentation.Apply(parse, Recipe.Best.Augmentation), looks, parse.GetValue(seed), parse.GetValue(threads),
                    progress, cancel));
                if (labels is null)
                {
                    Console.Error.WriteLine($"Stopped; the views that are whole are kept in {folder}. The same command goes on.");
                    return ExitCode.Interrupted;
                }

                Console.WriteLine($"""
                    {folder}: {looks} views of {dataset.Count(Split.Train):N0} images; on the validation images the teachers reach top-1 {labels.Top1:0.00} %
                    Next:
                      riffle train --data {ShellWord.Path(dataset.Directory)} --model MODEL --out RUN --soft-labels {ShellWord.Path(folder)}
                    """);
                return ExitCode.Done;
            });
    }
}
