using System.Text;
using System.Xml.Linq;
using Riffle.Networks;
using Riffle.Reports.Documents;

namespace Riffle.Study.Drawings;

/// <summary>Draws a network, or a unit of one, from its description.</summary>
internal static class NetworkDrawing
{
    private const double CornerRadius = 7, HeadLength = 8, HeadWidth = 7, DotRadius = 2.8;

    /// <summary>A whole network.</summary>
    public static Drawing Of(Network network) => Draw(network.Name, NetworkGraph.Of(network));

    /// <summary>A unit of a network.</summary>
    /// <exception cref="ArgumentException">It has no such unit.</exception>
    public static Drawing Of(Network network, string unit) => Draw($"{network.Name} {unit}", NetworkGraph.Of(network, unit));

    private static Drawing Draw(string title, NetworkGraph graph)
    {
        var picture = NetworkPicture.Of(graph);
        return new(title, picture.Width, picture.Height, () =>
        [
            .. picture.Frames.SelectMany(frame => Draw(frame, picture.Width)), .. picture.Arrows.SelectMany(Draw), .. picture.Boxes.SelectMany(Draw),
        ]);
    }

    private static IEnumerable<XElement> Draw(PlacedFrame frame, double width)
    {
        yield return Svg.Rect("frame", 6, frame.Y, width - 12, frame.Height, 10);
        yield return frame.IsLabelRight
            ? Svg.Text("unit end", width - NetworkPicture.LabelInset, frame.Y + 17, frame.Label)
            : Svg.Text("unit", NetworkPicture.LabelInset, frame.Y + 17, frame.Label);
    }

    private static IEnumerable<XElement> Draw(PlacedArrow arrow)
    {
        var points = arrow.Points;
        var ((x, y), (tipX, tipY)) = (points[^2], points[^1]);

        // The line ends inside of the head, which is sharper than the line is thick.
        var (alongX, alongY) = (Math.Sign(tipX - x), Math.Sign(tipY - y));
        var (baseX, baseY) = (tipX - HeadLength * alongX, tipY - HeadLength * alongY);
        yield return Svg.Path("arrow", Rounded([.. points[..^1], (baseX + alongX, baseY + alongY)]));
        var (sideX, sideY) = (HeadWidth / 2 * alongY, HeadWidth / 2 * alongX);
        yield return Svg.Path(
            "head", Svg.Join($"M{tipX:0.#} {tipY:0.#}L{baseX - sideX:0.#} {baseY + sideY:0.#}L{baseX + sideX:0.#} {baseY - sideY:0.#}z"));
        if (arrow.Fork is var (forkX, forkY))
        {
            const double R = DotRadius;
            yield return Svg.Path("head", Svg.Join($"M{forkX - R:0.#} {forkY:0.#}a{R} {R} 0 1 0 {2 * R} 0a{R} {R} 0 1 0 {-2 * R} 0z"));
        }
    }

    /// <summary>A line through points, with round corners.</summary>
    private static string Rounded((double X, double Y)[] points)
    {
        var path = new StringBuilder(Svg.Join($"M{points[0].X:0.#} {points[0].Y:0.#}"));
        for (var i = 1; i < points.Length - 1; i++)
        {
            var (before, corner, after) = (points[i - 1], points[i], points[i + 1]);
            var radius = Math.Min(CornerRadius, Math.Min(Distance(before, corner), Distance(corner, after)) / 2);
            var (into, outOf) = (Towards(corner, before, radius), Towards(corner, after, radius));
            path.Append(Svg.Join($"L{into.X:0.#} {into.Y:0.#}Q{corner.X:0.#} {corner.Y:0.#} {outOf.X:0.#} {outOf.Y:0.#}"));
        }

        return path.Append(Svg.Join($"L{points[^1].X:0.#} {points[^1].Y:0.#}")).ToString();
    }

    private static double Distance((double X, double Y) a, (double X, double Y) b) => Math.Abs(a.X - b.X) + Math.Abs(a.Y - b.Y);

    private static (double X, double Y) Towards((double X, double Y) from, (double X, double Y) to, double distance) =>
        (from.X + distance * Math.Sign(to.X - from.X), from.Y + distance * Math.Sign(to.Y - from.Y));

    private static IEnumerable<XElement> Draw(PlacedBox box)
    {
        var (node, middle) = (box.Node, box.Centre.X);
        yield return Svg.Rect("page", box.X, box.Y, box.Width, box.Height, RadiusOf(box));
        yield return Svg.Rect($"box {ColourOf(node.Look)}", box.X, box.Y, box.Width, box.Height, RadiusOf(box));
        var y = box.Y + NetworkPicture.Padding + 11;
        yield return Svg.Text("name middle", middle, y, node.Title);
        foreach (var detail in node.Details)
            yield return Svg.Text("detail middle", middle, y += NetworkPicture.DetailLine, detail);
    }

    private static double RadiusOf(PlacedBox box) => box.Node.IsRound ? box.Height / 2 : 6;

    private static string ColourOf(LayerLook look) => look switch
    {
        LayerLook.Product => "c0",
        LayerLook.Depthwise => "c2",
        LayerLook.Pool => "c4",
        LayerLook.Order or LayerLook.Part => "c3",
        LayerLook.Joint => "c1",
        LayerLook.Function => "c5",
        _ => "plain",
    };
}
