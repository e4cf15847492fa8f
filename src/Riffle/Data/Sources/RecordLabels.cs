using System.Globalization;
using System.Text;
using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>
/// Names the classes of labelled records. A class is a number, or a name where the records have no numbers. Its name is what its records call it (a WordNet
/// id), else its line in a file of labels beside the records, else its words, else its number.
/// </summary>
internal sealed class RecordLabels
{
    private const long MostBytes = 1 << 20;

    private readonly Dictionary<(int? Number, string? Name), int> _classes = [];
    private readonly List<(int? Number, string? Name, string? Text)> _list = [];
    private readonly IReadOnlyList<string> _lines;
    private readonly int? _givenOffset;
    private string?[] _names = [];
    private int _offset;

    /// <param name="folders">Where files of labels may lie.</param>
    /// <param name="offset">The number of the first class; null: automatic.</param>
    public RecordLabels(IEnumerable<string> folders, int? offset) => (_lines, _givenOffset) = (ReadLines(folders), offset);

    /// <summary>Takes note of a record, and returns its class's place.</summary>
    /// <exception cref="BadDataException">Its label and class name contradict earlier records.</exception>
    public int Add(ForeignExample example)
    {
        var called = example.Class is { } text ? EntryName.Composed(text) : null;
        var key = (example.Label, example.Label is null ? called : null);
        if (!_classes.TryGetValue(key, out var place))
        {
            _classes.Add(key, place = _list.Count);
            _list.Add((example.Label, called, example.Text));
        }

        var (number, name, _) = _list[place];
        return name == called ? place
            : throw new BadDataException($"label {number} has the class name {called ?? "(none)"}, but {name ?? "(none)"} in earlier records");
    }

    /// <summary>Names the classes, once all records are known, and adds their words to a listing.</summary>
    public void Complete(SourceListing listing)
    {
        var numbers = _list.Where(c => c.Number is not null).Select(c => c.Number!.Value).DefaultIfEmpty(0).ToArray();
        var (least, most) = (numbers.Min(), numbers.Max());

        // If a list of labels is as long as the highest number, it begins with class 1.
        _offset = _givenOffset ?? (_lines.Count > 0 ? (least >= 1 && most >= _lines.Count ? 1 : 0) : least == 1 ? 1 : 0);
        var digits = Math.Max(1, (most - _offset).ToString(CultureInfo.InvariantCulture).Length);
        var named = _list.All(c => c.Name is not null);
        var worded = _list.All(c => c.Text is not null);
        var (used, words) = (new HashSet<string>(), new StringBuilder());
        _names = [.. _list.Select(c =>
        {
            var number = c.Number - _offset;
            if (number < 0)
                return null;
            var name = named ? c.Name!
                : number < _lines.Count ? _lines[number.Value]
                : worded ? c.Text!
                : number?.ToString($"D{digits}", CultureInfo.InvariantCulture);
            if (name is null)
                return null;
            name = FileName(name);
            if (!used.Add(name))
                used.Add(name += $" ({number})");
            words.Append(CultureInfo.InvariantCulture, $"{name}\t{(c.Text ?? name).ReplaceLineEndings(" ").Replace('\t', ' ')}\n");
            return name;
        })];
        listing.Texts[SourceContainer.Words] = Encoding.UTF8.GetBytes(words.ToString());
    }

    /// <summary>The name of a class; null where it has none.</summary>
    public string? NameOf(int place) => _names[place];

    /// <summary>Why a class has no name.</summary>
    public string WhyNot(int place) => _list[place].Number is { } number
        ? $"its label is {number}, but classes are counted from {_offset}"
        : "its class has no name, but other classes have one";

    /// <summary>A name as a folder can have it.</summary>
    private static string FileName(string name)
    {
        var safe = EntryName.Composed(name).Replace('/', '_').Replace('\0', '_').ReplaceLineEndings(" ").Replace('\t', ' ').Trim();
        return safe.Length == 0 || safe.StartsWith('.') || EntryName.IsClutter(safe) ? "_" + safe : safe;
    }

    /// <summary>labels.txt of slim (<c>0:daisy</c>), or what TensorFlow Datasets writes (<c>label.labels.txt</c>, a line for each).</summary>
    private static string[] ReadLines(IEnumerable<string> folders)
    {
        try
        {
            var files = folders.SelectMany(folder => new[] { "labels.txt", "label.labels.txt" }.Select(name => Path.Combine(folder, name)));
            if (files.FirstOrDefault(file => new FileInfo(file) is { Exists: true, Length: <= MostBytes }) is not { } path)
                return [];
            var lines = Encoding.UTF8.GetString(InputFile.ReadDocument(path)).TrimStart('\uFEFF').Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0).ToArray();
            var numbered = lines.Select(line => line.Split(':', 2)).ToArray();
            return numbered.Select((parts, i) => parts.Length == 2 && parts[0] == $"{i}").All(isNumbered => isNumbered)
                ? [.. numbered.Select(parts => parts[1].Trim())]
                : lines;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Otherwise use the numbers.
            return [];
        }
    }
}
