namespace Riffle.Formats;

/// <summary>The formats of images that are read: the one list from which messages, help and the choice by name or content follow.</summary>
internal static class ImageFormats
{
    /// <summary>Each with its kind as <see cref="FileKind"/> tells it by content, and its extensions.</summary>
    private static readonly (string Name, string Kind, string[] Extensions)[] All =
    [
        ("JPEG", "a JPEG image", ["jpg", "jpeg", "jpe", "jfif"]),
        ("PNG", "a PNG image", ["png"]),
        ("WebP", "a WebP image", ["webp"]),
        ("GIF", "a GIF image", ["gif"]),
        ("BMP", "a BMP image", ["bmp", "dib"]),
        ("ICO", "an icon (ICO)", ["ico"]),
    ];

    /// <summary>Their names, in words.</summary>
    public static string Names { get; } = $"{string.Join(", ", All[..^1].Select(format => format.Name))} and {All[^1].Name}";

    /// <summary>The format by the first bytes; null for anything else.</summary>
    public static string? Detect(ReadOnlySpan<byte> file)
    {
        var kind = FileKind.Describe(file[..Math.Min(file.Length, FileKind.Bytes)]);
        return Array.Find(All, format => format.Kind == kind).Name;
    }

    /// <summary>Whether a format has an extension, in lower case and without its dot.</summary>
    public static bool HaveExtension(string extension) => Array.Exists(All, format => format.Extensions.Contains(extension));
}
