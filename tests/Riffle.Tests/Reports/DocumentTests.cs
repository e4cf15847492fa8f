using Riffle.Reports.Documents;

namespace Riffle.Tests.Reports;

public class DocumentTests
{
    [Theory]
    [InlineData("riffle train --data d", true)]
    [InlineData("no command of this Riffle", false)]
    [InlineData("", false)]
    public void Only_commands_are_set_as_code(string cell, bool isCode)
    {
        var document = new Document(
            "title", [new TableBlock("table", [new("Network"), new("Command", ColumnKind.Command)], [["riffle", cell]])], []);
        Assert.Contains(isCode ? $"| riffle | `{cell}` |" : $"| riffle | {cell} |", MarkdownWriter.Write(document));
        Assert.Contains(isCode ? $"<code>{cell}</code>" : $"<td>{cell}</td>", HtmlWriter.Write(document));
    }

    [Theory]
    [InlineData(30, 30)]
    [InlineData(31, 20 + 31)]
    public void The_end_of_a_long_table_opens_on_demand(int rows, int written)
    {
        var table = new TableBlock("table", [new("Class")], [.. Enumerable.Range(0, rows).Select(row => (System.Collections.Immutable.ImmutableArray<string>)[$"class {row}"])], ShownRows: 20);
        var page = HtmlWriter.Write(new("title", [], [new("id", "heading", [table])]));
        Assert.Equal(written, page.Split("scope=\"row\"").Length - 1);
        Assert.Equal(written > rows, page.Contains("<details>", StringComparison.Ordinal));
    }
}
