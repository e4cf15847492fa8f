using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Riffle.Distribution;
using Riffle.Evaluation;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Training;

/// <summary>
/// Makes sure that all ranks do the same, before they begin: a rank may have another program, other options or other files. What only rank 0 has, it gives to the others.
/// </summary>
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

    /// <summary>The checkpoint of rank 0, on every rank.</summary>
    /// <param name="ranks">All of them.</param>
    /// <param name="path">Its file; null on the others.</param>
    public static Checkpoint FromFirst(Ranks ranks, string? path)
    {
        var bytes = ranks.FromFirst(path is null ? null : File.ReadAllBytes(path));
        if (path is not null)
            return Checkpoint.Read(path);
        var copy = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(copy, bytes);
            return Checkpoint.Read(copy);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <summary>A text that rank 0 reads, on every rank.</summary>
    /// <param name="ranks">All of them; null: there is one.</param>
    /// <param name="read">Null on the others.</param>
    public static string FromFirst(Ranks? ranks, Func<string>? read) =>
        ranks is null ? read!() : Encoding.UTF8.GetString(ranks.FromFirst(read is null ? null : Encoding.UTF8.GetBytes(read())));

    /// <summary>The weights of rank 0 and what was measured of them, on every rank.</summary>
    /// <param name="ranks">All of them.</param>
    /// <param name="weights">Become those of rank 0.</param>
    /// <param name="measured">Null on the others.</param>
    public static Metrics FromFirst(Ranks ranks, Weights weights, Metrics? measured)
    {
        MemoryMarshal.Cast<byte, float>(ranks.FromFirst(measured is null ? null : MemoryMarshal.AsBytes(weights.Trained).ToArray())).CopyTo(weights.Trained);
        var json = ranks.FromFirst(measured is null ? null : JsonSerializer.SerializeToUtf8Bytes(measured, ModelJson.Compact.Of<Metrics>()));
        return JsonSerializer.Deserialize(json, ModelJson.Compact.Of<Metrics>())!;
    }
}
