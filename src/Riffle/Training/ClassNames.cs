using Riffle.Data;
using Riffle.Formats;

namespace Riffle.Training;

/// <summary>Lists of classes as text files: a name on each line, in the order of the logits; behind a tab, if there is one, what a person reads.</summary>
public static class ClassNames
{
    /// <summary>Reads a list.</summary>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    /// <exception cref="BadDataException">It names no class.</exception>
    public static IReadOnlyList<DatasetClass> Read(string path)
    {
        try
        {
            DatasetClass[] classes =
            [
                .. from line in File.ReadLines(path)
                   let parts = line.Trim().Split('\t', 2)
                   where parts[0].Length > 0
                   select new DatasetClass(parts[0], parts[^1]),
            ];
            return classes.Length > 0 ? classes : throw new BadDataException($"{path}: has no names of classes; it needs one on each line");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }
}
