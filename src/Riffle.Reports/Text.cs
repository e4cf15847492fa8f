using System.Globalization;
using Riffle.Data;

namespace Riffle.Reports;

/// <summary>Figures and names as reports show them.</summary>
internal static class Text
{
    /// <summary>A percentage.</summary>
    public static string Percent(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>A percentage of few images.</summary>
    public static string Rough(double? value) => value?.ToString("0.0", CultureInfo.InvariantCulture) ?? "";

    /// <summary>A probability from 0 to 1 as a percentage.</summary>
    public static string Probability(double value) => (100 * value).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    /// <summary>A number as it was given.</summary>
    public static string Plain<T>(T value)
        where T : struct, IFormattable => value.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>A class: its first name in words and, where that is another, its name in the data set.</summary>
    public static string NameOf(DatasetClass label)
    {
        var first = label.Text.Split(',')[0];
        return first.Length == 0 ? label.Name : first;
    }
}
