using System.Collections.Immutable;
using System.Text.Json;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>The result of preparing a data set.</summary>
/// <param name="Output">The data set folder.</param>
/// <param name="Info">Its dataset.json.</param>
/// <param name="Elapsed">How long it took.</param>
public sealed record PreparationSummary(string Output, DatasetInfo Info, TimeSpan Elapsed)
{
    /// <summary>
    /// What may spoil a training: the same file in several splits, in two classes or twice, classes without images or of unequal sizes, odd sizes of images.
    /// </summary>
    public ImmutableArray<CheckGroup> Findings { get; init; } = [];

    /// <summary>Size of all shards in bytes.</summary>
    public long Bytes => Info.Shards.Sum(shard => shard.Bytes);

    /// <summary>How many files, folders and labels were left out.</summary>
    public int Skipped => Info.Skipped.Sum(skipped => skipped.Count);

    /// <summary>All but the words of classes and the list of shards, which dataset.json holds, as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new PreparationDocument(
            Output, Info.Source, Info.Layout, Info.Notes, Info.LeftOut, Info.Classes.Length, Info.Classes.Select(c => c.Name), Info.Train, Info.Validation, Info.Test,
            Info.TrainShards, Info.ValidationShards, Info.TestShards, Info.Counts, Info.GroupBy, Info.Sizes, Info.Baking, Info.Skipped, Findings, Bytes, Info.Fingerprint,
            Math.Round(Elapsed.TotalSeconds, 3)),
        DatasetJson.Options.Of<PreparationDocument>());
}
