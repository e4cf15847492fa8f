using System.CommandLine;
using Riffle.Data;
using Riffle.Distillation;
using Riffle.Images;
using Riffle.Recipes;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle teach</c>.</summary>
internal static class TeachCommand
{
    public static Command Create(string name)
    {
        var teachers = new Argument<string[]>("MODEL-OR-RUN")
        {
            Description = "Checkpoint files, run folders (their best checkpoints) or ONNX files. Their logits are averaged.",
            Arity = ArgumentArity.OneOrMore,
        };
        var data = new Option<string>("--data") { Description = "Data set folder.", HelpName = "DIR", Required = true };
        var output = new Option<string>("--out")
        {
            Description = "Folder to write. Give the same folder to continue after an interruption.",
            HelpName = "FOLDER",
            Required = true,
        };
        var views = Numbers.Option("--views", "N", SoftLabels.ViewLimits);
        views.Description = "Number of differently augmented views of each image. A training sees one view per epoch, then their mirror images: half as many "
            + "views as epochs are enough to repeat none.";
        views.DefaultValueFactory = _ => SoftLabels.ViewsFor(Recipe.Best.Epochs);
        var seed = new Option<ulong>("--seed") { Description = "Seed of the crops: the same seed gives the same crops.", HelpName = "N" };
        var threads = TrainingOptions.Threads();
        var augmentation = new AugmentationOptions();
        var command = new Command(name, "Writes the predictions of trained networks on the training images as soft labels, which other networks learn from.")
        {
            teachers, data, output, views, seed, threads,
        };
        foreach (var option in augmentation.All)
            command.Options.Add(option);
        return command
            .WithExamples(
                "riffle teach runs/large --data data/tiny --out soft",
                "riffle teach models/*.safetensors --data data/tiny --out soft --views 20",
                "riffle teach runs/large --data data/tiny --out soft --smallest-area 0.35",
                "mpirun -n 4 riffle teach runs/large --data data/tiny --out soft")
            .WithAction((parse, cancel) =>
            {
                var ranks = RankedProcess.Join(cancel);
                var models = parse.GetRequiredValue(teachers).Select(path => ModelOptions.ReportNote(Model.Open(path))).ToArray();
                var (dataset, looks) = (Dataset.Open(parse.GetRequiredValue(data), ImageCodec.Default), parse.GetValue(views));
                var folder = parse.GetRequiredValue(output);
                if (ranks is { IsFirst: false })
                {
                    Teachers.Assist(ranks, models, dataset, augmentation.Apply(parse, Recipe.Best.Augmentation), looks, parse.GetValue(seed), parse.GetValue(threads), cancel);
                    return ExitCode.Done;
                }

                var labels = TeachingSession.Run(progress => Teachers.Teach(
                    folder, models, dataset, augmentation.Apply(parse, Recipe.Best.Augmentation), looks, parse.GetValue(seed), parse.GetValue(threads),
                    ranks, progress, cancel));
                if (labels is null)
                {
                    Console.Error.WriteLine($"Stopped. The finished views are in {folder}. Run the same command again to continue.");
                    ranks?.Abort(ExitCode.Interrupted);
                    return ExitCode.Interrupted;
                }

                Console.WriteLine($"""
                    {folder}: {looks} views of {dataset.Count(Split.Train):N0} images; the teachers reach top-1 {labels.Top1:0.00} % on the validation images
                    Next:
                      riffle train --data {ShellWord.Path(dataset.Directory)} --model MODEL --out RUN --soft-labels {ShellWord.Path(folder)}
                    """);
                return ExitCode.Done;
            });
    }
}
