using Riffle.Models;

namespace Riffle.Learning;

/// <summary>The data set that <c>riffle learn</c> keeps in a run folder, so that the run is everything there is.</summary>
public static class RunData
{
    private const string CommandLineAdvice = "Give all photos, with the run as a start: riffle learn PHOTOS --out NEW --start RUN";

    /// <summary>Its folder.</summary>
    /// <param name="run">The run folder.</param>
    public static string FolderOf(string run) => Path.Combine(run, RunFolder.DataName);

    /// <summary>The run of one fold of its cross-validation.</summary>
    /// <param name="run">The run folder.</param>
    /// <param name="fold">Its number, from 1; the run itself is fold 0.</param>
    public static string FoldOf(string run, int fold) => Path.Combine(run, "folds", $"{fold}");

    /// <summary>Where weights of another program become a run to start from.</summary>
    /// <param name="run">The run folder.</param>
    /// <param name="file">The file of weights.</param>
    public static string ImportOf(string run, string file) => Path.Combine(run, RunFolder.StartsName, Path.GetFileNameWithoutExtension(file));

    /// <summary>Whether the training of a run has begun, so that it can be resumed.</summary>
    /// <param name="run">The run folder.</param>
    public static bool IsBegun(string run) => RunFolder.IsRun(run);

    /// <summary>The data set that a run was trained on: its own, or the one elsewhere that it names.</summary>
    /// <param name="run">The run folder.</param>
    /// <exception cref="RiffleException">It is not a run, or its data set is no longer there.</exception>
    public static string Of(string run)
    {
        if (!IsBegun(run))
            throw new RiffleException($"{run}: this is no run that was trained here, so there are no photos of it that could be trained on again")
            {
                CommandLineAdvice = CommandLineAdvice,
            };
        string[] places = [FolderOf(run), RunDescription.Read(run).DataDirectory];
        return Array.Find(places, Photos.ArePrepared)
            ?? throw new RiffleException($"{run}: the photos that it was trained on are neither in {places[0]} nor in {places[1]}, so what it knows can't be kept")
            {
                CommandLineAdvice = CommandLineAdvice,
            };
    }
}
