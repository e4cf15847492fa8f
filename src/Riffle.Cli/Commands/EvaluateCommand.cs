using System.CommandLine;
using System.Text.Json;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Images;
using Riffle.Learning;
using Riffle.Models;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle evaluate</c>.</summary>
internal static class EvaluateCommand
{
    /// <summary>Classes that a screen shows.</summary>
    private const int MostClasses = 20;

    private static readonly string[] Names = [Split.Validation.Prefix(), Split.Test.Prefix(), Split.Train.Prefix()];

    public static Command Create(string name)
    {
        var model = new ModelOptions();
        var data = new Option<string>("--data") { Description = "Data set folder.", HelpName = "DIR", Required = true };
        var split = new Option<string>("--split")
        {
            Description = "Images to measure. The test images are for the end: what was chosen by the validation images looks better on them than it is.",
            HelpName = string.Join('|', Names),
            DefaultValueFactory = _ => Split.Validation.Prefix(),
        };
        split.AcceptOnlyFromAmong(Names);
        var threads = TrainingOptions.Threads();
        var json = new Option<bool>("--json") { Description = "Print one JSON document." };
        var byClass = new Option<bool>("--classes")
        {
            Description = $"Show every class, and the confusion matrix. Without it, classes are shown if there are at most {MostClasses}.",
        };
        var fitDoubt = new Option<bool>("--fit-doubt")
        {
            Description = "Fit the model's doubt to these images and store it in its file: a temperature for honest probabilities, and what is none of the classes. "
                + "Trainings do that at their end. The weights do not change.",
        };
        var command = new Command(name, "Computes the accuracy of a trained network on all validation or test images of a data set, as a whole and by class.")
        {
            data, split, byClass, fitDoubt, threads, json,
        };
        model.AddTo(command);
        return command
            .WithExamples(
                "riffle evaluate runs/first --data data/tiny",
                "riffle evaluate runs/first --data data/tiny --classes",
                "riffle evaluate runs/first --data data/flowers --split test",
                "riffle evaluate old.safetensors --data data/tiny --fit-doubt",
                "riffle evaluate runs/first/checkpoints/last.safetensors --data data/tiny --json")
            .WithAction((parse, cancel) => Run(
                model.Open(parse), model.PathOf(parse), parse.GetRequiredValue(data), Splits.WithPrefix(parse.GetRequiredValue(split))!.Value,
                parse.GetValue(fitDoubt), parse.GetValue(byClass), parse.GetValue(threads), parse.GetValue(json), cancel));
    }

