using System.Xml.Linq;

namespace Riffle.Reports.Documents;

/// <summary>Pictures as elements of a page, whose style sheet has their colours, and as files of their own, which bring it.</summary>
internal static class SvgPicture
{
    /// <summary>A file has its title above it.</summary>
    private const double TitleLine = 28, TitleInset = 8;

    /// <summary>The picture of a page, with its title.</summary>
    public static XElement Draw(Picture picture) => picture switch
    {
        Chart chart => SvgChart.Draw(chart),
        Drawing drawing => new XElement("figure", new XElement("figcaption", drawing.Title), Svg(drawing)),
        _ => throw new NotSupportedException($"{picture} has no form as a picture"),
    };

    /// <summary>The picture as a file.</summary>
    public static string File(Picture picture) => picture switch
    {
        Chart chart => SvgChart.Picture(chart),
        Drawing drawing => File(drawing),
        _ => throw new NotSupportedException($"{picture} has no form as a picture"),
    };

    private static string File(Drawing drawing)
    {
        var svg = Documents.Svg.Root(drawing.Title, -TitleLine, drawing.Width, drawing.Height + TitleLine, drawing.Draw());
        svg.Add(Documents.Svg.Text("title", TitleInset, -TitleInset, drawing.Title));
        return Documents.Svg.File(svg, -TitleLine, drawing.Width);
    }

    /// <summary>No wider than it is drawn, so that its text is not larger than that of the page.</summary>
    private static XElement Svg(Drawing drawing)
    {
        var svg = Documents.Svg.Root(drawing.Title, 0, drawing.Width, drawing.Height, drawing.Draw());
        svg.Add(new XAttribute("style", $"max-width: {Documents.Svg.Number(drawing.Width)}px"));
        return svg;
    }
}
