namespace Riffle.Tests.Kernels;

/// <summary>Comparisons relative to the scale of what is expected.</summary>
internal static class Close
{
    public static void Assert(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double tolerance, string what)
    {
        Xunit.Assert.Equal(expected.Count, actual.Count);
        var scale = Math.Max(1e-3, expected.Select(Math.Abs).DefaultIfEmpty().Max());
        for (var i = 0; i < expected.Count; i++)
        {
            if (!(Math.Abs(expected[i] - actual[i]) <= tolerance * scale))
                Xunit.Assert.Fail($"{what}[{i}]: expected {expected[i]:G9}, got {actual[i]:G9}; scale {scale:G4}, tolerance {tolerance:G2}");
        }
    }

    public static unsafe double[] Doubles(float* values, int count)
    {
        var result = new double[count];
        for (var i = 0; i < count; i++)
            result[i] = values[i];
        return result;
    }
}
