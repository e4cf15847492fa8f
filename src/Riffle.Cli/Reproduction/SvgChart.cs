using System.Globalization;
using System.Xml.Linq;

namespace Riffle.Cli.Reproduction;

/// <summary>Draws charts as SVG elements of a page, whose style sheet has their colours.</summary>
internal static class SvgChart
{
    private const double Width = 400, Height = 280, Left = 34, Right = 12, Top = 26, Bottom = 38, MarkSize = 4;

    /// <summary>Number of colours that the style sheet has, <c>c0</c> and so on.</summary>
    public const int Colours = 7;

    /// <summary>The chart with its title and legend.</summary>
    public static XElement Draw(Chart chart) => new(
        "figure",
        new XElement("figcaption", chart.Title),
        new XElement(
            "svg", new XAttribute("viewBox", $"0 0 {Width} {Height}"), new XAttribute("role", "img"), new XAttribute("aria-label", chart.Title),
            new XElement("title", chart.Title),
            Grid(chart),
            chart.Series.Select(series => DrawSeries(chart, series))),
        new XElement("ul", new XAttribute("class", "legend"), chart.Series.GroupBy(series => series.Name).Select(named => Legend(named.Last()))));

    private static IEnumerable<XElement> Grid(Chart chart)
    {
        foreach (var tick in chart.Y.Ticks)
        {
            var y = YOf(chart, tick);
            yield return Line("grid", Left, y, Width - Right, y);
            yield return Text("tick end", Left - 5, y + 4, Number(tick));
        }

        foreach (var tick in chart.X.Ticks)
        {
            var x = XOf(chart, tick);
            yield return Line("grid", x, Top, x, Height - Bottom);
            yield return Text("tick middle", x, Height - Bottom + 15, Number(tick));
        }

        yield return Text("tick", 2, 13, chart.Y.Label);
        yield return Text("tick end", Width - Right, Height - 5, chart.X.Label);
    }

    private static XElement DrawSeries(Chart chart, Series series)
    {
        var places = series.Points.Select(point => (X: XOf(chart, point.X), Y: YOf(chart, point.Y), point.Label)).ToArray();
        var group = new XElement("g", new XAttribute("class", ClassOf(series)));
        if (places.Length > 1)
            group.Add(new XElement("polyline", new XAttribute("points", string.Join(' ', places.Select(place => $"{Round(place.X)},{Round(place.Y)}")))));
        if (series.HasMarks || places.Length == 1)
            group.Add(places.Select(place => Mark(series.Colour, place.X, place.Y, place.Label)));
        return group;
    }

    private static XElement Legend(Series series) => new(
        "li",
        new XElement(
            "svg", new XAttribute("viewBox", "0 0 24 12"), new XAttribute("aria-hidden", "true"),
            new XElement(
                "g", new XAttribute("class", ClassOf(series)), new XElement("polyline", new XAttribute("points", "0,6 24,6")),
                series.HasMarks ? Mark(series.Colour, 12, 6, "") : null)),
        series.Name);

    /// <summary>A circle, a square, a diamond or a triangle, so that colour is not all that tells series apart.</summary>
    private static XElement Mark(int shape, double x, double y, string label)
    {
        const double R = MarkSize, S = 0.87 * R, D = 1.25 * R;
        var path = (shape % 4) switch
        {
            0 => $"m{-R} 0a{R} {R} 0 1 0 {2 * R} 0a{R} {R} 0 1 0 {-2 * R} 0z",
            1 => Text($"m{-S} {-S}h{2 * S}v{2 * S}h{-2 * S}z"),
            2 => Text($"m{-D} 0l{D} {-D}l{D} {D}l{-D} {D}z"),
            _ => Text($"m0 {-D}l{D} {2 * S}h{-2 * D}z"),
        };
        return new("path", new XAttribute("d", $"M{Round(x)} {Round(y)}{path}"), label.Length > 0 ? new XElement("title", label) : null);
    }

    private static string ClassOf(Series series) => $"c{series.Colour % Colours}{(series.IsPublished ? " published" : "")}";

    private static XElement Line(string name, double x1, double y1, double x2, double y2) => new(
        "line", new XAttribute("class", name), new XAttribute("x1", Round(x1)), new XAttribute("y1", Round(y1)), new XAttribute("x2", Round(x2)),
        new XAttribute("y2", Round(y2)));

    private static XElement Text(string name, double x, double y, string text) =>
        new("text", new XAttribute("class", name), new XAttribute("x", Round(x)), new XAttribute("y", Round(y)), text);

    private static double XOf(Chart chart, double value) => Left + chart.X.Place(value) * (Width - Left - Right);

    private static double YOf(Chart chart, double value) => Height - Bottom - chart.Y.Place(value) * (Height - Top - Bottom);

    private static string Round(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
