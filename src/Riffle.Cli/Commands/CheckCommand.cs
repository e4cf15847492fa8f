using System.Collections.Immutable;
using System.CommandLine;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Images;
using Riffle.Reports;

namespace Riffle.Cli.Commands;

/// <summary><c>riffle check</c>: finds faults in a data set before hours of training.</summary>
internal static class CheckCommand
{
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
        var run = new Option<string>("--run")
        {
            Description = "Also look for labels that are probably wrong, with what a trained network sees in the images: a run folder or a model file.",
            HelpName = "RUN-OR-FILE",
        };
        var output = new Option<string>("--out") { Description = "Also write a page that shows images that look alike and labels that are probably wrong.", HelpName = "FILE.html" };
        var command = new Command(name, "Verifies every checksum, image and label of a data set, and finds images that look alike. Returns exit code 3 if it finds a fault.")
        {
            path, run, output, threads, json, names,
        };
        records.AddTo(command);
        return command
            .WithExamples("riffle check data/tiny", "riffle check tiny-imagenet-200.tar.gz", "riffle check photos/ --json", "riffle check data/photos --run runs/photos --out faults.html")
            .WithAction((parse, cancel) =>
            {
                var cores = parse.GetValue(threads) is var given and not 0 ? given : Environment.ProcessorCount;
                var (folder, page) = (parse.GetValue(path)!, parse.GetValue(output));
                var model = parse.GetValue(run) is { } network ? ModelOptions.ReportNote(Model.Open(network)) : null;

                // Before a source is read for minutes.
                if ((model is not null || page is not null) && !DatasetCheck.IsPrepared(folder))
                    throw new ArgumentException($"--run and --out need a data set folder, which {folder} is not; make one with: riffle prepare {ShellWord.Path(folder)} --out DIR");
                CheckReport report;
                using (var progress = new StageProgress())
                    report = DatasetCheck.Run(folder, ImageCodec.Default, cores, records.Of(parse), parse.GetValue(names), progress, cancel);

                // Labels of damaged images say nothing.
                var data = (model is not null || page is not null) && report.Faults == 0 ? Dataset.Open(folder, ImageCodec.Default) : null;
                ImmutableArray<SuspectLabel>? suspects = null;
                if (data is not null && model is not null)
                {
                    using var progress = new StageProgress();
                    suspects = LabelCheck.Run(model, data, parse.GetValue(threads), progress, cancel);
                }

                if (data is not null && page is not null)
                    FaultPage.Write(page, report, data, suspects);
                if (parse.GetValue(json))
                    Console.Out.WriteLine(suspects is { } found ? SuspectLabels.AddTo(report.ToJson(), found, data!) : report.ToJson());
                else
                    Console.Out.WriteLine(string.Join(Environment.NewLine, [Describe(report), .. suspects is { } found ? SuspectLabels.Describe(found, data!) : []]));
                if (report.Faults > 0 && (model is not null || page is not null))
                    Console.Error.WriteLine("Labels are not checked, and no page is written, before the faults are mended.");
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
        lines.AddRange(ClassCountLines.Of(report.Counts));
        lines.Add($"  images      {report.Bytes / 1e6:N1} MB");
        lines.AddRange(FindingLines.Of("faults", report.Findings.Where(group => group.IsFault)));
        lines.AddRange(FindingLines.Of("warnings", report.Findings.Where(group => !group.IsFault)));
        lines.Add($"  time        {DurationText.Of(report.Elapsed)}");
        return string.Join(Environment.NewLine, lines);
    }
}
