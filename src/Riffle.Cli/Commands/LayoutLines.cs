using System.Collections.Immutable;
using System.Globalization;
using Riffle.Data;

namespace Riffle.Cli.Commands;

/// <summary>How <c>prepare</c> and <c>check</c> show their reading of a source.</summary>
internal static class LayoutLines
{
    private const int Names = 8;

    /// <summary>Lines with the layout, what was left out, notes on doubtful decisions, and the first classes.</summary>
    public static IEnumerable<string> Of(string layout, ImmutableArray<DatasetSkipped> leftOut, ImmutableArray<string> notes, IReadOnlyList<string> classes)
    {
        if (layout.Length > 0)
            yield return $"  layout      {layout}";
        foreach (var left in leftOut)
            yield return $"  left out    {left.Count:N0} {left.Reason}{(left.Examples.IsEmpty ? "" : $": {Some(left.Examples, left.Examples.Length)}")}";
        foreach (var note in notes)
            yield return $"  note        {note}";
        yield return $"  classes     {classes.Count:N0}{(classes.Count == 0 ? "" : $": {Some(classes, Names)}")}";
    }

    private static string Some(IReadOnlyList<string> names, int most)
    {
        var shown = string.Join(", ", names.Take(most));
        return names.Count <= most ? shown : string.Create(CultureInfo.InvariantCulture, $"{shown} and {names.Count - most:N0} more");
    }
}
