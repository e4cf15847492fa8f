namespace Riffle.Cli;

/// <summary>The folder of a demo. A file in it says that its content may be replaced; a folder with anything else in it is left alone.</summary>
internal static class DemoFolder
{
    private const string Mark = ".riffle-demo";

    /// <summary>Makes room for a demo.</summary>
    /// <param name="folder">Absent, empty, or what a demo left.</param>
    /// <param name="parts">What an earlier demo may have put there.</param>
    /// <exception cref="RiffleException">The folder holds something else.</exception>
    public static void Clear(string folder, params IEnumerable<string> parts)
    {
        var mark = Path.Combine(folder, Mark);
        if (Directory.Exists(folder) && !File.Exists(mark) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new RiffleException($"{folder} is not empty and no demo made it, so nothing in it is touched; name another folder with --out");
        Directory.CreateDirectory(folder);
        File.WriteAllText(mark, "Everything in this folder was made by 'riffle demo', which replaces it when it runs here again.\n");
        foreach (var part in parts.Where(Directory.Exists))
            Directory.Delete(part, recursive: true);
    }
}
