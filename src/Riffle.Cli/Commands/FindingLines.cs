using Riffle.Data;

namespace Riffle.Cli.Commands;

/// <summary>How <c>prepare</c> and <c>check</c> show what they found in the images.</summary>
internal static class FindingLines
{
    private const int Shown = 10;

    /// <summary>A heading with the number of findings, and the first of each kind.</summary>
    public static IEnumerable<string> Of(string heading, IEnumerable<CheckGroup> groups)
    {
        var count = groups.Sum(group => group.Count);
        yield return $"  {heading,-10}  {(count == 0 ? "none" : $"{count:N0}")}";
        foreach (var group in groups)
        {
            yield return $"    {group.Count:N0} × {group.Kind}:";
            foreach (var example in group.Examples.Take(Shown))
                yield return $"      {example.Message}";
            if (group.Count > Shown)
                yield return $"      and {group.Count - Shown:N0} more{(group.Examples.Length > Shown ? "; --json lists more of them" : "")}";
        }
    }
}
