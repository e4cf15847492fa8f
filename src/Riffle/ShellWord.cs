using System.Text.RegularExpressions;

namespace Riffle;

/// <summary>Quotes the words of a suggested command so that it can be pasted into a shell.</summary>
internal static partial class ShellWord
{
    /// <summary>A word, in quotes if it contains characters with a meaning in a shell.</summary>
    public static string Quote(string word) => Quote(word, OperatingSystem.IsWindows());

    /// <summary>A path. If it begins with a dash and would look like an option, <c>./</c> is put before it.</summary>
    public static string Path(string path) => Quote(path.StartsWith('-') ? $"./{path}" : path);

    internal static string Quote(string word, bool isWindows) =>
        (isWindows ? PlainOnWindows() : Plain()).IsMatch(word) ? word
        : isWindows ? $"\"{word}\""
        : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'"; // Between single quotes only the quote itself has a meaning.

    [GeneratedRegex(@"^[A-Za-z0-9/._:,+@%-]+\z")]
    private static partial Regex Plain();

    [GeneratedRegex(@"^[A-Za-z0-9/._:+@\\-]+\z")]
    private static partial Regex PlainOnWindows();
}
