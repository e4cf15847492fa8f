using System.Collections.Immutable;
using System.Text.Json;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>A fault or a warning.</summary>
/// <param name="File">The file: a shard, <c>dataset.json</c>, or an image's name in its source.</param>
/// <param name="Offset">The byte in the file at which the record starts; null: the whole file.</param>
/// <param name="Message">The message, including file and offset.</param>
public sealed record CheckFinding(string File, long? Offset, string Message);

/// <summary>Findings of one kind.</summary>
/// <param name="Kind">Their kind.</param>
/// <param name="IsFault">Whether they are faults, which make the data unusable, or warnings.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Examples">The first of them, up to 100.</param>
public sealed record CheckGroup(string Kind, bool IsFault, int Count, ImmutableArray<CheckFinding> Examples);

/// <summary>The result of checking a data set.</summary>
public sealed record CheckReport
{
    /// <summary>The data set folder or the source, as the user named it.</summary>
    public required string Path { get; init; }

    /// <summary>Whether it is a data set folder that <c>riffle prepare</c> wrote.</summary>
    public required bool IsPrepared { get; init; }

    /// <summary>Number of classes; 0 if unknown.</summary>
    public int Classes => ClassNames.Length;

    /// <summary>Names of the classes, in the order of their labels.</summary>
    public ImmutableArray<string> ClassNames { get; init; } = [];

    /// <summary>The layout of the source, as <see cref="DatasetInfo.Layout"/>; empty if unknown.</summary>
    public string Layout { get; init; } = "";

    /// <summary>Notes on parts of the source that may mean something else.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>What was left out of the source.</summary>
    public ImmutableArray<DatasetSkipped> LeftOut { get; init; } = [];

    /// <summary>Number of good training images.</summary>
    public int Train { get; init; }

    /// <summary>Number of good validation images. If a source has none, preparation sets some aside.</summary>
    public int Validation { get; init; }

    /// <summary>Number of good test images.</summary>
    public int Test { get; init; }

    /// <summary>The good images of each class; empty if the classes are unknown.</summary>
    public ImmutableArray<ClassCounts> Counts { get; init; } = [];

    /// <summary>Size of all good images in bytes.</summary>
    public long Bytes { get; init; }

    /// <summary>The findings, faults first.</summary>
    public ImmutableArray<CheckGroup> Findings { get; init; } = [];

    /// <summary>Images that are not equal but look alike: across the splits first, then across classes.</summary>
    public ImmutableArray<NearDuplicateGroup> NearDuplicates { get; init; } = [];

    /// <summary>The duration.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Number of faults.</summary>
    public int Faults => Findings.Where(group => group.IsFault).Sum(group => group.Count);

    /// <summary>Number of warnings.</summary>
    public int Warnings => Findings.Where(group => !group.IsFault).Sum(group => group.Count);

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new CheckDocument(
            Path, IsPrepared, Layout, Notes, LeftOut, Classes, ClassNames, Train, Validation, Test, Counts, Bytes, Faults, Warnings, Findings,
            NearDuplicates.Select(group => group.Members.Select(image => new AlikeDocument(
                image.Split.ToString().ToLowerInvariant(), image.Label, image.File, image.Record, image.Name))),
            Math.Round(Elapsed.TotalSeconds, 3)),
        DatasetJson.Options.Of<CheckDocument>());
}
