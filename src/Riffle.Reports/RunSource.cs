using Riffle.Models;

namespace Riffle.Reports;

/// <summary>What a report is about.</summary>
/// <param name="Path">A run folder, or a checkpoint file.</param>
/// <param name="Data">The data set folder.</param>
/// <param name="Options">The options of the command line, for the commands in a report.</param>
internal sealed record RunSource(string Path, string Data, IRecipeOptions Options)
{
    /// <summary>How a run was started; null for a checkpoint file, and for a run that was imported.</summary>
    public RunDescription? Description => File.Exists(System.IO.Path.Combine(Path, RunFolder.DescriptionName)) ? RunDescription.Read(Path) : null;

    /// <summary>The data set folder that a run was trained on.</summary>
    /// <exception cref="RiffleException">It is no run folder, or it does not say.</exception>
    public static string DataOf(string path) => File.Exists(System.IO.Path.Combine(path, RunFolder.DescriptionName))
        ? RunDescription.Read(path).DataDirectory
        : throw new RiffleException($"{path}: not a run that says what it was trained on; give the data set folder with --data");
}
