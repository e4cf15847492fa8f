using System.Reflection;

namespace Riffle;

/// <summary>The version of this library, as files record it.</summary>
internal static class RiffleVersion
{
    private const int CommitDigits = 10;

    public static string Text { get; } = typeof(RiffleVersion).Assembly.GetName().Version!.ToString(3);

    /// <summary>The same with the commit that it was built from, if the build knew it: <c>0.1.0 at 0123456789</c>.</summary>
    public static string WithCommit { get; } = Text + (Commit is { } commit ? $" at {commit}" : "");

    private static string? Commit => typeof(RiffleVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion is { } text
        && text.IndexOf('+', StringComparison.Ordinal) is var plus and >= 0 && text.Length > plus + CommitDigits
            ? text.Substring(plus + 1, CommitDigits)
            : null;
}
