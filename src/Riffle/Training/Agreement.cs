using System.Text;
using System.Text.Json;
using Riffle.Distribution;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Training;

/// <summary>Makes sure that all ranks do the same, before they begin: a rank may have another program, other options or other files.</summary>
internal static class Agreement
{
    /// <summary>What must be the same on all ranks, whatever they are about to do.</summary>
    public static void Require(Ranks ranks, string task, params (string What, string Value)[] more) => Compare(ranks,
    [
        ("version of Riffle", RiffleVersion.Text),
        ("version of the arithmetic", $"{Arithmetic.Version}"),
        ("width of vectors", $"{Arithmetic.VectorBits} bits"),
        ("task", task),
        .. more,
    ]);

    /// <summary>What must be the same of a training.</summary>
    public static void RequireSame(Ranks ranks, Checkpoint start, TrainingRecord record) => Compare(ranks,
    [
        ("data set", record.Data.Fingerprint),
        ("network", JsonSerializer.Serialize(start.Spec, ModelJson.Compact.Of<NetworkSpec>())),
        ("recipe", JsonSerializer.Serialize(record.Recipe, ModelJson.Compact.Of<Recipe>())),
        ("seed", $"{record.Seed}"),
        ("soft labels", record.SoftLabels?.Fingerprint ?? "none"),
        ("weights to start from", start.Fingerprint()),
    ]);

    private static void Compare(Ranks ranks, (string What, string Value)[] facts)
    {
        var all = ranks.Gather(Encoding.UTF8.GetBytes(string.Join('\n', facts.Select(fact => fact.Value.ReplaceLineEndings(" ")))))
            .Select(bytes => Encoding.UTF8.GetString(bytes).Split('\n')).ToArray();
        foreach (var (place, (what, _)) in facts.Index())
        {
            var others = Enumerable.Range(0, ranks.Count).Where(rank => all[rank].ElementAtOrDefault(place) != all[0].ElementAtOrDefault(place)).ToArray();
            if (others.Length > 0)
            {
                var values = (all[others[0]].ElementAtOrDefault(place), all[0].ElementAtOrDefault(place));
                throw new RiffleException(
                    $"{string.Join(", ", others.Take(5).Select(ranks.NameOf))}{(others.Length > 5 ? $" and {others.Length - 5} more" : "")}: another {what} than "
                    + $"{ranks.NameOf(0)} ({values.Item1} instead of {values.Item2}). All ranks need the same.");
            }
        }
    }
}
