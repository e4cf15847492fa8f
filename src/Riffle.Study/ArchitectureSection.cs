using System.Collections.Immutable;
using Riffle.Networks;
using Riffle.Reports.Documents;

namespace Riffle.Study;

/// <summary>The study's table of architecture, read from the description of its networks.</summary>
internal static class ArchitectureSection
{
    public static Section Of(StudyTable table)
    {
        var networks = table.Models.Select(model => NetworkCatalogue.Build(NetworkCatalogue.Resolve(model))).ToArray();
        var comparison = ArchitectureComparison.Of(networks) ?? throw new InvalidOperationException("the networks differ in more than their channels");
        string[] settings = ["Output size", "Kernel", "Stride", "Repeat"];
        return new(
            $"table-{table.Number}",
            $"Table {table.Number}: {table.Title}",
            [
                new Paragraph(
                    "Channels of each layer by number of groups at x1.0, read from the networks that are trained below. A row names a unit, or several alike that follow "
                    + "each other. The other scales have the same rows."),
                new TableBlock(
                    table.Title,
                    [
                        new("Layer"), .. settings.Select(name => new Column(name, ColumnKind.Number)),
                        .. comparison.Headings.Select(name => new Column(name, ColumnKind.Number)),
                    ],
                    [
                        .. comparison.Rows.Select(row => (ImmutableArray<string>)
                        [
                            row.Row.Name, $"{row.Row.Output.Height}×{row.Row.Output.Width}", row.Row.Kernel is { } kernel ? $"{kernel}×{kernel}" : "",
                            $"{row.Row.Stride}", $"{row.Row.Repeat}", .. row.Channels.Select(channels => Cell.Count(channels)),
                        ]),
                        ["multiply-adds, millions", .. settings.Select(_ => ""), .. comparison.Costs.Select(cost => Cell.Millions(cost.Macs))],
                        ["parameters", .. settings.Select(_ => ""), .. comparison.Costs.Select(cost => Cell.Count(cost.Parameters))],
                    ]),
            ]);
    }
}
