using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>Names of files within a source: relative, with '/' between their parts.</summary>
internal static class EntryName
{
    /// <summary>The most folders that a file may be in. Nobody has more, and a made-up name could have thousands.</summary>
    public const int MaxFolders = 100;

    /// <summary>What systems, network drives, file managers and archivers leave in folders; what begins with a dot is left out as well.</summary>
    private static readonly HashSet<string> Clutter = new(StringComparer.OrdinalIgnoreCase)
    {
        "@eaDir", "@Recycle", "@Recently-Snapshot", "@tmp", "@sharebin", "#recycle", "#snapshot", "~snapshot", // Synology, QNAP, NetApp
        "$RECYCLE.BIN", "RECYCLER", "RECYCLED", "System Volume Information", "Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", // Windows
        "__MACOSX", "Icon\r", "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder", // macOS
        "lost+found", "Picasa.ini", "__pycache__",
    };

    /// <summary>Files that have no extension and are no images either.</summary>
    private static readonly HashSet<string> Papers = new(StringComparer.OrdinalIgnoreCase)
    {
        "README", "LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "AUTHORS", "CHANGELOG", "CHANGES", "CITATION", "VERSION", "MANIFEST", "Makefile",
        "Dockerfile", "INSTALL", "TODO",
    };

    /// <summary>Image formats that are not read, by extension. Used only for files that are not opened; otherwise the content decides.</summary>
    private static readonly Dictionary<string, string> Unread = new()
    {
        ["tif"] = "TIFF",
        ["tiff"] = "TIFF",
        ["heic"] = "HEIC",
        ["heif"] = "HEIF",
        ["avif"] = "AVIF",
        ["jxl"] = "JPEG XL",
        ["jp2"] = "JPEG 2000",
        ["j2k"] = "JPEG 2000",
        ["jpf"] = "JPEG 2000",
        ["jpx"] = "JPEG 2000",
        ["svg"] = "SVG",
        ["psd"] = "Photoshop",
        ["ppm"] = "PPM",
        ["pgm"] = "PGM",
        ["pbm"] = "PBM",
        ["pnm"] = "PNM",
        ["pcx"] = "PCX",
        ["tga"] = "TGA",
        ["exr"] = "OpenEXR",
        ["hdr"] = "HDR",
        ["dds"] = "DDS",
        ["dng"] = "raw camera",
        ["cr2"] = "raw camera",
        ["cr3"] = "raw camera",
        ["nef"] = "raw camera",
        ["arw"] = "raw camera",
        ["orf"] = "raw camera",
        ["rw2"] = "raw camera",
        ["raf"] = "raw camera",
        ["dcm"] = "DICOM",
        ["nii"] = "NIfTI",
        ["npy"] = "NumPy",
    };

    /// <summary>The name without empty and '.' parts; null where it would lead outside its source.</summary>
    public static string? Normalise(string name)
    {
        var parts = name.Split('/').Where(part => part is not ("" or ".")).ToArray();
        var outside = name.StartsWith('/') || name.Contains('\0') || parts.Contains("..") || parts is [[_, ':', ..], ..];
        return outside ? null : string.Join('/', parts);
    }

    /// <summary>Files that systems and file managers leave behind, and hidden files.</summary>
    public static bool IsClutter(string name) => ClutterIn(name) is not null;

    /// <summary>The part of a name that makes it clutter; null where there is none.</summary>
    public static string? ClutterIn(string name) =>
        Array.Find(name.Split('/'), part => Clutter.Contains(part) || (part.StartsWith('.') && part is not ("." or "..")));

    /// <summary>The last part.</summary>
    public static string Last(string name) => name[(name.LastIndexOf('/') + 1)..];

    /// <summary>The name without its first parts.</summary>
    public static string Below(int folders, string name)
    {
        var start = 0;
        for (var i = 0; i < folders; i++)
            start = name.IndexOf('/', start) + 1;
        return name[start..];
    }

    /// <summary>A name in Unicode's composed form, in which names that look the same are the same.</summary>
    public static string Composed(string name) => CanonicalForm.Compose(name);

    /// <summary>Whether a name is one that images have: by its extension, or without any.</summary>
    public static bool MayBeImage(string name) =>
        ImageFormats.HaveExtension(Extension(name)) || (!HasExtension(name) && !Papers.Contains(Last(name)));

    /// <summary>Whether a name is that of an image, of a format that is read or not.</summary>
    public static bool IsImage(string name) => MayBeImage(name) || UnreadFormat(name) is not null;

    /// <summary>Whether a name has an extension.</summary>
    public static bool HasExtension(string name) => Last(name).Contains('.');

    /// <summary>The format of an image that is not read, by its name; null for all other files.</summary>
    public static string? UnreadFormat(string name) => Unread.GetValueOrDefault(Extension(name));

    /// <summary>The extension in lower case, without its dot; empty where there is none.</summary>
    public static string Extension(string name)
    {
        var last = Last(name);
        return last[(last.LastIndexOf('.') + 1)..] is var extension && extension.Length < last.Length ? extension.ToLowerInvariant() : "";
    }
}
