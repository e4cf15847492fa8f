namespace Riffle.Training;

/// <summary>Says how many epochs there is time for, by the mean time of those that ran from beginning to end.</summary>
/// <param name="limit">The time for everything, from now on.</param>
/// <param name="clock">Measures it.</param>
internal sealed class TimeBudget(TimeSpan limit, TimeProvider clock)
{
    private readonly long _began = clock.GetTimestamp();
    private long? _epochBegan;
    private TimeSpan _timed;
    private int _epochs;

    /// <summary>An epoch begins.</summary>
    /// <param name="isWhole">Whether it does so with its first step; another one tells little of the pace.</param>
    public void BeginEpoch(bool isWhole) => _epochBegan = isWhole ? clock.GetTimestamp() : null;

    /// <summary>The epoch has ended.</summary>
    /// <param name="left">The epochs that are left.</param>
    /// <returns>How many of them there is time for.</returns>
    public int EndEpoch(int left)
    {
        if (_epochBegan is { } began)
            (_timed, _epochs) = (_timed + clock.GetElapsedTime(began), _epochs + 1);
        var time = limit - clock.GetElapsedTime(_began);
        return time <= TimeSpan.Zero ? 0 : _epochs == 0 ? left : (int)Math.Min(left, time / (_timed / _epochs));
    }
}
