using System.Runtime.CompilerServices;

namespace Riffle.Tests;

/// <summary>
/// Files that others made, kept beside the repository in <c>../shared/data/external</c> (or where RIFFLE_EXTERNAL says). Tests that read them are skipped,
/// saying so, where the folder is missing.
/// </summary>
static class ExternalData
{
    /// <summary>The folder; null where it is missing.</summary>
    internal static string? Folder { get; } = Find();

    /// <summary>The archive of Tiny ImageNet: <c>tiny-imagenet-200.tar.gz</c> beside that folder, or where RIFFLE_TINY_IMAGENET says; null where it is missing.</summary>
    internal static string? TinyImageNet { get; } = FindTinyImageNet();

    internal static string? Missing => Folder is null ? "The files that others made are not here (../shared/data/external, or RIFFLE_EXTERNAL)." : null;

    /// <summary>A file in the folder, for tests marked <see cref="ExternalFactAttribute"/> or <see cref="ExternalTheoryAttribute"/>.</summary>
    internal static string PathOf(string relative) => Path.Combine(Folder!, relative);

    internal static string? MissingTinyImageNet =>
        TinyImageNet is null ? "Tiny ImageNet is not here (RIFFLE_TINY_IMAGENET, the path of tiny-imagenet-200.tar.gz)." : null;

    static string? FindTinyImageNet()
    {
        string? file = Environment.GetEnvironmentVariable("RIFFLE_TINY_IMAGENET") ?? (Folder is null ? null : Path.Combine(Folder, "..", "tiny-imagenet-200.tar.gz"));
        return File.Exists(file) ? Path.GetFullPath(file) : null;
    }

    static string? Find()
    {
        string? folder = Environment.GetEnvironmentVariable("RIFFLE_EXTERNAL");
        for (string? at = AppContext.BaseDirectory; folder is null && at is not null; at = Path.GetDirectoryName(at))
            if (File.Exists(Path.Combine(at, "Riffle.slnx")))
                folder = Path.Combine(at, "..", "shared", "data", "external");
        return Directory.Exists(folder) ? Path.GetFullPath(folder) : null;
    }
}

/// <summary>A fact about files that others made.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class ExternalFactAttribute : FactAttribute
{
    public ExternalFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = ExternalData.Missing;
}

/// <summary>A theory about files that others made. Its data must not need them: it is asked for even where they are missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class ExternalTheoryAttribute : TheoryAttribute
{
    public ExternalTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = ExternalData.Missing;
}

/// <summary>A fact about Tiny ImageNet.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class TinyImageNetFactAttribute : FactAttribute
{
    public TinyImageNetFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = ExternalData.MissingTinyImageNet;
}

/// <summary>A theory about Tiny ImageNet.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class TinyImageNetTheoryAttribute : TheoryAttribute
{
    public TinyImageNetTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = ExternalData.MissingTinyImageNet;
}
