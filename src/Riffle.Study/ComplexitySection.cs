using System.Collections.Immutable;
using Riffle.Reports.Documents;

namespace Riffle.Study;

/// <summary>The study's table of complexity, and what its numbers have to do with ours: worked out from both, not asserted.</summary>
internal static class ComplexitySection
{
    /// <summary>The family whose numbers the study counted otherwise than the rest.</summary>
    private const string Apart = "shufflenet-v2";

    /// <summary>What the largest of them is compared with.</summary>
    private const string ComparedWith = "shufflenet-v1-g3-x1.0";

    private static readonly ImmutableArray<Column> Columns =
    [
        new("Network"),
        new("Study, MFLOPs", ColumnKind.Number),
        new("Multiply-adds, millions", ColumnKind.Number),
        new("Ratio", ColumnKind.Number),
        new("Parameters", ColumnKind.Number),
        new("One image, ms", ColumnKind.Number),
    ];

    public static Section Of(StudyTable table, ImmutableArray<Row> rows) => new(
        $"table-{table.Number}",
        $"Table {table.Number}: {table.Title}",
        [
            new TableBlock(table.Title, Columns, [.. table.Models.Select(model => Cells(rows.Single(row => row.Model == model)))]),
            .. Explain(rows).Select(text => new Paragraph(text)),
        ]);

    private static ImmutableArray<string> Cells(Row row) =>
    [
        row.Model,
        Cell.Number(row.Published.MegaFlops),
        Cell.Millions(row.Cost.Macs),
        Cell.Ratio(row.Ratio),
        Cell.Count(row.Cost.Parameters),
        row.Latency is { } latency ? Cell.Milliseconds(latency.MedianMs) : "",
    ];

    private static IEnumerable<string> Explain(ImmutableArray<Row> rows)
    {
        var (apart, alike) = (rows.Where(IsApart).ToArray(), rows.Where(row => !IsApart(row)).ToArray());
        yield return
            "We count multiply-adds as the ShuffleNet papers do: every product of every convolution and of the classifier, for one image of 56×56; batch norm, "
            + "activations, pooling, shuffle and addition count nothing. The study does not say how it counted. So both numbers stand here with their ratio, "
            + "the study's to ours, and neither is bent to the other.";

        var (least, most) = (alike.Min(row => row.Ratio), alike.Max(row => row.Ratio));
        yield return
            $"What can be reconciled: of the {alike.Length} networks of ShuffleNet v1 and MobileNet the study prints {Cell.Ratio(least)} to "
            + $"{Cell.Ratio(most)} of our count. So where it prints {Math.Ceiling(100 * (most / least - 1)):0} % more for one of them than for another, that "
            + "one costs more by our count as well.";
        yield return "What can't be: " + CommonFactor(alike);

        var (small, large) = (apart.MinBy(row => row.Cost.Macs)!, apart.MaxBy(row => row.Cost.Macs)!);
        var other = rows.Single(row => row.Model == ComparedWith);
        yield return
            "The study's numbers for ShuffleNet v2 stand apart from all others, and from each other: "
            + $"{Cell.Ratio(large.Ratio)} of our count for {large.Model}, {Cell.Ratio(small.Ratio)} for {small.Model}. From the smaller to the larger its "
            + $"number grows {Study(large, small):0.0} times, our count {Ours(large, small):0.0} times. Whether they were counted in another way or belong to "
            + "networks of other widths, it does not tell; they can be compared neither with its other rows nor with ours. By its numbers "
            + $"{large.Model} costs {Study(large, other):0.0} times {other.Model}; counted alike it costs {Ours(large, other):0.0} times as much.";
    }

    /// <summary>Whether one factor could lead from all of our counts to the study's numbers, each of which may have been rounded.</summary>
    private static string CommonFactor(IReadOnlyCollection<Row> rows)
    {
        var (lowest, highest) = (rows.MinBy(Most)!, rows.MaxBy(Least)!);
        return Most(lowest) < Least(highest)
            ? $"it is not one factor. Rounded as they are printed, the number for {lowest.Model} is at most {Most(lowest):0.000} of our count, and that "
                + $"for {highest.Model} at least {Least(highest):0.000}. So neither another unit (a multiply-add as two operations would give 2) nor "
                + "anything else that changes all counts alike leads from one to the other."
            : $"what the one factor is that rounding allows, from {Least(highest):0.000} to {Most(lowest):0.000}; a multiply-add as two operations gives 2.";
    }

    private static bool IsApart(Row row) => row.Family == Apart;

    private static double Study(Row a, Row b) => a.Published.MegaFlops / b.Published.MegaFlops;

    private static double Ours(Row a, Row b) => (double)a.Cost.Macs / b.Cost.Macs;

    /// <summary>The greatest ratio that the printed number can stand for.</summary>
    private static double Most(Row row) => (row.Published.MegaFlops + Rounding(row)) * 1e6 / row.Cost.Macs;

    /// <summary>The least ratio that the printed number can stand for.</summary>
    private static double Least(Row row) => (row.Published.MegaFlops - Rounding(row)) * 1e6 / row.Cost.Macs;

    /// <summary>Half of the last digit that was printed: whole millions or tenths.</summary>
    private static double Rounding(Row row) => row.Published.MegaFlops == Math.Floor(row.Published.MegaFlops) ? 0.5 : 0.05;
}
