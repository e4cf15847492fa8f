using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Riffle.Data;
using Riffle.Images;
using Riffle.Learning;
using Riffle.Training;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle learn</c>: from a folder of photos to a trained classifier. It chooses, and runs the commands that it shows.</summary>
internal static class LearnCommand
{
    /// <summary>A fifth: the few images of most collections are measured more surely than with a tenth, and fine-tuning needs few to learn from.</summary>
    private const string ValidationFraction = "0.2";

    /// <summary>A tenth is kept for one look at the end, where enough is left to learn from.</summary>
    private const string TestFraction = "0.1";

    private const int FewestForTest = 1000;

    public static Command Create(string name)
    {
        var photos = new Argument<string>("PHOTOS")
        {
            Description = "Folder or archive with one folder per class, or anything else that prepare accepts; or a data set folder that it wrote.",
        };
        var output = new Option<string>("--out") { Description = "Run folder to write. The same command continues an interrupted one.", HelpName = "RUN", Required = true };
        var minutes = Numbers.Option("--minutes", "N", new Limits<double>(0.1, 100_000));
        (minutes.Description, minutes.DefaultValueFactory) = ("Time to plan for. A machine that becomes busy takes longer.", _ => 10);
        var starts = new Option<string[]>("--start")
        {
            Description = "Run or checkpoint to consider as a start beside the networks that come with Riffle. May be given several times.",
            HelpName = "RUN-OR-FILE",
        };
        var seed = new Option<ulong>("--seed") { Description = "Seed of everything random.", HelpName = "N", DefaultValueFactory = _ => 0 };
        var threads = TrainingOptions.Threads();
        return new Command(name, "Turns a folder of photos into a classifier: chooses what to start from, the image size and the epochs, trains and evaluates.")
        {
            photos, output, minutes, starts, seed, threads,
        }
        .WithExamples(
            "riffle learn photos/ --out runs/photos",
            "riffle learn photos.zip --out runs/photos --minutes 3",
            "riffle learn photos/ --out runs/photos --start runs/imagenet")
        .WithAction((parse, cancel) => Run(
            new(parse.GetRequiredValue(photos), parse.GetRequiredValue(output), TimeSpan.FromMinutes(parse.GetValue(minutes)), parse.GetValue(starts) ?? [],
                parse.GetValue(seed), parse.GetValue(threads)),
            cancel));
    }

    private static int Run(Request request, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var data = Photos.ArePrepared(request.Photos) ? request.Photos : RunData.FolderOf(request.Run);
        if (data != request.Photos && Photos.ArePrepared(data) && Dataset.Open(data, ImageCodec.Default).Info.Source is var source
            && source != Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(request.Photos))))
        {
            throw new ArgumentException($"{request.Run}: the folder has a run on {source}, not on {request.Photos}; give another --out");
        }

        var steps = Steps(request, data, clock, cancel);
        foreach (var step in steps)
        {
            Console.WriteLine($"\n$ riffle {string.Join(' ', step.Select(ShellWord.Quote))}");
            var code = CommandLine.Execute(step, cancel);
            if (code == ExitCode.Interrupted)
                Console.Error.WriteLine("The same 'riffle learn' goes on from there.");
            if (code != ExitCode.Done)
                return code;
        }

        Console.WriteLine($"\nDone in {DurationText.Of(clock.Elapsed)}.");
        return ExitCode.Done;
    }

    /// <summary>The commands, each chosen when the one before has ended.</summary>
    private static IEnumerable<string[]> Steps(Request request, string data, Stopwatch clock, CancellationToken cancel)
    {
        if (!Photos.ArePrepared(data))
        {
            var photos = Photos.Of(request.Photos, cancel);
            string[] aside = photos.HasValidation ? []
                : ["--validation-fraction", ValidationFraction, .. (string[])(photos.Images >= FewestForTest ? ["--test-fraction", TestFraction] : [])];
            yield return ["prepare", request.Photos, "--out", data, "--seed", Text(request.Seed), .. aside];
        }

        if (RunData.IsBegun(request.Run))
        {
            yield return ["train", "--resume", request.Run, "--threads", Text(request.Threads)];
        }
        else
        {
            var plan = Plan(request, data, clock, cancel);
            Show(plan);
            yield return TrainingWords(plan, request, data);
        }

        yield return ["evaluate", request.Run, "--data", data];
        if (Dataset.Open(data, ImageCodec.Default).Count(Split.Test) > 0)
            yield return ["evaluate", request.Run, "--data", data, "--split", "test"];
    }

    private static LearningPlan Plan(Request request, string data, Stopwatch clock, CancellationToken cancel)
    {
        var starts = ShippedModels.Files.Concat(request.Starts).Select(FineTuning.Load).ToArray();
        Console.WriteLine("\nComparing what to start from, by a classifier on the features as they are, cross-validated on training images");
        using var progress = new StageProgress();
        return LearningPlan.Make(Dataset.Open(data, ImageCodec.Default), starts, request.Time - clock.Elapsed, request.Threads, progress, cancel);
    }

    private static void Show(LearningPlan plan)
    {
        var table = new TextTable("Start", ">Size", ">Top-1, %", ">Loss", ">An epoch takes", "");
        foreach (var candidate in plan.Candidates)
        {
            table.Add(
                candidate.Start.Path, Text(candidate.ImageSize), candidate.Measured.Top1.ToString("0.0", CultureInfo.InvariantCulture),
                candidate.Measured.Loss.ToString("0.000", CultureInfo.InvariantCulture), DurationText.Of(candidate.Epoch), candidate == plan.Chosen ? "chosen" : "");
        }

        table.Write(Console.Out);
        Console.WriteLine($"The lowest loss that there is time for. Time for {plan.Recipe.Epochs} epoch{(plan.Recipe.Epochs == 1 ? "" : "s")}.");
    }

    private static string[] TrainingWords(LearningPlan plan, Request request, string data) =>
    [
        "train", "--data", data, "--from", plan.Chosen.Start.Path, "--size", Text(plan.Chosen.ImageSize), "--out", request.Run,
        .. (string[])(plan.Recipe.Balanced ? ["--balance"] : []), "--epochs", Text(plan.Recipe.Epochs), "--stop-after", Text(plan.Recipe.Schedule.StopAfter),
        "--seed", Text(request.Seed), "--threads", Text(request.Threads),
    ];

    private static string Text<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>The command line.</summary>
    private sealed record Request(string Photos, string Run, TimeSpan Time, string[] Starts, ulong Seed, int Threads);
}
