using System.Text;

namespace Riffle.Reports.Documents;

/// <summary>A report as Markdown. Its charts are files beside it.</summary>
internal static class MarkdownWriter
{
    public static string Write(Document document)
    {
        var text = new StringBuilder($"# {document.Title}\n");
        foreach (var block in document.Lead)
            Write(text, block);
        foreach (var section in document.Sections)
        {
            text.Append($"\n## {section.Title}\n");
            foreach (var block in section.Blocks)
                Write(text, block);
        }

        return text.ToString();
    }

    private static void Write(StringBuilder text, DocumentBlock block)
    {
        text.Append('\n');
        switch (block)
        {
            case Paragraph paragraph:
                text.Append($"{paragraph.Text}\n");
                break;
            case Warning warning:
                text.Append($"**{warning.Text}**\n");
                break;
            case CommandBlock command:
                text.Append($"    {command.Command}\n");
                break;
            case TableBlock table:
                Write(text, table);
                break;
            case PicturesBlock pictures:
                foreach (var picture in pictures.Pictures)
                    text.Append($"![{picture.Title}]({picture.File})\n");
                if (pictures.Figures is { } figures)
                    Write(text, (DocumentBlock)figures);
                break;
            default:
                throw new NotSupportedException($"{block} has no form in Markdown");
        }
    }

    private static void Write(StringBuilder text, TableBlock table)
    {
        Append(table.Columns.Select(column => column.Heading));
        Append(table.Columns.Select(column => column.Kind == ColumnKind.Number ? "---:" : "---"));
        foreach (var row in table.Rows)
            Append(row.Select((cell, i) => table.Columns[i].IsCode(cell) ? $"`{cell}`" : cell));

        void Append(IEnumerable<string> cells) =>
            text.Append($"| {string.Join(" | ", cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))} |\n");
    }
}
