using System.Collections.Immutable;

namespace Riffle.Data.Sources;

/// <summary>Why something is no part of the data set.</summary>
internal static class LeftOutReason
{
    public const string Clutter = "system files and hidden files";
    public const string Beside = "images outside the data set";
    public const string ToPredict = "unlabelled images to predict";
    public const string Validation = "validation images, because training images are set aside instead";
    public const string Unlabelled = "validation images without classes";
    public const string UnlabelledTest = "test images without classes";
    public const string SeveralTests = "test images in several folders, because it is not clear which are meant";
    public const string Known = "images that are in the other data set already";
    public const string Test = "test images, because the source's own parts are not wanted";
}

/// <summary>Counts what is no part of the data set. It is no fault and stops nothing, but is shown.</summary>
internal sealed class LeftOut
{
    private const int MaxExamples = 10;

    private readonly SortedDictionary<string, (int Count, SortedSet<string> Names)> _reasons = new(StringComparer.Ordinal);

    /// <summary>Counts files in a folder.</summary>
    public void Add(string reason, int count, string folder)
    {
        var (before, names) = _reasons.GetValueOrDefault(reason, (0, new SortedSet<string>(StringComparer.Ordinal)));
        names.Add(folder);
        if (names.Count > MaxExamples)
            names.Remove(names.Max!);
        _reasons[reason] = (before + count, names);
    }

    /// <summary>Whether a file is clutter by its name. Counts it if so.</summary>
    public bool AddClutter(string name)
    {
        if (EntryName.ClutterIn(name) is not { } clutter)
            return false;
        Add(LeftOutReason.Clutter, 1, clutter);
        return true;
    }

    public ImmutableArray<DatasetSkipped> ToArray() =>
        [.. _reasons.Select(reason => new DatasetSkipped(reason.Key, reason.Value.Count, [.. reason.Value.Names]))];
}
