using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Riffle.Data;
using Riffle.Evaluation;

namespace Riffle.Cli;

/// <summary>Labels that are probably wrong, as <c>riffle check</c> prints them.</summary>
internal static class SuspectLabels
{
    private const int Shown = 10;

    /// <summary>Lines for people.</summary>
    public static IEnumerable<string> Describe(ImmutableArray<SuspectLabel> suspects, Dataset data)
    {
        yield return $"  labels      {(suspects.IsEmpty ? "none looks wrong" : $"{suspects.Count(suspect => suspect.IsConfident):N0} are probably wrong, {suspects.Count(suspect => !suspect.IsConfident):N0} more in doubt:")}";
        foreach (var (suspect, name) in Named([.. suspects.Take(Shown)], data))
        {
            var (label, suggested) = (data.Info.Classes[suspect.Label].Name, data.Info.Classes[suspect.Suggested].Name);
            yield return $"    {name} ({Split(suspect)}): {label}? Rather {suggested} ({100 * suspect.OfSuggested:0.0} %; {label} {100 * suspect.OfLabel:0.0} %)";
        }

        if (suspects.Length > Shown)
            yield return $"    and {suspects.Length - Shown:N0} more; --out shows them as pictures, --json lists them";
    }

    /// <summary>A report as JSON, with the labels.</summary>
    public static string AddTo(string report, ImmutableArray<SuspectLabel> suspects, Dataset data)
    {
        var document = JsonNode.Parse(report)!.AsObject();
        document["suspect_labels"] = JsonSerializer.SerializeToNode(
            Named(suspects, data).Select(pair => new
            {
                pair.Name,
                Split = Split(pair.Suspect),
                pair.Suspect.Number,
                Label = data.Info.Classes[pair.Suspect.Label].Name,
                Suggested = data.Info.Classes[pair.Suspect.Suggested].Name,
                pair.Suspect.OfLabel,
                pair.Suspect.OfSuggested,
                pair.Suspect.IsConfident,
            }),
            JsonOutput.Settings);
        return document.ToJsonString(JsonOutput.Settings);
    }

    private static IEnumerable<(SuspectLabel Suspect, string Name)> Named(ImmutableArray<SuspectLabel> suspects, Dataset data)
    {
        var records = suspects.GroupBy(suspect => suspect.Split)
            .ToDictionary(split => split.Key, split => ChosenRecords.Read(data, split.Key, split.Select(suspect => suspect.Number).Where(number => number >= 0)));
        return suspects.Select(suspect => (suspect, records[suspect.Split].GetValueOrDefault(suspect.Number)?.FileName ?? $"image {suspect.Number}"));
    }

    private static string Split(SuspectLabel suspect) => suspect.Split.Adjective();
}
