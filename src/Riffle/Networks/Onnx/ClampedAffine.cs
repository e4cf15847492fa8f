namespace Riffle.Networks;

/// <summary>An elementwise function that exporters write as several nodes: min(max(scale · x + shift, low), high).</summary>
internal readonly record struct ClampedAffine(double Scale, double Shift, double Low, double High)
{
    /// <summary>The relative difference of numbers that were rounded to six digits.</summary>
    private const double Rounding = 1e-5;

    /// <summary>The function times a positive number.</summary>
    public ClampedAffine Times(double factor) => new(Scale * factor, Shift * factor, Low * factor, High * factor);

    /// <summary>Whether two are equal except for rounding.</summary>
    public bool IsNear(ClampedAffine other) =>
        IsNear(Scale, other.Scale) && IsNear(Shift, other.Shift) && IsNear(Low, other.Low) && IsNear(High, other.High);

    private static bool IsNear(double a, double b) =>
        a == b || (double.IsFinite(a) && double.IsFinite(b) && Math.Abs(a - b) <= Rounding * Math.Max(Math.Abs(a), Math.Abs(b)));
}