    private static int Run(Model model, string path, string data, Split split, bool fitDoubt, bool byClass, int threads, bool json, CancellationToken cancel)
    {
        var fitted = fitDoubt ? path : null;
        if (fitted is not null && split != Split.Validation)
            throw new ArgumentException($"--fit-doubt needs the validation images; leave out --split {split.Prefix()}");
        var dataset = Dataset.Open(data, ImageCodec.Default);
        if (fitted is not null && model is not Checkpoint)
            throw new ArgumentException($"--fit-doubt: {fitted} is not a checkpoint, so nothing can be stored in it; fit the checkpoint and export it again");
        var (confusions, calibration) = (new ConfusionMatrix(model.Classes.Count), new Calibration());
        var doubt = new DoubtFit(model.Classes.Count, dataset.Count(split));
        EvaluationResult result;
        using (var progress = new StageProgress())
            result = Evaluator.Evaluate(model, dataset, threads, confusions, calibration, split, doubt, progress, cancel);
        if (fitted is not null)
            Checkpoint.Store(fitted, doubt.Fit());
        if (split == Split.Test && model is Checkpoint checkpoint)
            KeepForReport(path, checkpoint, dataset, confusions);

        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(EvaluationDocument.Of(result, model, confusions, calibration, doubt, withMatrix: byClass), JsonOutput.Settings));
            return ExitCode.Done;
        }

        var interval = EvaluationDocument.IntervalOf(confusions);
        var top5 = Metrics.HasTop5(model.Classes.Count) ? $", top-5 {result.Top5:0.00} %" : "";
        Console.WriteLine($"{result.Model}: top-1 {result.Top1:0.00} %{top5}, loss {result.Loss:0.0000}, {result.Images:N0} {split.Adjective()} images");
        Console.WriteLine($"With 95 % confidence, top-1 is between {interval.Low:0.0} and {interval.High:0.0} % on such images.");
        Console.WriteLine($"Balanced accuracy {confusions.BalancedAccuracy:0.00} %, calibration error {calibration.Error:0.000}.");
        WriteDoubt(model, doubt, fitted);
        if (byClass || confusions.Classes <= MostClasses)
        {
            Console.WriteLine();
            WriteClasses(model, confusions);
        }

        if (byClass)
        {
            Console.WriteLine();
            WriteMatrix(model, confusions);
        }

        WarnOfUnrecognised(model, confusions);
        return ExitCode.Done;
    }

    /// <summary>Keeps what was found on the test images in their run. If that fails, what was measured is shown all the same.</summary>
    private static void KeepForReport(string path, Checkpoint model, Dataset data, ConfusionMatrix confusions)
    {
        try
        {
            if (RunResults.KeepTest(path, model, data, confusions))
                Console.Error.WriteLine($"Kept in the run. To have it in the run's report: riffle report {ShellWord.Path(path)}");
        }
        catch (RiffleException e)
        {
            Console.Error.WriteLine($"This will not be in the run's report: {CommandLine.Explain(e).Message}");
        }
    }

    /// <summary>What temperature and threshold are worth, on images that they were not fitted to.</summary>
    private static void WriteDoubt(Model model, DoubtFit fit, string? fitted)
    {
        var (error, kept) = fit.Check();
        if (error is { } calibrated)
            Console.WriteLine($"With a temperature fitted to one half of the images, the calibration error of the other half is {calibrated:0.000}.");
        if (kept is { } share)
            Console.WriteLine($"A threshold for 'none of the classes' fitted to one half keeps {100 * share:0.0} % of the other half.");
        if (fit.Shortage is { } shortage)
            Console.WriteLine($"No full doubt: {shortage}.");
        if (fitted is not null)
            Console.WriteLine($"Stored the doubt in {fitted}.");
        else if (model.Doubt is null)
            Console.WriteLine("The model has no doubt; --fit-doubt gives it one.");
    }

    private static void WriteClasses(Model model, ConfusionMatrix confusions)
    {
        static string Percent(double? value) => value is { } percent ? $"{percent:0.0}" : "";
        var table = new TextTable("Class", ">Images", ">Recall, %", ">Precision, %", ">F1, %", "Most often taken for");
        for (var label = 0; label < confusions.Classes; label++)
        {
            var found = confusions.Of(label);
            var other = confusions.MostlyTakenFor(label) is { } most ? $"{model.Classes[most].Text} ({confusions[label, most]:N0})" : "";
            table.Add(model.Classes[label].Text, $"{found.Images:N0}", Percent(found.Recall), Percent(found.Precision), Percent(found.F1), other);
        }

        table.Write(Console.Out);
    }

    /// <summary>A row for each class of the images, a column for each that they were taken for, by its number.</summary>
    private static void WriteMatrix(Model model, ConfusionMatrix confusions)
    {
        var all = Enumerable.Range(0, confusions.Classes).ToArray();
        var table = new TextTable(["Images of \\ taken for", .. all.Select(label => $">{label}")]);
        foreach (var label in all)
            table.Add([$"{label} {model.Classes[label].Text}", .. all.Select(predicted => $"{confusions[label, predicted]}")]);
        table.Write(Console.Out);
    }

    /// <summary>A high accuracy may hide that a rare class is never recognised.</summary>
    private static void WarnOfUnrecognised(Model model, ConfusionMatrix confusions)
    {
        foreach (var label in Enumerable.Range(0, confusions.Classes).Where(label => confusions.Of(label) is { Images: > 0, Right: 0 }))
            Console.Error.WriteLine($"WARNING: none of the {confusions.Of(label).Images:N0} images of {model.Classes[label].Text} is recognised.");
    }
}
