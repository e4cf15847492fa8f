using System.CommandLine;
using Riffle.Data;
using Riffle.Images;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle check</c>: finds faults in a data set before hours of training.</summary>
internal static class CheckCommand
{
    private const int Shown = 10;

    public static Command Create(string name)
    {
        var path = new Argument<string>("DIR-OR-SOURCE")
        {
            Description = "Data set folder, or anything that prepare accepts: a folder, .zip or .tar.gz of images, or TFRecords from other programs.",
        };
        var threads = new Option<int>("--threads") { Description = "Threads that decode images. 0: one per core.", HelpName = "N" };
        var json = new Option<bool>("--json") { Description = "Print the report as JSON." };
        var records = new RecordOptions();
        var names = RecordOptions.NameEncoding();
        var command = new Command(name, "Verifies every checksum, image and label of a data set. Returns exit code 3 if it finds a fault.")
        {
            path, threads, json, names,
        };
        records.AddTo(command);
        return command
            .WithExamples("riffle check data/tiny", "riffle check tiny-imagenet-200.tar.gz", "riffle check photos/ --json")
            .WithAction((parse, cancel) =>
            {
                CheckReport report;
                var cores = parse.GetValue(threads) is var given and not 0 ? given : Environment.ProcessorCount;
                using (var progress = new StageProgress())
                    report = DatasetCheck.Run(parse.GetValue(path)!, ImageCodec.Default, cores, records.Of(parse), parse.GetValue(names), progress, cancel);
                Console.Out.WriteLine(parse.GetValue(json) ? report.ToJson() : Describe(report));
                return report.Faults > 0 ? ExitCode.BadData : ExitCode.Done;
            });
    }

    private static string Describe(CheckReport report)
    {
        var lines = new List<string>
        {
            $"{report.Path}: {(report.IsPrepared ? "data set folder" : "source for riffle prepare")}",
        };
        lines.AddRange(LayoutLines.Of(report.Layout, report.LeftOut, report.Notes, report.ClassNames));
        lines.Add($"  training    {report.Train:N0} good images");
        lines.Add($"  validation  {report.Validation:N0} good images");
        if (report.Test > 0)
            lines.Add($"  test        {report.Test:N0} good images");
        lines.Add($"  images      {report.Bytes / 1e6:N1} MB");
        AddFindings(lines, "faults    ", report.Faults, report.Findings.Where(group => group.IsFault));
        AddFindings(lines, "warnings  ", report.Warnings, report.Findings.Where(group => !group.IsFault));
        lines.Add($"  time        {DurationText.Of(report.Elapsed)}");
        return string.Join(Environment.NewLine, lines);
    }

    private static void AddFindings(List<string> lines, string heading, int count, IEnumerable<CheckGroup> groups)
    {
        lines.Add($"  {heading}  {(count == 0 ? "none" : $"{count:N0}")}");
        foreach (var group in groups)
        {
            lines.Add($"    {group.Count:N0} × {group.Kind}:");
            lines.AddRange(group.Examples.Take(Shown).Select(example => $"      {example.Message}"));
            if (group.Count > Shown)
                lines.Add($"      and {group.Count - Shown:N0} more{(group.Examples.Length > Shown ? "; --json lists more of them" : "")}");
        }
    }
}
