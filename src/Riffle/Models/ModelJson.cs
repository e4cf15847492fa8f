using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Formats;

namespace Riffle.Models;

/// <summary>How checkpoints and run.json spell their contents. Numbers are written so that they read back as the same bits.</summary>
internal static class ModelJson
{
    /// <summary>How deep documents go: each training that began with the weights of another has that one's record in its own.</summary>
    public const int MaxDepth = 1000;

    public static JsonSerializerOptions Compact { get; } = NoNullsInLists.Strict(new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = MaxDepth,
        NewLine = "\n",
    });

    public static JsonSerializerOptions Indented { get; } = new(Compact) { WriteIndented = true };
}
