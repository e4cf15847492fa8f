using System.CommandLine;
using System.Text.Json;
using Riffle.Training;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle predict</c>.</summary>
internal static class PredictCommand
{
    public static Command Create()
    {
        var model = new ModelOptions();
        var images = new Argument<string[]>("IMAGE") { Description = "JPEG or PNG files of any size.", Arity = ArgumentArity.OneOrMore };
        var top = new Option<int>("--top") { Description = "Classes to name for each image.", HelpName = "N", DefaultValueFactory = _ => 5 };
        top.Validators.Add(result => TrainingOptions.Require(result.GetValueOrDefault<int>() >= 1, result, "--top is at least 1."));
        var threads = TrainingOptions.Threads();
        var json = new Option<bool>("--json") { Description = "Print one JSON document." };
        var command = new Command("predict", "Tells what images show.") { images, top, threads, json };
        model.AddTo(command);
        return command
            .WithExamples(
                "riffle predict runs/first cat.jpg", "riffle predict runs/first *.jpg --top 1 --json",
                "riffle predict resnet.onnx cat.jpg --labels imagenet.txt")
            .WithAction((parse, cancel) => Run(
                model.Open(parse), parse.GetRequiredValue(images), parse.GetValue(top), parse.GetValue(threads), parse.GetValue(json), cancel));
    }

    private static int Run(Model model, string[] files, int top, int threads, bool json, CancellationToken cancel)
    {
        using var classifier = new Classifier(model, threads);
        var results = new List<(string File, IReadOnlyList<Prediction> Predictions)>();
        foreach (var file in files)
        {
            cancel.ThrowIfCancellationRequested();
            if (Classify(classifier, file, top) is not { } predictions)
                continue;
            results.Add((file, predictions));
            if (!json)
                Print(file, predictions);
        }

        if (json)
        {
            var document = results.Select(r => new { r.File, Predictions = r.Predictions.Select(p => new { p.Class, p.Index, p.Probability }) });
            Console.WriteLine(JsonSerializer.Serialize(document, TrainingOptions.Json));
        }

        return results.Count == files.Length ? ExitCode.Done : ExitCode.BadData;
    }

    /// <summary>An image that can't be read is named, and the others go on.</summary>
    private static IReadOnlyList<Prediction>? Classify(Classifier classifier, string file, int top)
    {
        try
        {
            return classifier.Classify(File.ReadAllBytes(file), file, top);
        }
        catch (Exception e) when (e is BadDataException or IOException or UnauthorizedAccessException)
        {
            var message = e switch
            {
                BadDataException => e.Message,
                FileNotFoundException or DirectoryNotFoundException => $"{file}: no such file",
                _ => $"{file}: can't be read: {e.Message}",
            };
            Console.Error.WriteLine($"riffle: {message}");
            return null;
        }
    }

    private static void Print(string file, IReadOnlyList<Prediction> predictions)
    {
        Console.WriteLine(file);
        foreach (var p in predictions)
            Console.WriteLine($"  {100 * p.Probability,6:0.00} %  {p.Class}{(p.Text == p.Class || p.Text.Length == 0 ? "" : "  " + p.Text)}");
    }
}
