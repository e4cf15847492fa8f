using System.Collections.Immutable;
using System.Xml.Linq;

namespace Riffle.Reports.Documents;

/// <summary>A report as one page that needs nothing else: HTML that is XML as well.</summary>
internal static class HtmlWriter
{
    public static string Write(Document document)
    {
        var html = new XElement(
            "html", new XAttribute("lang", "en"),
            new XElement(
                "head",
                new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("title", document.Title),
                new XElement("style", StyleSheet.Page)),
            new XElement(
                "body",
                new XElement("header", new XElement("h1", document.Title), document.Lead.Select(Write), Contents(document.Sections)),
                new XElement("main", document.Sections.Select(Write))));
        return $"<!DOCTYPE html>\n{html}\n";
    }

    private static XElement Contents(ImmutableArray<Section> sections) => new(
        "nav", new XAttribute("aria-label", "Contents"),
        new XElement("ul", sections.Select(section => new XElement("li", new XElement("a", new XAttribute("href", "#" + section.Id), section.Title)))));

    private static XElement Write(Section section) =>
        new("section", new XAttribute("id", section.Id), new XElement("h2", section.Title), section.Blocks.Select(Write));

    private static object Write(DocumentBlock block) => block switch
    {
        Paragraph paragraph => new XElement("p", paragraph.Text),
        CommandBlock command => new XElement("pre", new XAttribute("class", "scroll"), new XAttribute("tabindex", "0"), command.Command),
        Warning warning => new XElement("p", new XAttribute("class", "warning"), new XAttribute("role", "note"), warning.Text),
        KeyFigures key => new XElement(
            "dl", new XAttribute("class", "key"),
            key.Figures.Select(figure => new XElement("div", new XElement("dd", figure.Value), new XElement("dt", figure.Meaning)))),
        Gallery gallery => new XElement("div", new XAttribute("class", "gallery"), gallery.Tiles.Select(Write)),
        TableBlock { ShownRows: > 0 and var shown } table when table.Rows.Length > shown * 3 / 2 => new[]
        {
            Write(table with { Rows = table.Rows[..shown] }),
            new XElement("details", new XElement("summary", $"All {table.Rows.Length:N0}"), Write(table)),
        },
        TableBlock table => Write(table),
        PicturesBlock pictures => Write(pictures),
        _ => throw new NotSupportedException($"{block} has no form on a page"),
    };

    private static XElement Write(Tile tile) => new(
        "figure",
        tile.Jpegs.Select(jpeg => new XElement(
            "img", new XAttribute("src", $"data:image/jpeg;base64,{Convert.ToBase64String(jpeg)}"), new XAttribute("alt", tile.Title), new XAttribute("loading", "lazy"))),
        new XElement("figcaption", tile.Title, tile.Lines.Select(line => new XElement("span", line))));

    private static XElement[] Write(PicturesBlock block)
    {
        var charts = new XElement("div", new XAttribute("class", block.Figures is null ? "charts wide" : "charts"), block.Pictures.Select(SvgPicture.Draw));
        return block.Figures is null ? [charts] : [charts, Write(block.Figures)];
    }

    private static XElement Write(TableBlock table) => new(
        "div", new XAttribute("class", "scroll"), new XAttribute("role", "region"), new XAttribute("aria-label", table.Name), new XAttribute("tabindex", "0"),
        new XElement(
            "table",
            new XElement("thead", new XElement("tr", table.Columns.Select(Heading))),
            new XElement("tbody", table.Rows.Select(row => new XElement("tr", row.Select((cell, i) => Write(table.Columns[i], cell, isFirst: i == 0)))))));

    /// <summary>With hyphens at which no line is broken: top-1 is one word.</summary>
    private static XElement Heading(Column column) => new("th", new XAttribute("scope", "col"), ClassOf(column), column.Heading.Replace('-', '\u2011'));

    private static XElement Write(Column column, string cell, bool isFirst) => isFirst
        ? new("th", new XAttribute("scope", "row"), cell)
        : new("td", ClassOf(column), column.IsCode(cell) ? new XElement("code", cell) : cell);

    private static XAttribute? ClassOf(Column column) => column.Kind == ColumnKind.Number ? new("class", "number") : null;
}
