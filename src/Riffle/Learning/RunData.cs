using Riffle.Models;

namespace Riffle.Learning;

/// <summary>The data set that <c>riffle learn</c> keeps in a run folder, so that the run is everything there is.</summary>
public static class RunData
{
    /// <summary>Its folder.</summary>
    /// <param name="run">The run folder.</param>
    public static string FolderOf(string run) => Path.Combine(run, RunFolder.DataName);

    /// <summary>Whether the training of a run has begun, so that it can be resumed.</summary>
    /// <param name="run">The run folder.</param>
    public static bool IsBegun(string run) => RunFolder.IsRun(run);
}
