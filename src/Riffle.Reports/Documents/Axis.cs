using System.Collections.Immutable;

namespace Riffle.Reports.Documents;

/// <summary>An axis of a chart.</summary>
/// <param name="Label">What it measures, and in what.</param>
/// <param name="Least">At its beginning.</param>
/// <param name="Most">At its end; above <paramref name="Least"/>.</param>
/// <param name="IsLogarithmic">Whether equal ratios are equally long.</param>
/// <param name="Ticks">Values that are named.</param>
internal sealed record Axis(string Label, double Least, double Most, bool IsLogarithmic, ImmutableArray<double> Ticks)
{
    private const int MostSteps = 6;

    private static readonly double[] Factors = [1, 2, 5];

    /// <summary>An axis over values, from one round number to another.</summary>
    public static Axis Linear(string label, IEnumerable<double> values)
    {
        var (least, most) = Range(values);
        if (most <= least)
            most = least + 1;

        // The shortest of 1, 2 and 5 times a power of ten of which no more than so many are needed.
        var shortest = (most - least) / MostSteps;
        var power = Math.Pow(10, Math.Floor(Math.Log10(shortest)));
        var step = power * Factors.Append(10).First(factor => factor * power >= shortest);
        var (first, last) = ((int)Math.Floor(least / step), (int)Math.Ceiling(most / step));
        return new(label, first * step, last * step, IsLogarithmic: false, [.. Enumerable.Range(first, last - first + 1).Select(i => Math.Round(i * step, 9))]);
    }

    /// <summary>A logarithmic axis over positive values, from one of 1, 2 and 5 times a power of ten to another.</summary>
    public static Axis Logarithmic(string label, IEnumerable<double> values)
    {
        var (least, most) = Range(values);
        var (low, high) = ((int)Math.Floor(Math.Log10(least)), (int)Math.Ceiling(Math.Log10(most)));
        var ticks = (
            from power in Enumerable.Range(low, high - low + 2)
            from factor in Factors
            select Math.Round(factor * Math.Pow(10, power), 9)).ToArray();
        var first = ticks.Last(tick => tick <= least);
        var last = ticks.First(tick => tick >= most && tick > first);
        return new(label, first, last, IsLogarithmic: true, [.. ticks.Where(tick => tick >= first && tick <= last)]);
    }

    /// <summary>Where a value lies, from 0 at the axis's beginning to 1 at its end.</summary>
    public double Place(double value) => IsLogarithmic ? Math.Log(value / Least) / Math.Log(Most / Least) : (value - Least) / (Most - Least);

    private static (double Least, double Most) Range(IEnumerable<double> values)
    {
        var all = values.DefaultIfEmpty(1).ToArray();
        return (all.Min(), all.Max());
    }
}
