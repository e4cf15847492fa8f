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
    public static void Require(Ranks ranks, string task, params (string What, string Value)[] more) => ranks.RequireSame(
    [
        ("version of Riffle", RiffleVersion.Text),
        ("version of the arithmetic", $"{Arithmetic.Version}"),
        ("width of vectors", $"{Arithmetic.VectorBits} bits"),
        ("task", task),
        .. more,
    ]);

    /// <summary>What must be the same of a training.</summary>
    public static void RequireSame(Ranks ranks, Checkpoint start, TrainingRecord record) => ranks.RequireSame(
    [
        ("data set", record.Data.Fingerprint),
        ("network", JsonSerializer.Serialize(start.Spec, ModelJson.Compact.Of<NetworkSpec>())),
        ("recipe", JsonSerializer.Serialize(record.Recipe, ModelJson.Compact.Of<Recipe>())),
        ("seed", $"{record.Seed}"),
        ("soft labels", record.SoftLabels?.Fingerprint ?? "none"),
        ("weights to start from", start.Fingerprint()),
    ]);
}
