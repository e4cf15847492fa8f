using System.Text;
using System.Text.Unicode;
using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>A name as an archive has it.</summary>
/// <param name="Bytes">Its bytes.</param>
/// <param name="IsUtf8">Whether the archive says that they are UTF-8.</param>
internal readonly record struct ArchiveName(byte[] Bytes, bool IsUtf8);

/// <summary>
/// Turns the bytes of an archive's names into text. If the archive states no encoding, they are UTF-8 if all are valid, else code page 437, in
/// which every byte is a character. Two different byte strings never become one name.
/// </summary>
internal sealed class ArchiveNames
{
    private readonly string _path;
    private readonly Encoding? _given;
    private readonly Dictionary<string, (byte[] Bytes, Encoding Encoding)> _known = new(StringComparer.Ordinal);

    /// <param name="path">The archive, named in errors.</param>
    /// <param name="names">All its names.</param>
    /// <param name="encoding">The code page of names whose encoding the archive does not state; null: automatic.</param>
    /// <param name="parting">The separator between the parts of a name.</param>
    /// <exception cref="BadDataException">Two names are equal in two encodings, or one is invalid in the code page.</exception>
    public ArchiveNames(string path, IReadOnlyList<ArchiveName> names, Encoding? encoding, char parting = '/')
    {
        (_path, _given) = (path, encoding);
        var own = encoding ?? (names.All(name => Utf8.IsValid(name.Bytes)) ? CodePage.Utf8 : CodePage.Ibm437);
        Names = [.. names.Select(name => Decode(name.Bytes, name.IsUtf8 && Utf8.IsValid(name.Bytes) ? CodePage.Utf8 : own, (byte)parting))];
        if (encoding is null && own == CodePage.Ibm437)
        {
            var example = Names[Enumerable.Range(0, names.Count).First(i => !Utf8.IsValid(names[i].Bytes))];
            Note = $"the code page of the names in the archive is unknown; they were read as code page 437, for example {example}. "
                + "If that is wrong, name the right one, for example shift_jis, gbk or cp866";
        }
    }

    /// <summary>The names, in their order, with '/' between their parts.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>A note about the encoding; null if it is known.</summary>
    public string? Note { get; }

    /// <summary>Part by part, so that a folder's name is compared wherever it stands.</summary>
    private string Decode(byte[] bytes, Encoding encoding, byte parting)
    {
        var parts = new List<string>();
        for (var start = 0; start <= bytes.Length;)
        {
            var length = bytes.AsSpan(start).IndexOf(parting) is var found and >= 0 ? found : bytes.Length - start;
            parts.Add(Part(bytes.AsSpan(start, length), encoding));
            start += length + 1;
        }

        return string.Join('/', parts);
    }

    private string Part(ReadOnlySpan<byte> bytes, Encoding encoding)
    {
        if (Ascii.IsValid(bytes))
            return Encoding.ASCII.GetString(bytes);
        string text;
        try
        {
            text = encoding.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            var shown = CodePage.Ibm437.GetString(bytes);
            throw new BadDataException(
                $"{_path}: the name '{shown}' (shown in code page 437) is invalid in {encoding.WebName}.", e)
            {
                CommandLineAdvice = "Give another code page with --name-encoding.",
            };
        }

        if (Ascii.IsValid(text))
            throw Ambiguous(text, Encoding.ASCII, encoding);
        if (!_known.TryGetValue(text, out var known))
            _known.Add(text, (bytes.ToArray(), encoding));
        else if (!bytes.SequenceEqual(known.Bytes) && (_given is null || known.Encoding == encoding))
            throw Ambiguous(text, known.Encoding, encoding);
        return text;
    }

    private BadDataException Ambiguous(string text, Encoding one, Encoding other) => new(
        $"{_path}: two different names both read as '{text}', in {one.WebName} and in {other.WebName}.")
    {
        CommandLineAdvice = "Give the archive's code page with --name-encoding.",
    };
}
