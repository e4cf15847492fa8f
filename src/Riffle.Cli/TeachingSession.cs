using Riffle.Data;
using Riffle.Training;

namespace Riffle.Cli;

/// <summary>Teachers at work in front of a person: how far they are, on standard error.</summary>
internal static class TeachingSession
{
    /// <summary>Makes soft labels, or goes on with them, as <see cref="Teachers.Teach"/> does; null when it was asked to stop.</summary>
    public static SoftLabels? Run(
        string folder, IReadOnlyList<Model> teachers, Dataset data, Augmentation augmentation, int views, ulong seed, int threads, CancellationToken cancel)
    {
        long images = data.Count(Split.Train);
        using var line = new ProgressLine("teach", views * images, "images", start: (SoftLabels.Find(folder)?.Made ?? 0) * images);
        try
        {
            return Teachers.Teach(folder, teachers, data, augmentation, views, seed, threads, done => line.Report(done), cancel);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
