using System.Text;

namespace Riffle.Cli;

/// <summary>
/// Standard error that may go away, with its terminal or for want of room on the disk of a log: what can't be said is left out, and the work goes on.
/// </summary>
/// <param name="output">Standard error as it is.</param>
internal sealed class ErrorOutput(TextWriter output) : TextWriter
{
    /// <inheritdoc/>
    public override Encoding Encoding => output.Encoding;

    /// <inheritdoc/>
    public override void Write(char value) => Try(() => output.Write(value));

    /// <inheritdoc/>
    public override void Write(string? value) => Try(() => output.Write(value));

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Try(() => output.WriteLine(value));

    /// <inheritdoc/>
    public override void Flush() => Try(output.Flush);

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (IOException)
        {
            // There is nowhere to tell.
        }
    }
}
