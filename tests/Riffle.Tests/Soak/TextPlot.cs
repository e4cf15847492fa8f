using System.Globalization;
using System.Text;

namespace Riffle.Tests.Soak;

/// <summary>A curve as text.</summary>
internal static class TextPlot
{
    private const int Columns = 72, Rows = 10;

    /// <summary>Draws values over equal steps; the scale begins at zero, so that what looks flat is flat.</summary>
    /// <param name="title">What is drawn.</param>
    /// <param name="unit">Behind the numbers.</param>
    /// <param name="values">At least one; of several that share a column the largest is drawn.</param>
    /// <param name="axis">What the steps are, below the curve.</param>
    public static string Draw(string title, string unit, IReadOnlyList<double> values, string axis)
    {
        var columns = Math.Min(Columns, values.Count);
        var heights = Enumerable.Range(0, columns)
            .Select(c => Enumerable.Range(c * values.Count / columns, (c + 1) * values.Count / columns - c * values.Count / columns).Max(i => values[i]))
            .ToArray();
        var top = Math.Max(heights.Max(), 1e-9) * 1.1;
        var text = new StringBuilder($"{title}\n");
        for (var row = Rows; row >= 1; row--)
        {
            text.Append(CultureInfo.InvariantCulture, $"{top * row / Rows,8:0} {unit} |");
            foreach (var height in heights)
                text.Append(height * Rows / top >= row - 0.5 ? '*' : ' ');
            text.Append('\n');
        }

        return text.Append(' ', 10 + unit.Length).Append('+').Append('-', columns).Append('\n').Append(' ', 12 + unit.Length).Append(axis).ToString();
    }
}
