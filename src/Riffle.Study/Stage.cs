namespace Riffle.Study;

/// <summary>A part of the work that is left.</summary>
/// <param name="Name">What is trained or made.</param>
/// <param name="Left">How much of it is left, for people.</param>
/// <param name="Expected">How long that takes here, as measured.</param>
/// <param name="Do">Does it; false when it was asked to stop.</param>
/// <param name="IsNeeded">Whether nothing behind it can be done without it.</param>
internal sealed record Stage(string Name, string Left, TimeSpan Expected, Func<bool> Do, bool IsNeeded = false)
{
    /// <summary>How long several take together.</summary>
    public static TimeSpan Sum(IEnumerable<Stage> stages) => new(stages.Sum(stage => stage.Expected.Ticks));
}
