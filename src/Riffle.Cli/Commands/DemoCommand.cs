using System.CommandLine;
using System.Diagnostics;
using Riffle.Data;
using Riffle.Images;
using Riffle.Recipes;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle demo</c>: draws images, then runs the other commands on them, each as the user would type it.</summary>
internal static class DemoCommand
{
    private const int TrainImages = 80;
    private const int ValidationImages = 20;

    public static Command Create(string name)
    {
        var output = new Option<string>("--out")
        {
            Description = "Folder for everything that the demo writes.",
            HelpName = "DIR",
            DefaultValueFactory = _ => "riffle-demo",
        };
        var epochs = Numbers.Option("--epochs", "N", RecipeLimits.Epochs);
        (epochs.Description, epochs.DefaultValueFactory) = ("Number of passes over the training images.", _ => 30);
        var seed = new Option<ulong>("--seed") { Description = "Seed of the images and of the training.", HelpName = "N", DefaultValueFactory = _ => 1 };
        return new Command(name, "Draws a small data set, then prepares it, trains a network, evaluates it and predicts.")
        {
            output, epochs, seed,
        }
            .WithExamples("riffle demo", "riffle demo --out /tmp/demo --epochs 20 --seed 7")
            .WithAction((parse, cancel) => Run(parse.GetRequiredValue(output), parse.GetValue(epochs), parse.GetValue(seed), cancel));
    }

    private static int Run(string folder, int epochs, ulong seed, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        string Below(params string[] names) => Path.Combine([folder, .. names]);
        var (images, data, run) = (Below("images"), Below("data"), Below("run"));
        DemoFolder.Clear(folder, images, data, run);

        var count = DemoImages.Classes.Count * (TrainImages + ValidationImages);
        Console.WriteLine($"Drawing {count} images into {images}: {string.Join(", ", DemoImages.Classes)}, in random colours.");
        using (var line = new ProgressLine("draw", count, "images"))
            DemoImages.Write(images, TrainImages, ValidationImages, seed, ImageCodec.Default, done => line.Report(done), cancel);

        string Sample(string figure) => Below("images", "val", figure, $"{figure}-{TrainImages:0000}.jpg");
        string[][] steps =
        [
            ["prepare", images, "--out", data],
            [
                "train", "--data", data, "--model", "shufflenet-v1-g3-x0.25", "--out", run,
                "--epochs", $"{epochs}", "--batch", "16", "--learning-rate", "0.05", "--seed", $"{seed}",
            ],
            ["evaluate", run, "--data", data],
            ["predict", run, Sample("ring"), Sample("star"), Sample("triangle"), "--top", "3"],
        ];
        foreach (var step in steps)
        {
            Console.WriteLine($"\n$ riffle {string.Join(' ', step.Select(ShellWord.Quote))}");
            var code = CommandLine.Execute(step, cancel);
            if (code != ExitCode.Done)
                return code;
        }

        Console.WriteLine($"""

            Done in {DurationText.Of(clock.Elapsed)}; everything is in {folder} (to remove it: rm -r {ShellWord.Path(folder)}).
            Next, with your own images, in one folder per class:
              riffle prepare my-images --out my-data
              riffle train --data my-data --model shufflenet-v1-g3-x0.5 --out my-run
            'riffle summary' lists the networks, and 'riffle --help' lists the commands.
            """);
        return ExitCode.Done;
    }
}
