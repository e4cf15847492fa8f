using System.CommandLine;
using Riffle.Formats;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle predict</c>.</summary>
internal static class PredictCommand
{
    /// <summary>Fewer images are done before a progress line would be of use.</summary>
    private const int FewestWithProgress = 100;

    public static Command Create(string name)
    {
        var model = new ModelOptions();
        var images = new Argument<string[]>("IMAGE")
        {
            Description = $"Image files ({ImageFormats.Names}), folders (all images in them), quoted patterns ('photos/*.jpg'), or - for an image on standard input.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var list = new Option<string?>("--files-from") { Description = "Text file with one image, folder or pattern per line, or - for standard input.", HelpName = "FILE" };
        var top = Numbers.Option("--top", "N", new Limits<int>(1, int.MaxValue));
        (top.Description, top.DefaultValueFactory) = ("Number of classes to print per image.", _ => 5);
        var threads = TrainingOptions.Threads();
        threads.Description = "Threads that compute, each an image of its own, or all of them the only one. 0: one per core. Does not change the result.";
        var format = new Option<string>("--format")
        {
            Description = "text: for people. csv, jsonl: a line for each image, also for one that can't be read. json: one document.",
            DefaultValueFactory = _ => "text",
        };
        format.AcceptOnlyFromAmong("text", "csv", "jsonl", "json");
        var json = new Option<bool>("--json") { Description = "Print one JSON document; the same as --format json." };
        var heatMap = new Option<string>("--heat-map")
        {
            Description = "Also draw what speaks for the first class: a .jpg for one image, a folder for several. The lighter a part of the image, the more it speaks for the class.",
            HelpName = "OUT",
        };
        var command = new Command(name, "Prints the most likely classes of images, and which images it is not sure of.") { images, list, top, threads, format, json, heatMap };
        model.AddTo(command);
        return command
            .WithExamples(
                "riffle predict runs/first cat.jpg",
                "riffle predict runs/first photos/ --top 1 --format csv > photos.csv",
                "riffle predict runs/first 'photos/*.jpg' --format jsonl",
                "riffle predict runs/first --files-from list.txt --format jsonl",
                "riffle predict runs/first cat.jpg --heat-map cat-heat.jpg",
                "riffle predict resnet.onnx cat.jpg --labels imagenet.txt")
            .WithAction((parse, cancel) => Run(
                model.Open(parse), parse.GetValue(images) ?? [], parse.GetValue(list), parse.GetValue(top), parse.GetValue(threads),
                parse.GetValue(json) ? "json" : parse.GetValue(format)!, parse.GetValue(heatMap), cancel));
    }

    private static int Run(
        Model model, string[] arguments, string? list, int top, int threads, string format, string? heatMap, CancellationToken cancel)
    {
        var files = ImageList.Of(arguments, list, message => Console.Error.WriteLine($"riffle: {message}"), cancel);
        var options = new ClassifyOptions { Top = Math.Min(top, model.Classes.Count) };

        // Threads share an image only if it is the only one.
        using var classifier = new Classifier(model, files.Count == 1 ? threads : 1);
        var answers = files.Count == 1
            ? [ClassifierFiles.Answer(classifier, files[0], ImageList.Read, options, cancel)]
            : ClassifierFiles.ClassifyAll(classifier, files, ImageList.Read, options, threads, cancel);
        using var maps = heatMap is null ? null : new HeatMapFiles(model, heatMap, files);
        var output = PredictionOutput.Of(format, options.Top);

        // On a terminal, predictions that run through it show the progress themselves.
        using var progress = files.Count >= FewestWithProgress && Console.IsOutputRedirected ? new ProgressLine("predict", files.Count, "images") : null;
        var (done, failed) = (0, 0);
        foreach (var answer in answers)
        {
            output.Write(answer);
            progress?.Report(++done);
            if (answer.Classification is [var first, ..])
                maps?.Write(answer.File, first.Index);
            if (answer.Error is not { } error)
                continue;
            failed++;
            if (!output.HasFailures)
                Console.Error.WriteLine($"riffle: {CommandLine.Message(error)}");
        }

        output.End();
        if (failed > 0 && output.HasFailures)
            Console.Error.WriteLine($"riffle: {failed:N0} of {files.Count:N0} images could not be classified; their lines say why");
        return failed == 0 ? ExitCode.Done : ExitCode.BadData;
    }
}
