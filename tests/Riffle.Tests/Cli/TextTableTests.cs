using System.Text.RegularExpressions;
using Riffle.Cli;

namespace Riffle.Tests.Cli;

public partial class TextTableTests
{
    [Fact]
    public void Columns_are_aligned_and_nothing_trails() => Assert.Equal("Name     Count\na            1\nlonger  12,345\n", Write(terminalWidth: 0));

    [Fact]
    public void A_table_with_borders_needs_its_width()
    {
        var drawn = Style().Replace(Write(terminalWidth: 19), "");
        Assert.Contains("│ longer │ 12,345 │", drawn);
        Assert.All(drawn.TrimEnd().Split('\n'), line => Assert.Equal(19, line.Length));
        Assert.Equal(Write(terminalWidth: 0), Write(terminalWidth: 18));
    }

    [Fact]
    public void What_looks_like_markup_is_text()
    {
        var table = new TextTable("[red]");
        table.Add("[/]");
        using var output = new StringWriter();
        table.Write(output, terminalWidth: 80);
        Assert.Contains("[red]", output.ToString());
        Assert.Contains("[/]", output.ToString());
    }

    [Fact]
    public void A_row_has_as_many_cells_as_there_are_columns() => Assert.Throws<ArgumentOutOfRangeException>(() => new TextTable("a", "b").Add("1"));

    private static string Write(int terminalWidth)
    {
        var table = new TextTable("Name", ">Count");
        table.Add("a", "1");
        table.Add("longer", "12,345");
        using var output = new StringWriter { NewLine = "\n" };
        table.Write(output, terminalWidth);
        return output.ToString();
    }

    /// <summary>Bold and its end.</summary>
    [GeneratedRegex(@"\e\[\d+m")]
    private static partial Regex Style();
}
