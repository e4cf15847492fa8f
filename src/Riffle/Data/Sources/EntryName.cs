namespace Riffle.Data.Sources;

/// <summary>Names of files within a source: relative, with '/' between their parts.</summary>
internal static class EntryName
{
    /// <summary>The name without empty and '.' parts; null where it would lead outside its source.</summary>
    public static string? Normalise(string name)
    {
        var parts = name.Split('/').Where(part => part is not ("" or ".")).ToArray();
        var outside = name.StartsWith('/') || name.Contains('\0') || parts.Contains("..") || parts is [[_, ':', ..], ..];
        return outside ? null : string.Join('/', parts);
    }

    /// <summary>What file managers leave behind, and hidden files.</summary>
    public static bool IsClutter(string name) =>
        name.Split('/').Any(part => part.StartsWith('.') || part is "__MACOSX" or "Thumbs.db" or "desktop.ini");

    /// <summary>The last part.</summary>
    public static string Last(string name) => name[(name.LastIndexOf('/') + 1)..];

    /// <summary>The first part of a name below a folder (which is empty or ends with '/'); null where there is no further part.</summary>
    public static string? FolderBelow(string folder, string name)
    {
        var end = name.IndexOf('/', folder.Length);
        return end < 0 ? null : name[folder.Length..end];
    }

    /// <summary>Whether a name is one that images have: by its extension, or without any.</summary>
    public static bool MayBeImage(string name)
    {
        var last = Last(name);
        var dot = last.LastIndexOf('.');
        return dot < 0 || last[(dot + 1)..].ToLowerInvariant() is "jpg" or "jpeg" or "jpe" or "jfif" or "png";
    }
}
