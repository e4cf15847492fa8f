using System.Globalization;
using System.Xml.Linq;
using Riffle.Evaluation;
using Riffle.Reports.Documents;

namespace Riffle.Reports;

/// <summary>A confusion matrix as a drawing: a row for each class of the images, a column for each that they were taken for.</summary>
internal static class ConfusionPicture
{
    /// <summary>More classes are too small to read.</summary>
    public const int MostClasses = 24;

    private const double Cell = 32, Inset = 8, Letter = 6.5, LeastNames = 40;
    private const int LongestName = 18;

    /// <summary>Draws it.</summary>
    /// <param name="confusions">The counts, of at most <see cref="MostClasses"/> classes.</param>
    /// <param name="names">The names of the classes.</param>
    public static Drawing Of(ConfusionMatrix confusions, IReadOnlyList<string> names)
    {
        var start = Math.Max(LeastNames, (Letter * names.Max(name => Short(name).Length)) + (2 * Inset));
        var side = start + (Cell * confusions.Classes) + Inset;
        return new("Confusion matrix: images of the class on the left, taken for that above", side, side, () => [.. Elements(confusions, names, start)]);
    }

    private static IEnumerable<XElement> Elements(ConfusionMatrix confusions, IReadOnlyList<string> names, double start)
    {
        for (var label = 0; label < confusions.Classes; label++)
        {
            var middle = start + (Cell * label) + (Cell / 2);
            yield return Svg.Text("tick end", start - Inset, middle + 4, Short(names[label]));
            var column = Svg.Text("tick", 0, 4, Short(names[label]));
            column.Add(new XAttribute("transform", Svg.Join($"translate({middle} {start - Inset}) rotate(-90)")));
            yield return column;
            var images = Math.Max(1, confusions.Of(label).Images);
            for (var predicted = 0; predicted < confusions.Classes; predicted++)
            {
                var (left, top) = (start + (Cell * predicted), start + (Cell * label));
                yield return Svg.Rect("frame", left, top, Cell, Cell, 0);
                if (confusions[label, predicted] is not (> 0 and var count))
                    continue;

                // Few mistakes shall be seen beside many right ones.
                var share = Math.Sqrt(count / (double)images);
                var colour = Svg.Rect($"channel c{(label == predicted ? 0 : 1)}", left, top, Cell, Cell, 0);
                colour.Add(
                    new XAttribute("fill-opacity", share.ToString("0.00", CultureInfo.InvariantCulture)),
                    new XElement("title", $"{names[label]} taken for {names[predicted]}: {count} of {images}"));
                yield return colour;
                yield return Svg.Text(share > 0.6 ? "cell strong" : "cell", left + (Cell / 2), top + (Cell / 2) + 4, $"{count}");
            }
        }
    }

    private static string Short(string name) => name.Length <= LongestName ? name : name[..(LongestName - 1)] + "…";
}
