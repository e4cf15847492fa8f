namespace Riffle;

/// <summary>Durations for people: <c>8.4 s</c>, <c>3 min 05 s</c>, <c>2 h 07 min</c>.</summary>
internal static class DurationText
{
    public static string Of(TimeSpan time)
    {
        if (time.TotalSeconds < 59.95)
            return FormattableString.Invariant($"{time.TotalSeconds:0.0} s");
        var seconds = (long)Math.Round(time.TotalSeconds);
        return FormattableString.Invariant(
            seconds < 3600 ? $"{seconds / 60} min {seconds % 60:00} s" : (FormattableString)$"{seconds / 3600} h {seconds / 60 % 60:00} min");
    }
}
