using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Images;
using Riffle.Learning;
using Riffle.Models;
using Riffle.Recipes;
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
            Description = "Run, checkpoint or PyTorch file to consider as a start beside the networks that come with Riffle. May be given several times.",
            HelpName = "RUN-OR-FILE",
        };
        var from = new Option<string?>("--from")
        {
            Description = "Run that learns more: PHOTOS holds more photos of its classes, or other classes. What it was trained on is trained on again, so that it is "
                + "not forgotten.",
            HelpName = "RUN",
        };
        var fit = TrainingOptions.Fit();
        fit.Description += " Default: crop, or as the start has it.";
        var seed = new Option<ulong>("--seed") { Description = "Seed of everything random.", HelpName = "N", DefaultValueFactory = _ => 0 };
        var threads = TrainingOptions.Threads();
        return new Command(name, "Turns a folder of photos into a classifier: chooses what to start from, the image size and the epochs, trains and evaluates.")
        {
            photos, output, minutes, starts, from, fit, seed, threads,
        }
        .WithExamples(
            "riffle learn photos/ --out runs/photos",
            "riffle learn photos.zip --out runs/photos --minutes 3",
            "riffle learn photos/ --out runs/photos --start shufflenetv2_x0.5.pth",
            "riffle learn panoramas/ --out runs/panoramas --fit stretch",
            "riffle learn more/ --out runs/photos2 --from runs/photos")
        .WithAction((parse, cancel) => Run(
            new(parse.GetRequiredValue(photos), parse.GetRequiredValue(output), TimeSpan.FromMinutes(parse.GetValue(minutes)), parse.GetValue(starts) ?? [],
                parse.GetValue(from), parse.GetValue(fit) is { } given ? Enum.Parse<FitKind>(given, ignoreCase: true) : null, parse.GetValue(seed), parse.GetValue(threads)),
            cancel));
    }

    private static int Run(Request request, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        if (request.From is not null && request.Starts.Length > 0)
            throw new ArgumentException("--from goes on with its run, so --start has no effect; leave one of them out");
        var data = Photos.ArePrepared(request.Photos) && request.From is null ? request.Photos : RunData.FolderOf(request.Run);
        if (data != request.Photos && Photos.ArePrepared(data) && Dataset.Open(data, ImageCodec.Default).Info.Source is var source
            && source != Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(request.Photos))))
        {
            throw new ArgumentException($"{request.Run}: the folder has a run on {source}, not on {request.Photos}; give another --out");
        }

        foreach (var step in Steps(request, data, clock, cancel))
        {
            Console.WriteLine($"\n$ riffle {string.Join(' ', step.Words.Select(ShellWord.Quote))}");
            var code = step.IsSilent ? Silently(step.Words, cancel) : CommandLine.Execute(step.Words, cancel);
            if (code == ExitCode.Interrupted)
                Console.Error.WriteLine("The same 'riffle learn' goes on from there.");
            if (code != ExitCode.Done)
                return code;
        }

        Console.WriteLine($"\nDone in {DurationText.Of(clock.Elapsed)}.");
        return ExitCode.Done;
    }

    /// <summary>Runs a command whose summary nobody needs. Its progress and its errors are shown.</summary>
    private static int Silently(string[] words, CancellationToken cancel)
    {
        var output = Console.Out;
        Console.SetOut(TextWriter.Null);
        try
        {
            return CommandLine.Execute(words, cancel);
        }
        finally
        {
            Console.SetOut(output);
        }
    }

    /// <summary>The commands, each chosen when the one before has ended.</summary>
    private static IEnumerable<Step> Steps(Request request, string data, Stopwatch clock, CancellationToken cancel)
    {
        var known = request.From is null ? null : RunData.Of(request.From);
        if (!Photos.ArePrepared(data))
        {
            var photos = Photos.Of(request.Photos, oneClass: known is not null, cancel);
            string[] aside = photos.HasValidation ? []
                : ["--validation-fraction", ValidationFraction, .. (string[])(photos.Images >= FewestForTest ? ["--test-fraction", TestFraction] : [])];
            yield return new(["prepare", request.Photos, "--out", data, "--seed", Text(request.Seed), .. known is null ? aside : ["--add-to", known]]);
        }

        var training = clock.Elapsed;
        if (RunData.IsBegun(request.Run))
        {
            if (request.Fit is { } fit && Checkpoint.Load(RunFolder.FindLast(request.Run)!).Fit is var begun && begun != fit)
                throw new ArgumentException($"--fit {fit.Name()}: the run {request.Run} was begun with {begun.Name()}; leave the option out, or give another --out");
            yield return new(["train", "--resume", request.Run, "--threads", Text(request.Threads)]);
        }
        else
        {
            var starts = new List<string>(ShippedModels.Files);
            foreach (var start in request.Starts)
            {
                var imported = WeightImport.IsNeeded(start) ? RunData.ImportOf(request.Run, start) : null;
                if (imported is not null && !Directory.Exists(imported))
                    yield return new(["import", start, "--out", imported]);
                starts.Add(imported ?? start);
            }

            var plan = Plan(request, request.From is { } from ? [from] : starts, data, clock, cancel);
            Show(plan, request);
            training = clock.Elapsed;
            yield return new(TrainingWords(plan.Chosen.Start.Path, plan.Chosen.ImageSize, plan.Recipe, request, data, request.Run));
        }

        training = clock.Elapsed - training;
        yield return new(["evaluate", request.Run, "--data", data]);
        var dataset = Dataset.Open(data, ImageCodec.Default);
        if (dataset.Count(Split.Test) > 0)
            yield return new(["evaluate", request.Run, "--data", data, "--split", "test"]);
        if (known is not null)
            Compare(request, known, cancel);
        else if (data != request.Photos && CrossValidation.IsOfUse(dataset.Info) && training * CrossValidation.Folds < request.Time - clock.Elapsed)
            foreach (var step in Folds(request, dataset))
                yield return step;
    }

    /// <summary>The trainings of the other folds, and what comes of all of them.</summary>
    private static IEnumerable<Step> Folds(Request request, Dataset data)
    {
        Console.WriteLine($"\nOnly {data.Info.Validation:N0} images for validation, and time left: cross-validating with the other {CrossValidation.Folds - 1} fifths");
        var trained = Checkpoint.Load(request.Run);
        var folds = new List<(TrainingRecord, int)> { (LastOf(request.Run), data.Info.Validation) };
        for (var fold = 1; fold < CrossValidation.Folds; fold++)
        {
            var (run, own) = (RunData.FoldOf(request.Run, fold), RunData.FolderOf(RunData.FoldOf(request.Run, fold)));
            if (!Photos.ArePrepared(own))
            {
                yield return new(
                    ["prepare", request.Photos, "--out", own, "--seed", Text(request.Seed), "--validation-fraction", ValidationFraction, "--fold", Text(fold)], IsSilent: true);
            }

            yield return new(
                RunData.IsBegun(run) ? ["train", "--resume", run, "--threads", Text(request.Threads)]
                    : TrainingWords(trained.Training!.From!, trained.Spec.ImageSize, trained.Training.Recipe, request, own, run),
                IsSilent: true);
            folds.Add((LastOf(run), Dataset.Open(own, ImageCodec.Default).Count(Split.Validation)));
        }

        var found = CrossValidation.Of(folds);
        Console.WriteLine($"""

            Five networks, each judged on the fifth of the images that it was not trained on: {found.Right:N0} of {found.Images:N0} are right, {Percent(found.Top1)} %.
            With 95 % confidence, top-1 is between {Percent(found.Interval.Low)} and {Percent(found.Interval.High)} % on such images.
            """);
    }

    private static TrainingRecord LastOf(string run) => Checkpoint.Load(RunFolder.FindLast(run)!).Training!;

    /// <summary>Says what has become of that which a run knew.</summary>
    private static void Compare(Request request, string known, CancellationToken cancel)
    {
        double Top1(string run) => Evaluator.Evaluate(Checkpoint.Load(run), Dataset.Open(known, ImageCodec.Default), request.Threads, cancel: cancel).Top1;
        var (before, now) = (Top1(request.From!), Top1(request.Run));
        Console.WriteLine($"""

            Of the {Dataset.Open(known, ImageCodec.Default).Count(Split.Validation):N0} validation images of {request.From}, {Percent(before)} % were right before, and {Percent(now)} % are now.
            """);
    }

    private static LearningPlan Plan(Request request, IEnumerable<string> starts, string data, Stopwatch clock, CancellationToken cancel)
    {
        Console.WriteLine("\nComparing what to start from, by a classifier on the features as they are, cross-validated on training images");
        using var progress = new StageProgress();
        return LearningPlan.Make(
            Dataset.Open(data, ImageCodec.Default), [.. starts.Select(FineTuning.Load)], request.Time - clock.Elapsed, keepSize: request.From is not null,
            request.Fit, request.Threads, progress, cancel);
    }

    private static void Show(LearningPlan plan, Request request)
    {
        var table = new TextTable("Start", ">Size", ">Top-1, %", ">Loss", ">An epoch takes", "");
        foreach (var candidate in plan.Candidates)
        {
            table.Add(
                candidate.Start.Path, Text(candidate.ImageSize), Percent(candidate.Measured.Top1),
                candidate.Measured.Loss.ToString("0.000", CultureInfo.InvariantCulture), DurationText.Of(candidate.Epoch), candidate == plan.Chosen ? "chosen" : "");
        }

        table.Write(Console.Out);
        if (request.From is null && request.Starts.Length == 0 && TorchHub.Files is [var file, ..])
            Console.WriteLine($"There are weights of ImageNet on this machine, which may be better: --start {ShellWord.Path(file)}");
        Console.WriteLine($"The lowest loss that there is time for. Time for {plan.Recipe.Epochs} epoch{(plan.Recipe.Epochs == 1 ? "" : "s")}.");
    }

    private static string[] TrainingWords(string start, int size, Recipe recipe, Request request, string data, string run) =>
    [
        "train", "--data", data, "--from", start, "--size", Text(size), "--out", run,
        .. (string[])(request.Fit is null && recipe.Fit == FitKind.Crop ? [] : ["--fit", recipe.Fit.Name()]), .. (string[])(recipe.Balanced ? ["--balance"] : []),
        "--epochs", Text(recipe.Epochs), "--stop-after", Text(recipe.Schedule.StopAfter), "--seed", Text(request.Seed), "--threads", Text(request.Threads),
    ];

    private static string Percent(double share) => share.ToString("0.0", CultureInfo.InvariantCulture);

    private static string Text<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>The command line.</summary>
    private sealed record Request(string Photos, string Run, TimeSpan Time, string[] Starts, string? From, FitKind? Fit, ulong Seed, int Threads);

    /// <summary>A command to run.</summary>
    private sealed record Step(string[] Words, bool IsSilent = false);
}
