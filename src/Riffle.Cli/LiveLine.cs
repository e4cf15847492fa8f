namespace Riffle.Cli;

/// <summary>A terminal's last line, drawn again and again.</summary>
/// <param name="output">The terminal.</param>
/// <param name="columns">Its width; a longer line is cut, because one that wraps could not be drawn over.</param>
internal sealed class LiveLine(TextWriter output, Func<int> columns)
{
    private int _width;

    /// <summary>Whether standard error is a terminal that can do it.</summary>
    public static bool IsPossible => !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>The width of the terminal; one of unknown width reports 0.</summary>
    public static int TerminalColumns() => Console.WindowWidth is > 0 and var width ? width : 80;

    /// <summary>Shows a line in place of the one before.</summary>
    public void Draw(string line)
    {
        line = line[..Math.Min(line.Length, Math.Max(1, columns() - 1))];
        output.Write('\r' + line.PadRight(_width));
        output.Flush();
        _width = line.Length;
    }

    /// <summary>Takes the line away, so that other text can follow.</summary>
    public void Clear()
    {
        if (_width > 0)
            output.Write('\r' + new string(' ', _width) + '\r');
        output.Flush();
        _width = 0;
    }
}
