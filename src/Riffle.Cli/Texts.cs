using System.Globalization;
using System.Text;

namespace Riffle.Cli;

/// <summary>How the process writes text.</summary>
internal static class Texts
{
    /// <summary>
    /// Makes numbers independent of the language of the machine. JSON is always UTF-8, and so is text for a program or a file; text on a terminal uses the
    /// terminal's own character set.
    /// </summary>
    /// <param name="args">The command line.</param>
    public static void Prepare(IReadOnlyList<string> args)
    {
        CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
        if (Console.IsOutputRedirected || args.Contains("--json"))
            Console.SetOut(TextWriter.Synchronized(Utf8(Console.OpenStandardOutput())));
        Console.SetError(new ErrorOutput(Console.IsErrorRedirected ? TextWriter.Synchronized(Utf8(Console.OpenStandardError())) : Console.Error));
    }

    private static StreamWriter Utf8(Stream stream) => new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
}
