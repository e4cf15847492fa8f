namespace Riffle.Data;

/// <summary>How an image that is not square becomes a square.</summary>
public enum FitKind
{
    /// <summary>The shorter side is scaled to the square's, and what the longer one has beyond it is cut off at both ends. Keeps shapes, loses the ends.</summary>
    Crop,

    /// <summary>The longer side is scaled to the square's, and the rest becomes mid grey. Keeps shapes and all of the image, at a smaller scale.</summary>
    Pad,

    /// <summary>Both sides are scaled to the square's. Keeps all of the image, changes shapes.</summary>
    Stretch,
}

/// <summary>The names of the fits.</summary>
internal static class FitKinds
{
    /// <summary>The name, as files and messages have it.</summary>
    public static string Name(this FitKind fit) => fit.ToString().ToLowerInvariant();
}
