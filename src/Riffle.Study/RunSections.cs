using System.Collections.Immutable;
using Riffle.Data;
using Riffle.Models;
using Riffle.Reports.Documents;

namespace Riffle.Study;

/// <summary>How the networks learnt, and what they confuse.</summary>
internal static class RunSections
{
    private static readonly ImmutableArray<double> Parts = [0.25, 0.5, 0.75, 1];

    /// <summary>A chart for each run.</summary>
    public static Section Curves(ImmutableArray<Row> rows)
    {
        var begun = rows.Where(row => row.Run is { Last: not null }).ToArray();
        return new("curves", "Learning curves", begun.Length == 0
            ? [new Paragraph("No epoch has ended yet.")]
            :
            [
                new Paragraph("Top-1 after each epoch. That of training images is of augmented ones, while the weights change."),
                new PicturesBlock([.. begun.Select(row => Curve(row, row.Run!))], Figures(begun)),
            ]);
    }

    /// <summary>The pairs of classes that each network confuses most.</summary>
    public static Section Confusions(ImmutableArray<Row> rows, Dataset data)
    {
        const string Title = "Most confused classes";
        var asked = rows.Where(row => row.Run is { Confused: not null }).ToArray();
        if (asked.Length == 0)
            return new("confusions", Title, [new Paragraph("No network is trained yet.")]);
        var perClass = data.Count(Split.Validation) / (double)data.Info.Classes.Length;
        var pairs = asked.Max(row => row.Run!.Confused!.Pairs.Length);
        return new("confusions", Title,
        [
            new Paragraph(
                $"What the weights confuse on the validation images, of which a class has {perClass:0.#}: first how many of the one class "
                + "were taken for the other, then how many of the other for the one."),
            new TableBlock(
                Title,
                [new("Network"), .. Enumerable.Range(1, pairs).Select(i => new Column($"{i}."))],
                [.. asked.Select(row => (ImmutableArray<string>)[row.Model, .. Pairs(row.Run!.Confused!, pairs)])]),
        ]);
    }

    private static Chart Curve(Row row, Run run)
    {
        var (history, epochs) = (run.Training.History, run.Epochs);
        ImmutableArray<Point> Points(Func<EpochMetrics, double> top1) => [.. history.Select(epoch => new Point(epoch.Epoch, top1(epoch)))];
        ImmutableArray<Series> series =
        [
            new("the study's highest", 0, IsPublished: true, HasMarks: false, [new(0, row.Published.Top1), new(epochs, row.Published.Top1)]),
            new("training", 1, IsPublished: false, HasMarks: false, Points(epoch => epoch.Train.Top1)),
            new("validation", 0, IsPublished: false, HasMarks: false, Points(epoch => epoch.Validation.Top1)),
        ];
        var values = series.SelectMany(line => line.Points).Select(point => point.Y);
        return new(row.Model, Axis.Linear("epoch", [0, epochs]), Axis.Linear("top-1, %", [0, .. values]), series);
    }

    private static TableBlock Figures(IEnumerable<Row> rows) => new(
        "Validation top-1 on the way",
        [
            new("Validation top-1"), .. Parts.Select(part => new Column($"after {100 * part:0} %", ColumnKind.Number)), new("Highest", ColumnKind.Number),
            new("Its epoch", ColumnKind.Number),
        ],
        [.. rows.Select(row => (ImmutableArray<string>)[row.Model, .. Parts.Select(part => After(row.Run!, part)), .. Highest(row.Run!.Best!)])]);

    private static string After(Run run, double part)
    {
        var epoch = Math.Max(1, (int)Math.Round(part * run.Epochs));
        return epoch <= run.Training.History.Length ? Cell.Percent(run.Training.History[epoch - 1].Validation.Top1) : "";
    }

    /// <summary>The requested number of cells; those without a pair are empty.</summary>
    private static IEnumerable<string> Pairs(Confused confused, int count)
    {
        var cells = confused.Pairs.Select(pair => $"{pair.First} and {pair.Second}: {pair.FirstAsSecond} + {pair.SecondAsFirst}");
        return cells.Concat(Enumerable.Repeat("", count - confused.Pairs.Length));
    }

    private static string[] Highest(EpochMetrics best) => [Cell.Percent(best.Validation.Top1), $"{best.Epoch}"];
}
