using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Formats;

namespace Riffle.Models;

/// <summary>The JSON settings of checkpoints and run.json. Numbers round-trip exactly.</summary>
internal static class ModelJson
{
    /// <summary>The maximum depth of documents: the record of a fine-tuned training contains that of the training it started from.</summary>
    public const int MaxDepth = 1000;

    public static JsonSerializerOptions Compact { get; } = NoNullsInLists.Strict(new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false), new LayersConverter() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = MaxDepth,
        NewLine = "\n",
    });

    public static JsonSerializerOptions Indented { get; } = new(Compact) { WriteIndented = true };
}
