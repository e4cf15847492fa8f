namespace Riffle.Tests;

/// <summary>A clock that a test moves on.</summary>
internal sealed class HandClock : TimeProvider
{
    private long _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Advance(double seconds) => _now += TimeSpan.FromSeconds(seconds).Ticks;

    public override long GetTimestamp() => _now;
}
