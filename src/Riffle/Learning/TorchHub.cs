namespace Riffle.Learning;

/// <summary>Weights of ImageNet that torchvision has downloaded to this machine.</summary>
public static class TorchHub
{
    /// <summary>How torchvision names the files of networks that Riffle has.</summary>
    private static readonly string[] Patterns = ["shufflenetv2_x*.pth", "mobilenet_v2-*.pth"];

    /// <summary>The files in its cache, in the order of their names.</summary>
    public static IReadOnlyList<string> Files
    {
        get
        {
            try
            {
                var folder = Path.Combine(Home, "hub", "checkpoints");
                return Directory.Exists(folder) ? [.. Patterns.SelectMany(pattern => Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal))] : [];
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return [];
            }
        }
    }

    /// <summary>TORCH_HOME, or torch below the user's cache.</summary>
    private static string Home => Environment.GetEnvironmentVariable("TORCH_HOME") is { Length: > 0 } home ? home
        : Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "torch");
}
