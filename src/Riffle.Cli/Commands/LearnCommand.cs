using System.CommandLine;
using System.Globalization;
using Riffle.Data;
using Riffle.Images;
using Riffle.Learning;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle learn</c>: from a folder of photos to a trained classifier. It chooses, and runs the commands that it shows.</summary>
internal static class LearnCommand
{
    public static Command Create(string name)
    {
        var photos = new Argument<string>("PHOTOS")
        {
            Description = "Folder or archive with one folder per class, or anything else that prepare accepts; or a data set folder that it wrote.",
        };
        var output = new Option<string>("--out") { Description = "Run folder to write. The same command continues an interrupted one.", HelpName = "RUN", Required = true };
        var minutes = Numbers.Option("--minutes", "N", new Limits<double>(0.1, 100_000));
        (minutes.Description, minutes.DefaultValueFactory) = ("Time for everything. If the machine becomes busy, fewer epochs are trained than planned.", _ => 10);
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
        .WithAction((parse, cancel) =>
        {
            var (run, given) = (parse.GetValue(from), parse.GetValue(starts) ?? []);
            if (run is not null && given.Length > 0)
                throw new ArgumentException("--from goes on with its run, so --start has no effect; leave one of them out");
            var request = new LearningRequest(parse.GetRequiredValue(photos), parse.GetRequiredValue(output))
            {
                Time = TimeSpan.FromMinutes(parse.GetValue(minutes)),
                Starts = [.. ShippedModels.Files, .. given],
                From = run,
                Fit = parse.GetValue(fit) is { } kind ? Enum.Parse<FitKind>(kind, ignoreCase: true) : null,
                Seed = parse.GetValue(seed),
                Threads = parse.GetValue(threads),
            };
            return Run(request, suggestsStart: run is null && given.Length == 0, cancel);
        });
    }

    private static int Run(LearningRequest request, bool suggestsStart, CancellationToken cancel)
    {
        var learner = new Learner(request, ImageCodec.Default);
        foreach (var step in learner.Steps(new LearningDisplay(request.From, suggestsStart), cancel))
        {
            string[] words = [.. Words(step, request)];
            Console.WriteLine($"\n$ riffle {string.Join(' ', words.Select(ShellWord.Quote))}");
            var code = step.IsOfFold ? Silently(words, cancel) : CommandLine.Execute(words, cancel);
            if (code == ExitCode.Interrupted)
                Console.Error.WriteLine("The same 'riffle learn' goes on from there.");
            if (code != ExitCode.Done)
                return code;
        }

        Console.WriteLine($"\nDone in {DurationText.Of(learner.Elapsed)}.");
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

    /// <summary>The command that takes a step.</summary>
    private static IEnumerable<string> Words(LearningStep step, LearningRequest request) => step switch
    {
        PreparationStep prepare =>
        [
            "prepare", prepare.Photos, "--out", prepare.Data, "--seed", Text(prepare.Seed), .. Given("--add-to", prepare.AddTo),
            .. Given("--validation-fraction", prepare.Validation), .. Given("--test-fraction", prepare.Test), .. Given("--fold", prepare.Fold),
        ],
        ImportStep import => ["import", import.File, "--out", import.Run],
        FineTuningStep { Recipe: var recipe } train =>
        [
            "train", "--data", train.Data, "--from", train.From, "--size", Text(train.ImageSize), "--out", train.Run,
            .. Given("--fit", request.Fit is null && recipe.Fit == FitKind.Crop ? null : recipe.Fit.Name()), .. (string[])(recipe.Balanced ? ["--balance"] : []), "--epochs", Text(recipe.Epochs),
            "--stop-after", Text(recipe.Schedule.StopAfter), "--seed", Text(train.Seed), .. Limits(train.Time, request),
        ],
        ResumptionStep resume => ["train", "--resume", resume.Run, .. Limits(resume.Time, request)],
        EvaluationStep evaluate => ["evaluate", evaluate.Run, "--data", evaluate.Data, .. evaluate.Split == Split.Validation ? [] : (string[])["--split", evaluate.Split.Prefix()]],
        ReportStep report => ["report", report.Run, "--data", report.Data],
        _ => throw new NotSupportedException($"{step} has no command"),
    };

    private static string[] Limits(TimeSpan time, LearningRequest request) =>
        ["--threads", Text(request.Threads), "--minutes", Text(Math.Round(Math.Clamp(time.TotalMinutes, TrainCommand.TimeLimits.Least, TrainCommand.TimeLimits.Most), 2))];

    private static string[] Given(string option, object? value) => value is null ? [] : [option, Text(value)];

    private static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
