using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Models;

namespace Riffle.Learning;

/// <summary>
/// What was measured of a run beside its training, in the run's <c>results.json</c>, so that its report needs no second look at the test images. Results are of certain
/// weights; those of others, from before the training went on, are left out.
/// </summary>
/// <param name="Weights">The fingerprint of the weights that were measured.</param>
internal sealed record RunResults(string Weights)
{
    private const string FileName = "results.json";

    /// <summary>Cross-validation of the way in which the run was trained; null: none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public FoldResult? CrossValidated { get; init; }

    /// <summary>The confusion matrix of the test images, row by row; null: they were not looked at.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<int>? Test { get; init; }

    /// <summary>The confusion matrix of the test images; null: they were not looked at.</summary>
    [JsonIgnore]
    public ConfusionMatrix? TestConfusions => Test is { } counts ? ConfusionMatrix.Of(counts.AsSpan()) : null;

    /// <summary>Reads the results of a run.</summary>
    /// <param name="run">The run folder, or any other path, which has none.</param>
    /// <param name="model">The weights that they must be of.</param>
    /// <exception cref="BadDataException">The file is damaged.</exception>
    public static RunResults Of(string run, Checkpoint model)
    {
        var (path, fingerprint) = (Path.Combine(run, FileName), model.Fingerprint());
        if (!File.Exists(path))
            return new(fingerprint);
        try
        {
            var results = JsonSerializer.Deserialize(InputFile.ReadDocument(path), Json.Of<RunResults>()) ?? throw new JsonException("it is null");
            if (results.Weights != fingerprint)
                return new(fingerprint);
            var isPossible = results is { CrossValidated: null or { Right: >= 0, Images: > 0 } } && !(results.CrossValidated?.Right > results.CrossValidated?.Images)
                && (results.Test is not { } test || (!test.IsDefault && test.Length == model.Classes.Count * model.Classes.Count && test.All(count => count >= 0) && test.Any(count => count > 0)));
            return isPossible ? results : throw new JsonException("its counts are impossible");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new BadDataException($"{path}: damaged: {e.Message} Delete the file.", e);
        }
    }

    /// <summary>Keeps the result of the test images in a run that was trained on the same data set.</summary>
    /// <param name="run">The path of what was measured.</param>
    /// <param name="model">The same.</param>
    /// <param name="data">The data set.</param>
    /// <param name="confusions">Of its test images.</param>
    /// <returns>Whether it is such a run.</returns>
    /// <exception cref="RiffleException">It can't be written, or a training uses the run.</exception>
    public static bool KeepTest(string run, Checkpoint model, Dataset data, ConfusionMatrix confusions)
    {
        if (!RunFolder.IsRun(run) || model.Training?.Data != DatasetIdentity.Of(data))
            return false;
        Change(run, model, results => results with { Test = confusions.Counts });
        return true;
    }

    /// <summary>Keeps the result of cross-validation in a run.</summary>
    /// <exception cref="RiffleException">It can't be written, or a training uses the run.</exception>
    public static void Keep(string run, CrossValidation found) =>
        Change(run, Checkpoint.Load(run), results => results with { CrossValidated = new(found.Right, found.Images) });

    private static JsonSerializerOptions Json { get; } = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower }.Strict(ResultTypes.Default);

    private static void Change(string run, Checkpoint model, Func<RunResults, RunResults> change)
    {
        using var held = RunFolder.Open(run);
        AtomicFile.WriteText(Path.Combine(run, FileName), JsonSerializer.Serialize(change(Of(run, model)), Json.Of<RunResults>()) + "\n");
    }

    /// <summary>Counts of a <see cref="CrossValidation"/>.</summary>
    internal sealed record FoldResult(int Right, int Images);
}

/// <summary>The document and what it consists of.</summary>
[JsonSerializable(typeof(RunResults))]
internal sealed partial class ResultTypes : JsonSerializerContext;
