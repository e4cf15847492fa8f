using System.Collections.Immutable;
using System.Text.Json;

namespace Riffle.Data;

/// <summary>One thing that is wrong, or odd.</summary>
/// <param name="File">The file: a shard, <c>dataset.json</c>, or an image's name in its source.</param>
/// <param name="Offset">The byte in the file where the record begins; null where the whole file is meant.</param>
/// <param name="Message">All of it in words, file and offset included.</param>
public sealed record CheckFinding(string File, long? Offset, string Message);

/// <summary>Findings of one kind.</summary>
/// <param name="Kind">What they have in common.</param>
/// <param name="IsFault">Whether the data can't be used as they are; otherwise a warning.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Examples">The first of them, up to 100.</param>
public sealed record CheckGroup(string Kind, bool IsFault, int Count, ImmutableArray<CheckFinding> Examples);

/// <summary>What checking a data set found.</summary>
public sealed record CheckReport
{
    /// <summary>The data set folder or the source, as it was given.</summary>
    public required string Path { get; init; }

    /// <summary>Whether it is a data set folder that <c>riffle prepare</c> wrote.</summary>
    public required bool IsPrepared { get; init; }

    /// <summary>Number of classes; 0 where they could not be found.</summary>
    public int Classes => ClassNames.Length;

    /// <summary>Names of the classes, in the order of their labels.</summary>
    public ImmutableArray<string> ClassNames { get; init; } = [];

    /// <summary>How the source is laid out, as <see cref="DatasetInfo.Layout"/>; empty where it could not be found.</summary>
    public string Layout { get; init; } = "";

    /// <summary>What in the source may be meant otherwise than it was understood.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>What of the source is no part of the data set.</summary>
    public ImmutableArray<DatasetSkipped> LeftOut { get; init; } = [];

    /// <summary>Training images that are whole.</summary>
    public int Train { get; init; }

    /// <summary>Validation images that are whole. A source without any has them set aside when it is prepared.</summary>
    public int Validation { get; init; }

    /// <summary>Bytes of all image files that are whole.</summary>
    public long Bytes { get; init; }

    /// <summary>What was found, faults first.</summary>
    public ImmutableArray<CheckGroup> Findings { get; init; } = [];

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Number of faults.</summary>
    public int Faults => Findings.Where(group => group.IsFault).Sum(group => group.Count);

    /// <summary>Number of warnings.</summary>
    public int Warnings => Findings.Where(group => !group.IsFault).Sum(group => group.Count);

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Path,
            IsPrepared,
            Layout,
            Notes,
            LeftOut,
            Classes,
            ClassNames,
            Train,
            Validation,
            Bytes,
            Faults,
            Warnings,
            Findings,
            Seconds = Math.Round(Elapsed.TotalSeconds, 3),
        },
        DatasetInfo.Json);
}
