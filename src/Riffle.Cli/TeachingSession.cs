using System.Globalization;
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
        ProgressLine? line = null;
        Split? split = null;
        try
        {
            return Teachers.Teach(folder, teachers, data, augmentation, views, seed, threads, Report, cancel);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        finally
        {
            line?.Dispose();
        }

        // What is worth knowing before the training images, which take so much longer, is the accuracy.
        void Report(TeachingProgress at)
        {
            if (at.Split != split)
            {
                line?.Dispose();
                split = at.Split;
                line = new(split == Split.Validation ? "evaluate" : "teach", at.Total, "images", start: at.Done);
            }

            line!.Report(at.Done, split == Split.Validation ? string.Create(CultureInfo.InvariantCulture, $"top-1 {at.Top1:0.00} %") : null);
        }
    }
}
