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
}
