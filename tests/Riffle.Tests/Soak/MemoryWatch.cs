using System.Diagnostics;

namespace Riffle.Tests.Soak;

/// <summary>Resident memory of a process over time: drawn, and judged.</summary>
internal sealed class MemoryWatch(Process process)
{
    private const double Mebibyte = 1 << 20, Regions = 2 * 4;

    private readonly List<double> _samples = [];

    public void Sample()
    {
        process.Refresh();
        _samples.Add(process.WorkingSet64 / Mebibyte);
    }

    /// <summary>
    /// Draws the curve, and fails unless it is flat after its warm-up. The garbage collector takes memory in regions of 4 MiB, so the straight
    /// line of least squares may rise by two of them and a hundredth: over a million images that is ten bytes each, less than anything that could be forgotten.
    /// </summary>
    /// <param name="output">Receives the drawing.</param>
    /// <param name="title">What it shows.</param>
    /// <param name="axis">What the samples count.</param>
    /// <param name="warmUp">The share of the samples that is not judged.</param>
    public void RequireFlat(ITestOutputHelper output, string title, string axis, double warmUp = 0.2)
    {
        output.WriteLine(TextPlot.Draw(title, "MiB", _samples, axis));
        var warm = _samples.Skip((int)(_samples.Count * warmUp)).ToArray();
        Assert.True(warm.Length >= 20, $"only {warm.Length} samples");
        double middle = (warm.Length - 1) / 2.0, mean = warm.Average();
        var slope = warm.Select((value, i) => (i - middle) * (value - mean)).Sum() / warm.Select((_, i) => (i - middle) * (i - middle)).Sum();
        var rise = slope * warm.Length;
        var quarters = warm.Chunk((warm.Length + 3) / 4).Select(part => $"{part.Average():0.0}");
        output.WriteLine(
            $"after warm-up {warm.Min():0.0} to {warm.Max():0.0} MiB, by quarters {string.Join(", ", quarters)}; its line rises by {rise:0.0} MiB");
        Assert.True(rise < Regions + mean / 100, $"resident memory rises by {rise:0.0} MiB");
    }
}
