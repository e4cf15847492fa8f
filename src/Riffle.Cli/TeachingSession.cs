using Riffle.Distillation;

namespace Riffle.Cli;

/// <summary>Teachers at work in front of a person: how far they are, on standard error.</summary>
internal static class TeachingSession
{
    /// <summary>Makes soft labels, or goes on with them; null when it was asked to stop.</summary>
    /// <param name="teach">Does it; told to whom its progress goes.</param>
    public static SoftLabels? Run(Func<Action<TeachingProgress>, SoftLabels> teach)
    {
        using var progress = new StageProgress();
        try
        {
            return teach(progress.Report);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}
