using Riffle.Data;
using Riffle.Training;

namespace Riffle.Cli;

/// <summary>Makes soft labels and shows the progress on standard error.</summary>
internal static class TeachingSession
{
    /// <summary>Makes soft labels or continues with them, see <see cref="Teachers.Teach"/>; null if cancelled.</summary>
    public static SoftLabels? Run(
        string folder, IReadOnlyList<Model> teachers, Dataset data, Augmentation augmentation, int views, ulong seed, int threads, CancellationToken cancel)
    {
        using var progress = new StageProgress();
        try
        {
            return Teachers.Teach(folder, teachers, data, augmentation, views, seed, threads, progress.Report, cancel);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
