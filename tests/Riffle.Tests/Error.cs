using Riffle.Cli;

namespace Riffle.Tests;

/// <summary>Checks what an error names: the file, option or number that is wrong. Its wording may change.</summary>
internal static class Error
{
    /// <summary>Requires that a message contains all names.</summary>
    public static void Names(string message, params string[] names) =>
        Assert.All(names, name => Assert.Contains(name, message, StringComparison.Ordinal));

    /// <summary>What the command line says of an error, with its advice.</summary>
    public static string OnCommandLine(Exception error) => CommandLine.Explain(error).Message;

    /// <summary>Requires that one of several messages contains all names.</summary>
    public static void OneNames(IEnumerable<string> messages, params string[] names) => Assert.Contains(
        messages, message => names.All(name => message.Contains(name, StringComparison.Ordinal)));
}
