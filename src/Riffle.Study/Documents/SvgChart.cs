using System.Globalization;
using System.Xml.Linq;

namespace Riffle.Study.Documents;

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
        Svg(chart, 0, Height),
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
            legend.Add(new("g", new XAttribute("transform", Text($"translate({x} {y})")), Sample(series), Text("tick", LegendText, 10, series.Name)));
            x += width;
        }

        var svg = Svg(chart, -TitleLine, TitleLine + y + LegendLine);
        svg.Add(new XAttribute("width", Width));
        svg.AddFirst(
            new XElement("style", StyleSheet.Chart),
            new XElement(
                "rect", new XAttribute("class", "page"), new XAttribute("y", -TitleLine), new XAttribute("width", Width), new XAttribute("height", "100%")),
            Text("title", Left, -8, chart.Title));
        svg.Add(legend);

        // Within HTML the parser knows by itself what is SVG.
        XNamespace space = "http://www.w3.org/2000/svg";
        foreach (var element in svg.DescendantsAndSelf())
            element.Name = space + element.Name.LocalName;
        return $"{svg}\n";
    }

    private static XElement Svg(Chart chart, double top, double height) => new(
        "svg", new XAttribute("viewBox", Text($"0 {top} {Width} {height}")), new XAttribute("role", "img"), new XAttribute("aria-label", chart.Title),
        new XElement("title", chart.Title),
        Grid(chart),
        chart.Series.Select(series => DrawSeries(chart, series)));

    /// <summary>What the legend names.</summary>
    private static IEnumerable<Series> Named(Chart chart) => chart.Series.GroupBy(series => series.Name).Select(named => named.Last());

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
