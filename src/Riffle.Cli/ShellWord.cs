namespace Riffle.Cli;

/// <summary>A path or another argument as it can be pasted into a shell.</summary>
internal static class ShellWord
{
    public static string Quote(string argument) =>
        argument.Length > 0 && argument.All(c => char.IsAsciiLetterOrDigit(c) || "/._-\\:".Contains(c)) ? argument : $"\"{argument}\"";
}
