using System.Text;
using System.Text.Json;
using Riffle.Data;
using Riffle.Formats;

namespace Riffle.Models;

/// <summary>Reads class names from text files.</summary>
public static class ClassNames
{
    /// <summary>
    /// Reads class names, one per line in the order of the logits; a readable name may follow after a tab. A repeated name gets its number, as ImageNet's
    /// second crane, <c>crane (517)</c>.
    /// </summary>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    /// <exception cref="BadDataException">A line is empty, or the file is.</exception>
    public static IReadOnlyList<DatasetClass> Read(string path)
    {
        var lines = ReadLines(path);
        if (lines.Count == 0)
            throw new BadDataException($"{path}: the file has no class names; write one class per line");
        var classes = new List<DatasetClass>();
        var names = new HashSet<string>();
        foreach (var line in lines)
        {
            var parts = line.Split('\t', 2, StringSplitOptions.TrimEntries);
            if (parts[0].Length == 0)
                throw new BadDataException($"{path}: line {classes.Count + 1} is empty; write one class per line");
            var suffix = names.Add(parts[0]) ? "" : $" ({classes.Count})";
            classes.Add(new(parts[0] + suffix, parts[^1] + suffix));
        }

        return classes;
    }

    /// <summary>Whether the file is JSON, and not a list of names that starts with a bracket.</summary>
    private static bool IsJson(byte[] bytes)
    {
        try
        {
            JsonDocument.Parse(bytes).Dispose();
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static List<string> ReadLines(string path)
    {
        try
        {
            var bytes = InputFile.ReadDocument(path);
            if (FileKind.Describe(bytes.AsSpan(0, Math.Min(bytes.Length, FileKind.Bytes))) is { } kind and not (FileKind.Text or FileKind.Empty)
                && (kind != FileKind.Json || IsJson(bytes)))
                throw new BadDataException($"{path}: this is {kind}, but a text file with one class name per line is needed");

            // Decoding other bytes, such as Latin 1, as UTF-8 would make different names equal.
            using var reader = new StreamReader(new MemoryStream(bytes), new UTF8Encoding(false, throwOnInvalidBytes: true));
            var lines = new List<string>();
            while (reader.ReadLine() is { } line)
                lines.Add(line);
            return lines;
        }
        catch (DecoderFallbackException e)
        {
            throw new BadDataException($"{path}: the text is not UTF-8; convert it, for example with: iconv -f LATIN1 -t UTF-8", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }
}
