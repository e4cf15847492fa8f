namespace Riffle.Study;

/// <summary>A part of the remaining work.</summary>
/// <param name="Name">The name of what is trained or made.</param>
/// <param name="Left">How much is left, as text.</param>
/// <param name="Expected">The expected duration on this machine.</param>
/// <param name="Do">Does the work; false if cancelled.</param>
/// <param name="IsNeeded">Whether later stages depend on it.</param>
internal sealed record Stage(string Name, string Left, TimeSpan Expected, Func<bool> Do, bool IsNeeded = false)
{
    /// <summary>How long several take together.</summary>
    public static TimeSpan Sum(IEnumerable<Stage> stages) => new(stages.Sum(stage => stage.Expected.Ticks));
}
