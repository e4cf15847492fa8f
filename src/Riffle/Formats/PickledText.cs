using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;

namespace Riffle.Formats;

/// <summary>How pickles of protocols 0 and 1 write values as lines of text.</summary>
internal static partial class PickledText
{
    /// <summary>A whole number, with or without an L at its end; null where it is none.</summary>
    public static BigInteger? Whole(string line) =>
        BigInteger.TryParse(line.TrimEnd('L'), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>The parts of a reference to a storage, which protocol 0 writes as the text of a Python tuple; null for other references.</summary>
    public static object?[]? Reference(string line)
    {
        var match = StorageReference().Match(line);
        if (!match.Success)
            return null;
        var (type, key, place) = (match.Groups["type"].Value, match.Groups["key"].Value, match.Groups["place"].Value);
        return ["storage", new PickledFunction(type), key, place, long.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture)];
    }

    /// <summary>A text with its escapes resolved.</summary>
    public static string Unescaped(string text) => text.Contains('\\', StringComparison.Ordinal) ? Escape().Replace(text, Character) : text;

    private static string Character(Match escape) => !escape.Groups["code"].Success ? escape.Value[1..]
        : Rune.TryCreate(int.Parse(escape.Groups["code"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture), out var rune) ? rune.ToString()
        : "\uFFFD";

    [GeneratedRegex(
        @"^\('storage', <class '(?<type>[\w.]{1,99})'>, '(?<key>\w{1,99})', '(?<place>[\w:]{1,99})', (?<count>[0-9]{1,18})(, None)?\)$",
        RegexOptions.CultureInvariant)]
    private static partial Regex StorageReference();

    [GeneratedRegex(@"\\(x(?<code>[0-9a-fA-F]{2})|u(?<code>[0-9a-fA-F]{4})|U(?<code>0[0-9a-fA-F]{7})|[\\'""])", RegexOptions.CultureInvariant)]
    private static partial Regex Escape();
}
