using System.Collections.Concurrent;
using System.CommandLine;
using System.Text.Json;
using Riffle.Formats;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle predict</c>.</summary>
internal static class PredictCommand
{
    /// <summary>PLINQ's own limit.</summary>
    private const int MostThreads = 512;

    public static Command Create(string name)
    {
        var model = new ModelOptions();
        var images = new Argument<string[]>("IMAGE")
        {
            Description = $"Image files ({ImageFormats.Names}), folders (all images in them), or - for an image on standard input.",
            Arity = ArgumentArity.OneOrMore,
        };
        var top = Numbers.Option("--top", "N", new Limits<int>(1, int.MaxValue));
        (top.Description, top.DefaultValueFactory) = ("Number of classes to print per image.", _ => 5);
        var threads = TrainingOptions.Threads();
        threads.Description = "Threads that compute, each an image of its own, or all of them the only one. 0: one per core. Does not change the result.";
        var json = new Option<bool>("--json") { Description = "Print one JSON document." };
        var heatMap = new Option<string>("--heat-map")
        {
            Description = "Also draw what speaks for the first class: a .jpg for one image, a folder for several. The lighter a part of the image, the more it speaks for the class.",
            HelpName = "OUT",
        };
        var command = new Command(name, "Prints the most likely classes of images.") { images, top, threads, json, heatMap };
        model.AddTo(command);
        return command
            .WithExamples(
                "riffle predict runs/first cat.jpg",
                "riffle predict runs/first photos/ --top 1 --json",
                "riffle predict runs/first cat.jpg --heat-map cat-heat.jpg",
                "riffle predict resnet.onnx cat.jpg --labels imagenet.txt")
            .WithAction((parse, cancel) => Run(
                model.Open(parse), parse.GetRequiredValue(images), parse.GetValue(top), parse.GetValue(threads), parse.GetValue(json), parse.GetValue(heatMap), cancel));
    }

    private static int Run(Model model, string[] arguments, int top, int threads, bool json, string? heatMap, CancellationToken cancel)
    {
        var files = ImageList.Of(arguments, message => Console.Error.WriteLine($"riffle: {message}"), cancel);

        // Threads take one image at a time from the list, and the answers keep its order. They share an image only if it is the only one.
        using var classifier = new Classifier(model, files.Count == 1 ? threads : 1);
        IEnumerable<Answer> answers = files.Count == 1
            ? [Classify(classifier, files[0], top, cancel)]
            : ClassifyAll(classifier, files, top, Math.Min(threads == 0 ? Environment.ProcessorCount : threads, MostThreads), cancel);
        using var maps = heatMap is null ? null : new HeatMapFiles(model, heatMap, files);
        var known = new List<Answer>();
        foreach (var answer in answers)
        {
            if (answer.Predictions.Count == 0)
                Console.Error.WriteLine($"riffle: {answer.Error}");
            else
                known.Add(answer);
            if (answer.Predictions is [var first, ..])
                maps?.Write(answer.File, first.Index);
            if (!json)
                Print(answer);
        }

        if (json)
        {
            var document = known.Select(r => new { r.File, Predictions = r.Predictions.Select(p => new { p.Class, p.Index, p.Probability }) });
            Console.WriteLine(JsonSerializer.Serialize(document, JsonOutput.Settings));
        }

        return known.Count == files.Count ? ExitCode.Done : ExitCode.BadData;
    }

    /// <summary>Classifies images. Threads take one at a time from the list, and the answers keep its order.</summary>
    private static ParallelQuery<Answer> ClassifyAll(Classifier classifier, IReadOnlyList<string> files, int top, int threads, CancellationToken cancel) =>
        Partitioner.Create(files, EnumerablePartitionerOptions.NoBuffering).AsParallel().AsOrdered()
            .WithDegreeOfParallelism(threads).WithMergeOptions(ParallelMergeOptions.NotBuffered).WithCancellation(cancel)
            .Select(file => Classify(classifier, file, top, cancel));

    /// <summary>Classifies one image. If it can't be read, the answer says why, and the other images are still classified.</summary>
    private static Answer Classify(Classifier classifier, string file, int top, CancellationToken cancel)
    {
        byte[] bytes;
        try
        {
            bytes = ImageList.Read(file, cancel);
        }
        catch (RiffleException e)
        {
            return new(file, [], e.Message);
        }

        try
        {
            return new(file, classifier.Classify(bytes, file == ImageList.StandardInput ? "standard input" : file, top));
        }
        catch (BadDataException e)
        {
            return new(file, [], e.Message);
        }
    }

    private static void Print(Answer answer)
    {
        if (answer.Predictions.Count > 0)
            Console.WriteLine(answer.File);
        foreach (var p in answer.Predictions)
            Console.WriteLine($"  {100 * p.Probability,6:0.00} %  {p.Class}{(p.Text == p.Class || p.Text.Length == 0 ? "" : "  " + p.Text)}");
    }

    /// <summary>The predictions for an image, or why there are none.</summary>
    private sealed record Answer(string File, IReadOnlyList<Prediction> Predictions, string? Error = null);
}
