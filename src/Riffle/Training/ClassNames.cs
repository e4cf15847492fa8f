using Riffle.Data;
using Riffle.Formats;

namespace Riffle.Training;

/// <summary>Lists of classes as text files.</summary>
public static class ClassNames
{
    /// <summary>
    /// Reads names of classes: a line for each, in the order of the logits; behind a tab may follow what a person reads. A name that came before gets its
    /// number, as ImageNet's second crane, <c>crane (517)</c>.
    /// </summary>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    /// <exception cref="BadDataException">A line is empty, or there is none.</exception>
    public static IReadOnlyList<DatasetClass> Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }

        if (lines.Length == 0)
            throw new BadDataException($"{path}: names no class; give each class a line");
        var classes = new List<DatasetClass>();
        var names = new HashSet<string>();
        foreach (var line in lines)
        {
            var parts = line.Split('\t', 2, StringSplitOptions.TrimEntries);
            if (parts[0].Length == 0)
                throw new BadDataException($"{path}: line {classes.Count + 1} names no class; give each class a line");
            var suffix = names.Add(parts[0]) ? "" : $" ({classes.Count})";
            classes.Add(new(parts[0] + suffix, parts[^1] + suffix));
        }

        return classes;
    }
}
