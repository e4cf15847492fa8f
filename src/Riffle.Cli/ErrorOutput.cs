using System.Text;

namespace Riffle.Cli;

/// <summary>
/// Standard error that may fail, because its terminal closes or the disk of its log is full. Text that can't be written is dropped, and the work continues.
/// </summary>
/// <param name="output">The real standard error.</param>
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
            // There is nowhere to report this.
        }
    }
}
