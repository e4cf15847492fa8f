using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>The JSON of <c>dataset.json</c>, and of what <c>prepare</c> and <c>check</c> print.</summary>
internal static class DatasetJson
{
    public static JsonSerializerOptions Options { get; } = new JsonSerializerOptions
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NewLine = "\n",
    }.Strict(
        DatasetTypes.Default, new NoNullsIn<string>(), new NoNullsIn<DatasetClass>(), new NoNullsIn<DatasetShard>(), new NoNullsIn<DatasetSkipped>(),
        new NoNullsIn<ClassCounts>(), new NoNullsIn<CheckGroup>(), new NoNullsIn<CheckFinding>())
        .With(new DatasetInfo { Train = 0, Validation = 0, TrainShards = 0, ValidationShards = 0, Fingerprint = "", Classes = [] });
}

/// <summary>The documents and what they consist of.</summary>
[JsonSerializable(typeof(DatasetInfo))]
[JsonSerializable(typeof(PreparationDocument))]
[JsonSerializable(typeof(CheckDocument))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(DatasetClass[]))]
[JsonSerializable(typeof(DatasetShard[]))]
[JsonSerializable(typeof(DatasetSkipped[]))]
[JsonSerializable(typeof(ClassCounts[]))]
[JsonSerializable(typeof(CheckGroup[]))]
[JsonSerializable(typeof(CheckFinding[]))]
internal sealed partial class DatasetTypes : JsonSerializerContext;

/// <summary>A preparation as JSON: all but the words of classes and the list of shards, which <c>dataset.json</c> holds.</summary>
internal sealed record PreparationDocument(
    string Output, string Source, string Layout, ImmutableArray<string> Notes, ImmutableArray<DatasetSkipped> LeftOut, int Classes, IEnumerable<string> ClassNames, int Train,
    int Validation, int Test, int TrainShards, int ValidationShards, int TestShards, ImmutableArray<ClassCounts> Counts, string? GroupBy, DatasetSizes? Sizes,
    DatasetBaking? Baking, ImmutableArray<DatasetSkipped> Skipped, ImmutableArray<CheckGroup> Findings, long Bytes, string Fingerprint, double Seconds);

/// <summary>A check as JSON.</summary>
internal sealed record CheckDocument(
    string Path, bool IsPrepared, string Layout, ImmutableArray<string> Notes, ImmutableArray<DatasetSkipped> LeftOut, int Classes, ImmutableArray<string> ClassNames, int Train,
    int Validation, int Test, ImmutableArray<ClassCounts> Counts, long Bytes, int Faults, int Warnings, ImmutableArray<CheckGroup> Findings,
    IEnumerable<IEnumerable<AlikeDocument>> NearDuplicates, double Seconds);

/// <summary>One of several images that look alike.</summary>
internal sealed record AlikeDocument(string Split, int Label, string File, long Record, string Name);
