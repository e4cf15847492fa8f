using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Riffle.Training;

/// <summary>How checkpoints and run.json spell their contents. Numbers are written so that they read back as the same bits.</summary>
internal static class TrainingJson
{
    public static JsonSerializerOptions Compact { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        NewLine = "\n",
    };

    public static JsonSerializerOptions Indented { get; } = new(Compact) { WriteIndented = true };
}

/// <summary>The version of this library, as files record it.</summary>
internal static class RiffleVersion
{
    public static string Text { get; } = typeof(RiffleVersion).Assembly.GetName().Version!.ToString(3);
}
