using Spectre.Console;

namespace Riffle.Cli;

/// <summary>A table for a person: drawn on a terminal, plain aligned columns in a file or a pipe.</summary>
/// <param name="columns">Headings. A heading that begins with <c>&gt;</c> aligns its column to the right.</param>
internal sealed class TextTable(params string[] columns)
{
    private readonly List<string[]> _rows = [];

    /// <summary>Adds a row of as many cells as there are columns.</summary>
    public void Add(params string[] cells)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cells.Length, columns.Length);
        _rows.Add(cells);
    }

    /// <summary>Writes the table: drawn where <paramref name="output"/> is a terminal that is wide enough.</summary>
    public void Write(TextWriter output)
    {
        if (output == Console.Out && !Console.IsOutputRedirected)
            Write(output, AnsiConsole.Console.Profile.Width);
        else
            Write(output, terminalWidth: 0);
    }

    /// <summary>Writes the table for a terminal of a width, or plainly when that is too narrow for borders.</summary>
    internal void Write(TextWriter output, int terminalWidth)
    {
        var widths = columns.Select((column, i) => _rows.Select(row => row[i].Length).Append(Heading(column).Length).Max()).ToArray();
        if (widths.Sum(width => width + 3) + 1 <= terminalWidth)
            Draw(output, terminalWidth);
        else
            WritePlain(output, widths);
    }

    private void Draw(TextWriter output, int terminalWidth)
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var column in columns)
        {
            var heading = new Text(Heading(column), new Style(decoration: Decoration.Bold));
            table.AddColumn(new TableColumn(heading) { Alignment = IsRight(column) ? Justify.Right : Justify.Left });
        }

        foreach (var row in _rows)
            table.AddRow(row.Select(cell => new Text(cell)));
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        console.Profile.Width = terminalWidth;
        console.Write(table);
    }

    private void WritePlain(TextWriter output, int[] widths)
    {
        foreach (var row in _rows.Prepend([.. columns.Select(Heading)]))
            output.WriteLine(string.Join("  ", row.Select((cell, i) => IsRight(columns[i]) ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd());
    }

    private static bool IsRight(string column) => column.StartsWith('>');

    private static string Heading(string column) => IsRight(column) ? column[1..] : column;
}
