using System.Text.Json;
using System.Text.Json.Serialization;

namespace Riffle.Models;

/// <summary>A <see cref="Doubt"/> as JSON, in checkpoints and in the metadata of ONNX files. The class means are signed bytes in base64.</summary>
internal sealed record DoubtDocument(
    float Temperature,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] float? Threshold = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] byte[]? ClassMeans = null)
{
    public static DoubtDocument? Of(Doubt? doubt) =>
        doubt is null ? null : new(doubt.Temperature, doubt.Threshold, doubt.Threshold is null ? null : doubt.ClassMeans);

    /// <summary>Reads it by hand, as a prediction needs it; see <see cref="CheckpointDocument"/>.</summary>
    public static DoubtDocument Read(JsonElement json) => new(
        json.GetProperty("temperature").GetSingle(),
        json.TryGetProperty("threshold", out var threshold) ? threshold.GetSingle() : null,
        json.TryGetProperty("class_means", out var means) ? means.GetBytesFromBase64() : null);

    /// <exception cref="ArgumentException">It is impossible.</exception>
    public Doubt ToDoubt(int classes) => new(Temperature, Threshold, ClassMeans ?? [], classes);
}
