namespace Riffle.Cli;

/// <summary>Option names have British spelling. The American one is accepted too, but help does not show it.</summary>
internal static class Spelling
{
    private static readonly Dictionary<string, string> American = new(StringComparer.Ordinal)
    {
        ["--optimizer"] = "--optimiser",
        ["--initialization"] = "--initialisation",
    };

    /// <summary>A word of the command line, in British spelling if it is an option in American spelling.</summary>
    public static string British(string word)
    {
        var end = word.IndexOfAny(['=', ':']) is var position and >= 0 ? position : word.Length;
        return American.TryGetValue(word[..end], out var british) ? british + word[end..] : word;
    }
}
