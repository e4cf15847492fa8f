using System.Globalization;

namespace Riffle.Data.Sources;

/// <summary>Names in a message.</summary>
internal static class NameList
{
    private const int Most = 5;

    /// <summary>A few names, then a count: <c>a, b, c, d, e and 195 more</c>.</summary>
    public static string Of(IEnumerable<string> names)
    {
        var all = names.ToArray();
        var shown = string.Join(", ", all.Take(Most));
        return all.Length <= Most ? shown : string.Create(CultureInfo.InvariantCulture, $"{shown} and {all.Length - Most:N0} more");
    }
}
