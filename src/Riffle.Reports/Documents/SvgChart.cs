using System.Globalization;
using System.Xml.Linq;

namespace Riffle.Reports.Documents;

/// <summary>Draws charts as SVG, as elements of a page, whose style sheet has their colours, and as files of their own, which bring it.</summary>
internal static class SvgChart
{
    private const double Width = 400, Height = 280, Left = 34, Right = 12, Top = 26, Bottom = 38, MarkSize = 4;
    private const double TitleLine = 24, LegendLine = 18, LegendText = 30;

    /// <summary>Number of colours that the style sheet has, <c>c0</c> and so on.</summary>
    public const int Colours = 7;

    /// <summary>The chart of a page, with its title and legend.</summary>
    public static XElement Draw(Chart chart) => new(
        "figure",
        new XElement("figcaption", chart.Title),
        Draw(chart, 0, Height),
        new XElement("ul", new XAttribute("class", "legend"), Named(chart).Select(series => new XElement(
            "li",
            new XElement("svg", new XAttribute("viewBox", "0 0 24 12"), new XAttribute("aria-hidden", "true"), Sample(series)),
            series.Name))));

    /// <summary>The chart as a file, with its title above it and its legend below.</summary>
    public static string Picture(Chart chart)
    {
        var (x, y, legend) = (Left, Height, new List<XElement>());
        foreach (var series in Named(chart))
        {
            // Nothing here knows how wide a text is; its characters are narrower than that.
            var width = LegendText + (6 * series.Name.Length) + 10;
            if (x > Left && x + width > Width)
                (x, y) = (Left, y + LegendLine);
            legend.Add(new("g", new XAttribute("transform", Svg.Join($"translate({x} {y})")), Sample(series), Svg.Text("tick", LegendText, 10, series.Name)));
            x += width;
        }

        var svg = Draw(chart, -TitleLine, TitleLine + y + LegendLine);
        svg.Add(Svg.Text("title", Left, -8, chart.Title), legend);
        return Svg.File(svg, -TitleLine, Width);
    }

    private static XElement Draw(Chart chart, double top, double height) =>
        Svg.Root(chart.Title, top, Width, height, Grid(chart), chart.Series.Select(series => DrawSeries(chart, series)));

    /// <summary>What the legend names.</summary>
    private static IEnumerable<Series> Named(Chart chart) => chart.Series.GroupBy(series => series.Name).Select(named => named.Last());

    private static IEnumerable<XElement> Grid(Chart chart)
    {
        foreach (var tick in chart.Y.Ticks)
        {
            var y = YOf(chart, tick);
            yield return Svg.Line("grid", Left, y, Width - Right, y);
            yield return Svg.Text("tick end", Left - 5, y + 4, Number(tick));
        }

        foreach (var tick in chart.X.Ticks)
        {
            var x = XOf(chart, tick);
            yield return Svg.Line("grid", x, Top, x, Height - Bottom);
            yield return Svg.Text("tick middle", x, Height - Bottom + 15, Number(tick));
        }

        yield return Svg.Text("tick", 2, 13, chart.Y.Label);
        yield return Svg.Text("tick end", Width - Right, Height - 5, chart.X.Label);
    }

    private static XElement DrawSeries(Chart chart, Series series)
    {
        var places = series.Points.Select(point => (X: XOf(chart, point.X), Y: YOf(chart, point.Y), point.Label)).ToArray();
        var group = new XElement("g", new XAttribute("class", ClassOf(series)));
        if (places.Length > 1)
            group.Add(new XElement("polyline", new XAttribute("points", string.Join(' ', places.Select(place => $"{Svg.Number(place.X)},{Svg.Number(place.Y)}")))));
        if (series.HasMarks || places.Length == 1)
            group.Add(places.Select(place => Mark(series.Colour, place.X, place.Y, place.Label)));
        return group;
    }

    /// <summary>A series as the legend shows it, 24 wide and 12 high.</summary>
    private static XElement Sample(Series series) => new(
        "g", new XAttribute("class", ClassOf(series)), new XElement("polyline", new XAttribute("points", "0,6 24,6")),
        series.HasMarks ? Mark(series.Colour, 12, 6, "") : null);

    /// <summary>A circle, a square, a diamond or a triangle, so that colour is not the only difference between series.</summary>
    private static XElement Mark(int shape, double x, double y, string label)
    {
        const double R = MarkSize, S = 0.87 * R, D = 1.25 * R;
        var path = (shape % 4) switch
        {
            0 => $"m{-R} 0a{R} {R} 0 1 0 {2 * R} 0a{R} {R} 0 1 0 {-2 * R} 0z",
            1 => Svg.Join($"m{-S} {-S}h{2 * S}v{2 * S}h{-2 * S}z"),
            2 => Svg.Join($"m{-D} 0l{D} {-D}l{D} {D}l{-D} {D}z"),
            _ => Svg.Join($"m0 {-D}l{D} {2 * S}h{-2 * D}z"),
        };
        return new("path", new XAttribute("d", $"M{Svg.Number(x)} {Svg.Number(y)}{path}"), label.Length > 0 ? new XElement("title", label) : null);
    }

    private static string ClassOf(Series series) => $"c{series.Colour % Colours}{(series.IsPublished ? " published" : "")}";

    private static double XOf(Chart chart, double value) => Left + chart.X.Place(value) * (Width - Left - Right);

    private static double YOf(Chart chart, double value) => Height - Bottom - chart.Y.Place(value) * (Height - Top - Bottom);

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}
