using Riffle.Data;
using Riffle.Distillation;

namespace Riffle.Cli;

/// <summary>Teachers at work in front of a person: how far they are, on standard error.</summary>
internal static class TeachingSession
{
    /// <summary>Makes soft labels, or goes on with them, as <see cref="Teachers.Teach"/> does; null when it was asked to stop.</summary>
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
