namespace Riffle.Study;

/// <summary>A straight line through points, by least squares.</summary>
/// <param name="Slope">What y grows by where x grows by 1.</param>
/// <param name="RSquared">The share of y's variance that the line explains, from 0 to 1.</param>
internal readonly record struct Fit(double Slope, double RSquared)
{
    /// <summary>The line through at least two points of different x.</summary>
    public static Fit Of(IReadOnlyCollection<(double X, double Y)> points)
    {
        var (meanX, meanY) = (points.Average(point => point.X), points.Average(point => point.Y));
        var xx = points.Sum(point => Math.Pow(point.X - meanX, 2));
        var yy = points.Sum(point => Math.Pow(point.Y - meanY, 2));
        var xy = points.Sum(point => (point.X - meanX) * (point.Y - meanY));
        return new(xy / xx, yy == 0 ? 1 : xy * xy / (xx * yy));
    }
}
