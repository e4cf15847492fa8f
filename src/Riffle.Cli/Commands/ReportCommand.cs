using System.CommandLine;
using Riffle.Images;
using Riffle.Reports;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle report</c>.</summary>
internal static class ReportCommand
{
    public static Command Create(string name)
    {
        var run = new Argument<string>("RUN") { Description = "Run folder, or a checkpoint file." };
        var data = new Option<string>("--data") { Description = "Data set folder. Default: the one that the run was trained on.", HelpName = "DIR" };
        var output = new Option<string>("--out") { Description = $"Page to write. Default: {RunReport.FileName} in the run folder.", HelpName = "FILE" };
        var threads = TrainingOptions.Threads();
        var command = new Command(name, "Writes a page about a run: learning curves, accuracy by class, what it confuses, its worst mistakes as pictures.")
        {
            run, data, output, threads,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(run) is { } path && File.Exists(path) && (result.GetValue(data) is null || result.GetValue(output) is null))
                result.AddError($"{path} is a file, not a run folder; give --data and --out as well.");
        });
        return command
            .WithExamples("riffle report runs/first", "riffle report models/shufflenet-v2-x1.0.safetensors --data data/tiny --out shufflenet.html")
            .WithAction((parse, cancel) =>
            {
                var path = parse.GetRequiredValue(run);
                var source = new RunSource(path, parse.GetValue(data) ?? RunSource.DataOf(path), new TrainingOptions());
                Console.WriteLine(Write(source, parse.GetValue(output) ?? Path.Combine(path, RunReport.FileName), parse.GetValue(threads), cancel));
                return ExitCode.Done;
            });
    }

    /// <summary>Writes the report of a training that has ended. If that fails, says why: the training itself is saved.</summary>
    /// <returns>The page; null if it was not written.</returns>
    public static string? WriteAfter(RunSource run, CancellationToken cancel)
    {
        try
        {
            return Write(run, Path.Combine(run.Path, RunReport.FileName), threads: 0, cancel);
        }
        catch (Exception e) when (e is RiffleException or OperationCanceledException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"The training is saved, but its report is not written: {CommandLine.Explain(e).Message} To write it: riffle report {ShellWord.Path(run.Path)}");
            return null;
        }
    }

    private static string Write(RunSource source, string output, int threads, CancellationToken cancel)
    {
        using var progress = new StageProgress();
        RunReport.Write(source, output, ImageCodec.Default, threads, progress, cancel);
        return output;
    }
}
