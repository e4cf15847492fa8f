using System.Diagnostics;
using Xunit.Abstractions;

namespace Riffle.Tests.Soak;

/// <summary>Resident memory of a process over time: drawn, and judged.</summary>
internal sealed class MemoryWatch(Process process)
{
    private const double Mebibyte = 1 << 20;

    private readonly List<double> _samples = [];

    public void Sample()
    {
        process.Refresh();
        _samples.Add(process.WorkingSet64 / Mebibyte);
    }

    /// <summary>
    /// Draws the curve, and fails unless it is flat after its warm-up. The straight line of least squares through what follows the first fifth must not rise by
    /// more than a hundredth and a megabyte over its whole length: a leak of a few bytes for each of a million images would.
    /// </summary>
    public void RequireFlat(ITestOutputHelper output, string title, string axis)
    {
        output.WriteLine(TextPlot.Draw(title, "MiB", _samples, axis));
        var warm = _samples.Skip(_samples.Count / 5).ToArray();
        Assert.True(warm.Length >= 20, $"only {warm.Length} samples");
        double middle = (warm.Length - 1) / 2.0, mean = warm.Average();
        var slope = warm.Select((value, i) => (i - middle) * (value - mean)).Sum() / warm.Select((_, i) => (i - middle) * (i - middle)).Sum();
        var rise = slope * warm.Length;
        output.WriteLine($"after warm-up {warm.Min():0.0} to {warm.Max():0.0} MiB, mean {mean:0.0} MiB; its line rises by {rise:0.00} MiB");
        Assert.True(rise < mean / 100 + 1, $"resident memory rises by {rise:0.0} MiB");
    }
}
