using System.Collections.Immutable;
using Riffle.Reports.Documents;

namespace Riffle.Study;

/// <summary>The study's tables of accuracy, and accuracy against what a network costs.</summary>
internal static class ResultSections
{
    /// <summary>A table of the study.</summary>
    public static Section Table(StudyTable table, ImmutableArray<Row> rows)
    {
        var beside = BesideTitle(rows);
        return new(
            $"table-{table.Number}",
            $"Table {table.Number}: {table.Title}",
            [
                new TableBlock(
                    table.Title, Columns(beside), [.. table.Models.Select(model => Cells(rows.Single(row => row.Model == model), hasBeside: beside is not null))]),
            ]);
    }

    /// <summary>The title of the column of the reproduction that is shown beside this one; null if there is none.</summary>
    public static string? BesideTitle(ImmutableArray<Row> rows)
    {
        var recipes = rows.Select(row => row.Beside?.Training.Recipe.Name).OfType<string>().Distinct().ToArray();
        return recipes.Length == 0 ? null : $"Top-1, recipe {string.Join(" or ", recipes)}";
    }

    /// <summary>Top-1 over multiply-adds, and over what an image takes.</summary>
    public static Section AccuracyByCost(ImmutableArray<Row> rows) => new(
        "accuracy-by-cost",
        "Accuracy against multiply-adds and against latency",
        [
            new Paragraph(
                "Each line goes through a family's scales. Filled marks are ours, hollow ones on dashed lines the study's. Its accuracies are drawn over our "
                + "count as well, because its own numbers are not counted alike, and over what one image takes here on one thread, because it measured none."),
            new PicturesBlock(
            [
                Scatter("Top-1 by multiply-adds", "multiply-adds, millions", rows, row => row.Cost.Macs / 1e6),
                Scatter("Top-1 by latency", "one image, ms", [.. rows.Where(row => row.Latency is not null)], row => row.Latency!.MedianMs),
            ]),
        ]);

    /// <summary>What a phone shows without scrolling comes first.</summary>
    private static ImmutableArray<Column> Columns(string? beside) =>
    [
        new("Network"),
        new("Study, top-1", ColumnKind.Number),
        new("Top-1", ColumnKind.Number),
        new("Difference", ColumnKind.Number),
        new("Highest of all epochs", ColumnKind.Number),
        new("Its epoch", ColumnKind.Number),
        .. beside is null ? [] : (ImmutableArray<Column>)[new(beside, ColumnKind.Number)],
        new("Study, MFLOPs", ColumnKind.Number),
        new("Multiply-adds, millions", ColumnKind.Number),
        new("Ratio", ColumnKind.Number),
        new("Parameters", ColumnKind.Number),
        new("One image, ms", ColumnKind.Number),
    ];

    private static ImmutableArray<string> Cells(Row row, bool hasBeside) =>
    [
        row.Model,
        Cell.Number(row.Published.Top1),
        Cell.Top1(row),
        Cell.Difference(row),
        row.Finished?.Best is { } highest ? Cell.Percent(highest.Validation.Top1) : "",
        row.Finished?.Best is { } best ? $"{best.Epoch}" : "",
        .. hasBeside ? (ImmutableArray<string>)[row.Beside is { IsDone: true, Last: { } last } ? Cell.Percent(last.Validation.Top1) : ""] : [],
        Cell.Number(row.Published.MegaFlops),
        Cell.Millions(row.Cost.Macs),
        Cell.Ratio(row.Ratio),
        Cell.Count(row.Cost.Parameters),
        row.Latency is { } latency ? Cell.Milliseconds(latency.MedianMs) : "",
    ];

    /// <summary>A line for each family, from its smallest network to its largest; below it the study's.</summary>
    private static Chart Scatter(string title, string cost, ImmutableArray<Row> rows, Func<Row, double> costOf)
    {
        var families = rows.GroupBy(row => row.Family).Index().ToArray();
        Series Line((int Index, IGrouping<string, Row> Rows) family, bool published)
        {
            var points =
                from row in family.Rows
                let top1 = published ? row.Published.Top1 : row.Top1
                where top1 is not null
                orderby costOf(row)
                select new Point(costOf(row), top1.Value, $"{row.Model}{(published ? ", the study" : "")}: {Cell.Number(top1.Value)} %");
            return new(family.Rows.Key, family.Index, published, HasMarks: true, [.. points]);
        }

        ImmutableArray<Series> series =
        [
            .. families.Select(family => Line(family, published: true)),
            .. families.Select(family => Line(family, published: false)).Where(line => !line.Points.IsEmpty),
        ];
        var points = series.SelectMany(line => line.Points).ToArray();
        return new(title, Axis.Logarithmic(cost, points.Select(point => point.X)), Axis.Linear("top-1, %", points.Select(point => point.Y)), series);
    }
}
