namespace Riffle.Cli;

/// <summary>The folder of a demo. A marker file says that its content may be replaced; a folder with other content is never touched.</summary>
internal static class DemoFolder
{
    private const string Mark = ".riffle-demo";

    /// <summary>Deletes what an earlier demo left.</summary>
    /// <param name="folder">A folder that is absent, empty or left by a demo.</param>
    /// <param name="parts">The folders that a demo writes into it.</param>
    /// <exception cref="RiffleException">The folder has other content.</exception>
    public static void Clear(string folder, params IEnumerable<string> parts)
    {
        var mark = Path.Combine(folder, Mark);
        if (Directory.Exists(folder) && !File.Exists(mark) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new RiffleException($"{folder} is not empty and was not made by a demo; name another folder with --out");
        Directory.CreateDirectory(folder);
        File.WriteAllText(mark, "Everything in this folder was made by 'riffle demo', which replaces it when it runs here again.\n");
        foreach (var part in parts.Where(Directory.Exists))
            Directory.Delete(part, recursive: true);
    }
}
