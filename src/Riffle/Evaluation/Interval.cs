namespace Riffle.Evaluation;

/// <summary>The range in which an accuracy lies with 95 % confidence, in percent.</summary>
/// <param name="Low">Its lower end.</param>
/// <param name="High">Its upper end.</param>
public sealed record Interval(double Low, double High)
{
    /// <summary>The quantile of the normal distribution for 95 %.</summary>
    private const double Z = 1.959964;

    /// <summary>The score interval of a share (Wilson, 1927), which also holds for few images and for shares near 0 and 100 %.</summary>
    /// <param name="right">Images that were recognised.</param>
    /// <param name="images">All images, at least 1.</param>
    public static Interval Of(long right, long images)
    {
        var (share, n) = (right / (double)images, (double)images);
        var middle = (share + (Z * Z / (2 * n))) / (1 + (Z * Z / n));
        var half = Z / (1 + (Z * Z / n)) * Math.Sqrt((share * (1 - share) / n) + (Z * Z / (4 * n * n)));
        return new(100 * Math.Max(0, middle - half), 100 * Math.Min(1, middle + half));
    }
}
