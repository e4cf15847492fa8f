using System.Collections.Immutable;

namespace Riffle.Data;

/// <summary>The kinds of findings, in addition to <see cref="Sources.SkipReason"/>.</summary>
internal static class CheckKind
{
    public const string Description = "description that does not match the data";
    public const string MissingShard = "missing shard";
    public const string UnknownShard = "shard not listed in dataset.json";
    public const string ShardChecksum = "shard with a wrong checksum";
    public const string Record = "damaged record";
    public const string Example = "record without a labelled image";
    public const string Image = "damaged image";
    public const string Label = "wrong label";
    public const string Source = "unreadable source";
    public const string SeveralSplits = "image in several splits";
    public const string TwoClasses = "image in two classes";
    public const string Twice = "duplicate image";
    public const string AlikeInBothSplits = "images in several splits that look alike";
    public const string AlikeInTwoClasses = "images in two classes that look alike";
    public const string Alike = "images of a class that look alike";
    public const string EmptyClass = "class without images";
    public const string Unequal = "unequal class sizes";
    public const string NoValidation = "no validation images";
    public const string OddSize = "odd size";
}

/// <summary>Where an image is: a record of a shard, or a file of a source.</summary>
/// <param name="File">The shard; empty for a source.</param>
/// <param name="Record">The number of the record, from 0.</param>
/// <param name="Offset">The byte at which it begins; null for a source.</param>
/// <param name="Name">The name of the image file; empty where it is not known.</param>
internal readonly record struct CheckPlace(string File, long Record, long? Offset, string Name)
{
    /// <summary>The place beside another one in the same folder.</summary>
    public CheckPlace Short => this with { File = Path.GetFileName(File) };

    public override string ToString() =>
        Offset is null ? Name : $"{File}: record {Record} at byte {Offset}{(Name.Length == 0 ? "" : $" ({Name})")}";
}

/// <summary>Collects findings by kind.</summary>
internal sealed class CheckFindings
{
    private const int MaxExamples = 100;

    private readonly Dictionary<(bool IsFault, string Kind), (int Count, List<CheckFinding> Examples)> _groups = [];

    public void Fault(string kind, string file, string message) => Fault(kind, file, null, message);

    public void Fault(string kind, string file, long? offset, string message) => Add((true, kind), new(file, offset, message));

    public void Fault(string kind, CheckPlace place, string what) => Add((true, kind), At(place, what));

    public void Warn(string kind, string file, string message) => Add((false, kind), new(file, null, message));

    public void Warn(string kind, CheckPlace place, string what) => Add((false, kind), At(place, what));

    /// <summary>Adds findings that were counted elsewhere.</summary>
    public void Add(string kind, bool isFault, int count, IEnumerable<string> examples)
    {
        foreach (var example in examples)
            Add((isFault, kind), new(example.Split(": ")[0], null, example));
        var (counted, list) = _groups[(isFault, kind)];
        _groups[(isFault, kind)] = (counted + count - list.Count, list);
    }

    /// <summary>Faults before warnings; then what is in several splits, which makes accuracies wrong; then the most frequent.</summary>
    public ImmutableArray<CheckGroup> ToArray() =>
    [
        .. _groups.OrderByDescending(group => group.Key.IsFault).ThenByDescending(group => group.Key.Kind is CheckKind.SeveralSplits or CheckKind.AlikeInBothSplits).ThenByDescending(group => group.Value.Count)
            .ThenBy(group => group.Key.Kind, StringComparer.Ordinal)
            .Select(group => new CheckGroup(group.Key.Kind, group.Key.IsFault, group.Value.Count, [.. group.Value.Examples])),
    ];

    private static CheckFinding At(CheckPlace place, string what) => new(place.Offset is null ? place.Name : place.File, place.Offset, $"{place}: {what}");

    private void Add((bool IsFault, string Kind) key, CheckFinding finding)
    {
        var (count, examples) = _groups.GetValueOrDefault(key, (0, []));
        if (examples.Count < MaxExamples)
            examples.Add(finding);
        _groups[key] = (count + 1, examples);
    }
}
