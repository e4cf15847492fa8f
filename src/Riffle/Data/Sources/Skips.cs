using System.Collections.Immutable;

namespace Riffle.Data.Sources;

/// <summary>Why something of a source is left out.</summary>
internal static class SkipReason
{
    public const string Unsupported = "not an image in a supported format";
    public const string Damaged = "damaged image";
    public const string TooLarge = "file larger than 256 MB";
    public const string Unreadable = "cannot be read";
    public const string EmptyClass = "class folder without images";
    public const string UnreadFormat = "class folder with images of unsupported formats";
    public const string Unlisted = "class folder not listed in wnids.txt";
    public const string NoClass = "image outside any class folder";
    public const string NoAnnotation = "validation image without annotation";
    public const string NoImage = "annotation without an image";
    public const string NoTrainingClass = "validation label without a training class";
    public const string BadAnnotation = "annotation that is not 'file TAB class'";
    public const string Duplicate = "duplicate name";
    public const string Outside = "path outside the archive";
    public const string TooDeep = "file nested in more than 100 folders";
    public const string Link = "link in an archive";
    public const string DamagedRecord = "damaged record";
    public const string NoLabelledImage = "record without a labelled image";

    /// <summary>Those found by name, before any image is read.</summary>
    public static readonly HashSet<string> OfListing =
    [
        EmptyClass, UnreadFormat, Unlisted, NoClass, NoAnnotation, NoImage, NoTrainingClass, BadAnnotation, Duplicate, Outside, TooDeep, Link, DamagedRecord,
        NoLabelledImage,
    ];
}

/// <summary>One thing that is left out.</summary>
/// <param name="Reason">One of <see cref="SkipReason"/>.</param>
/// <param name="Name">The file or folder.</param>
/// <param name="Detail">More about it: a place in the file, what is wrong with it.</param>
internal sealed record Skip(string Reason, string Name, string? Detail = null)
{
    public override string ToString() => Detail is null ? Name : $"{Name}: {Detail}";
}

/// <summary>Counts what is left out, or stops at the first.</summary>
/// <param name="source">The source, named in the error.</param>
/// <param name="strict">Whether to stop.</param>
internal sealed class Skips(string source, bool strict)
{
    private const int MaxExamples = 10;

    private readonly SortedDictionary<string, (int Count, SortedSet<string> Examples)> _reasons = new(StringComparer.Ordinal);

    /// <exception cref="BadDataException">It stops at the first.</exception>
    public void Add(Skip skip)
    {
        if (strict)
            throw new BadDataException($"{source}: {skip} ({skip.Reason}); fix it first.") { CommandLineAdvice = "Or remove --strict to skip and count it." };
        var (count, examples) = _reasons.GetValueOrDefault(skip.Reason, (0, new SortedSet<string>(StringComparer.Ordinal)));

        // The first by name, so that the order of an archive makes no difference.
        examples.Add(skip.ToString());
        if (examples.Count > MaxExamples)
            examples.Remove(examples.Max!);
        _reasons[skip.Reason] = (count + 1, examples);
    }

    public void AddRange(IEnumerable<Skip> skips)
    {
        foreach (var skip in skips)
            Add(skip);
    }

    public ImmutableArray<DatasetSkipped> ToArray() =>
        [.. _reasons.Select(reason => new DatasetSkipped(reason.Key, reason.Value.Count, [.. reason.Value.Examples]))];
}
