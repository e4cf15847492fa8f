using System.Text.RegularExpressions;

namespace Riffle;

/// <summary>Words of a command that a message suggests, as they can be pasted into a shell and mean the same there.</summary>
public static partial class ShellWord
{
    /// <summary>A word: as it is where it has nothing in it that a shell gives a meaning, else in quotes.</summary>
    public static string Quote(string word) => Quote(word, OperatingSystem.IsWindows());

    /// <summary>A path. One that begins with a dash, which a command would take for an option, begins with <c>./</c>.</summary>
    public static string Path(string path) => Quote(path.StartsWith('-') ? $"./{path}" : path);

    internal static string Quote(string word, bool isWindows) =>
        (isWindows ? PlainOnWindows() : Plain()).IsMatch(word) ? word
        : isWindows ? $"\"{word}\""
        : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'"; // Nothing has a meaning between single quotes, and a quote can't stand there.

    [GeneratedRegex(@"^[A-Za-z0-9/._:,+@%-]+\z")]
    private static partial Regex Plain();

    [GeneratedRegex(@"^[A-Za-z0-9/._:+@\\-]+\z")]
    private static partial Regex PlainOnWindows();
}
