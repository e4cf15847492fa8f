using System.Globalization;
using System.Xml.Linq;

namespace Riffle.Reports.Documents;

/// <summary>What charts and drawings are written with.</summary>
internal static class Svg
{
    /// <summary>The root of a picture, which a reader of the page names by its title.</summary>
    public static XElement Root(string title, double top, double width, double height, params object?[] content) => new(
        "svg", new XAttribute("viewBox", Join($"0 {top} {width} {height}")), new XAttribute("role", "img"), new XAttribute("aria-label", title),
        new XElement("title", title), content);

    /// <summary>A picture as a file of its own, on a background and with the style sheet.</summary>
    public static string File(XElement svg, double top, double width)
    {
        svg.Add(new XAttribute("width", Number(width)));
        svg.AddFirst(
            new XElement("style", StyleSheet.Chart),
            new XElement(
                "rect", new XAttribute("class", "page"), new XAttribute("y", Number(top)), new XAttribute("width", Number(width)),
                new XAttribute("height", "100%")));

        // Within HTML the parser knows by itself what is SVG.
        XNamespace space = "http://www.w3.org/2000/svg";
        foreach (var element in svg.DescendantsAndSelf())
            element.Name = space + element.Name.LocalName;
        return $"{svg}\n";
    }

    public static XElement Line(string name, double x1, double y1, double x2, double y2) => new(
        "line", new XAttribute("class", name), new XAttribute("x1", Number(x1)), new XAttribute("y1", Number(y1)), new XAttribute("x2", Number(x2)),
        new XAttribute("y2", Number(y2)));

    public static XElement Text(string name, double x, double y, string text) =>
        new("text", new XAttribute("class", name), new XAttribute("x", Number(x)), new XAttribute("y", Number(y)), text);

    public static XElement Rect(string name, double x, double y, double width, double height, double radius) => new(
        "rect", new XAttribute("class", name), new XAttribute("x", Number(x)), new XAttribute("y", Number(y)), new XAttribute("width", Number(width)),
        new XAttribute("height", Number(height)), new XAttribute("rx", Number(radius)));

    public static XElement Path(string name, string path) => new("path", new XAttribute("class", name), new XAttribute("d", path));

    public static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    public static string Join(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
