using System.Globalization;

namespace Riffle.Data.Sources;

/// <summary>Counts images of formats that are not read, in class folders that hold no others.</summary>
internal sealed class UnreadImages
{
    private readonly SortedDictionary<string, int> _formats = new(StringComparer.Ordinal);
    private int _folders;

    /// <summary>Counts those of a class, and tells of which formats they are; null where there are none.</summary>
    public string? Add(IEnumerable<SourceEntry> files)
    {
        var formats = files.Select(file => EntryName.UnreadFormat(file.Name)).OfType<string>().CountBy(format => format)
            .OrderBy(count => count.Key, StringComparer.Ordinal).ToArray();
        if (formats.Length == 0)
            return null;
        _folders++;
        foreach (var (format, count) in formats)
            _formats[format] = _formats.GetValueOrDefault(format) + count;
        return Shown(formats);
    }

    /// <summary>How many there are in all: <c>4 WebP images in 2 class folders</c>; empty where there are none.</summary>
    public override string ToString() => _folders == 0 ? ""
        : string.Create(CultureInfo.InvariantCulture, $"{Shown(_formats)} in {_folders:N0} class {(_folders == 1 ? "folder" : "folders")}");

    private static string Shown(IEnumerable<KeyValuePair<string, int>> formats) => string.Join(", ", formats.Select(format =>
        string.Create(CultureInfo.InvariantCulture, $"{format.Value:N0} {format.Key} {(format.Value == 1 ? "image" : "images")}")));
}
