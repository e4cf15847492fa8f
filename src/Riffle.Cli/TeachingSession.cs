using Riffle.Distillation;

namespace Riffle.Cli;

/// <summary>Makes soft labels and shows the progress on standard error.</summary>
internal static class TeachingSession
{
    /// <summary>Makes soft labels or continues with them; null if cancelled.</summary>
    /// <param name="teach">Makes them, and reports its progress to the given handler.</param>
    public static SoftLabels? Run(Func<IProgress<WorkProgress>, SoftLabels> teach)
    {
        using var progress = new StageProgress();
        try
        {
            return teach(progress);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
