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

    internal static string? Missing => Folder is null ? "The files that others made are not here (../shared/data/external, or RIFFLE_EXTERNAL)." : null;

    /// <summary>A file in the folder, for tests marked <see cref="ExternalFactAttribute"/> or <see cref="ExternalTheoryAttribute"/>.</summary>
    internal static string PathOf(string relative) => Path.Combine(Folder!, relative);

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
