using System.Text.Encodings.Web;
using System.Text.Json;

namespace Riffle.Cli;

/// <summary>The JSON that commands print.</summary>
internal static class JsonOutput
{
    /// <summary>How it is written.</summary>
    public static JsonSerializerOptions Settings { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };
}
