using System.Globalization;
using System.Text;

namespace Riffle.Formats;

/// <summary>Code pages by their common names.</summary>
internal static class CodePage
{
    /// <summary>UTF-8 that refuses what is none.</summary>
    public static Encoding Utf8 { get; } = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The zip format's own, in which every byte is another character.</summary>
    public static Encoding Ibm437 { get; } = Find("cp437")!;

    /// <summary>A code page by its name or number (<c>shift_jis</c>, <c>gbk</c>, <c>cp866</c>, <c>932</c>) that refuses bytes it does not have.</summary>
    /// <returns>Null if there is none of that name, or if ASCII bytes may stand for other letters in it, as in UTF-16 and ISO 2022.</returns>
    public static Encoding? Find(string name)
    {
        var number = Array.Find(["windows-", "cp", "ibm", ""], prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) is { } prefix
            && int.TryParse(name[prefix.Length..].Trim('j', 'J'), NumberStyles.None, CultureInfo.InvariantCulture, out var parsed)
                ? parsed == 31 ? 932 : parsed // windows-31j
                : (int?)null;
        try
        {
            var (encoder, decoder) = (EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
            var found = number is null
                ? CodePagesEncodingProvider.Instance.GetEncoding(name, encoder, decoder) ?? Encoding.GetEncoding(name, encoder, decoder)
                : CodePagesEncodingProvider.Instance.GetEncoding(number.Value, encoder, decoder)
                    ?? Encoding.GetEncoding(number.Value, encoder, decoder);
            return found.CodePage is not ((>= 50220 and <= 50229) or 52936 or 65000) && found.GetString("a/b\\c.jpg"u8) == "a/b\\c.jpg" ? found : null;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }
}
