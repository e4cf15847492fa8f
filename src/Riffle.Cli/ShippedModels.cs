namespace Riffle.Cli;

/// <summary>The trained networks that come with the command.</summary>
internal static class ShippedModels
{
    /// <summary>Their checkpoints.</summary>
    public static IEnumerable<string> Files => Directory.Exists(Folder) ? Directory.GetFiles(Folder, "*.safetensors").Order(StringComparer.Ordinal) : [];

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "models");
}
