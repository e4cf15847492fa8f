using System.CommandLine;
using System.Text.Json;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Images;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle evaluate</c>.</summary>
internal static class EvaluateCommand
{
    public static Command Create(string name)
    {
        var model = new ModelOptions();
        var data = new Option<string>("--data") { Description = "Data set folder.", HelpName = "DIR", Required = true };
        var threads = TrainingOptions.Threads();
        var json = new Option<bool>("--json") { Description = "Print one JSON document." };
        var command = new Command(name, "Computes the accuracy of a trained network on all validation images of a data set.") { data, threads, json };
        model.AddTo(command);
        return command
            .WithExamples(
                "riffle evaluate runs/first --data data/tiny",
                "riffle evaluate runs/first/checkpoints/last.safetensors --data data/tiny --json")
            .WithAction((parse, cancel) => Run(
                model.Open(parse), parse.GetRequiredValue(data), parse.GetValue(threads), parse.GetValue(json), cancel));
    }

    private static int Run(Model model, string data, int threads, bool json, CancellationToken cancel)
    {
        var dataset = Dataset.Open(data, ImageCodec.Default);
        EvaluationResult result;
        using (var progress = new StageProgress())
            result = Evaluator.Evaluate(model, dataset, threads, progress: progress, cancel: cancel);

        if (json)
            Console.WriteLine(JsonSerializer.Serialize(result, JsonOutput.Settings));
        else
            Console.WriteLine($"{result.Model}: top-1 {result.Top1:0.00} %, top-5 {result.Top5:0.00} %, loss {result.Loss:0.0000}, {result.Images:N0} images");
        return ExitCode.Done;
    }
}
