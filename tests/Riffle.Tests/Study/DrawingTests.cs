using System.Globalization;
using System.Xml.Linq;
using Riffle.Networks;
using Riffle.Reports.Documents;
using Riffle.Study;
using Riffle.Study.Drawings;
using Riffle.Tests.Execution;
using Riffle.Tests.Networks;

namespace Riffle.Tests.Study;

public class DrawingTests
{
    public static TheoryData<string> Names => [.. NetworkCatalogue.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Arrows_cross_no_box_in_networks_of_the_catalogue(string name)
    {
        var network = NetworkCatalogue.Build(NetworkCatalogue.Resolve(name));
        Check(NetworkPicture.Of(NetworkGraph.Of(network)));
        foreach (var unit in network.Layers.Select(layer => layer.Unit).Distinct())
            Check(NetworkPicture.Of(NetworkGraph.Of(network, unit)));
    }

    [Fact]
    public void Arrows_cross_no_box_in_networks_of_any_layers()
    {
        for (var seed = 0; seed < 300; seed++)
            Check(NetworkPicture.Of(NetworkGraph.Of(RandomNetworks.Any(seed))));
        Check(NetworkPicture.Of(NetworkGraph.Of(OwnNetwork.Create(56, 10))));
    }

    /// <summary>ShuffleNet v1's unit that halves the image, as Figure 2 (c) of its paper has it: the pool is beside the branch, on the left.</summary>
    [Fact]
    public void A_unit_has_a_box_for_each_layer_with_its_functions_and_its_shape()
    {
        var picture = Unit("shufflenet-v1-g3-x1.0", "stage3.0");
        Assert.Equal(
            [
                "Input|240 channels, 14×14", "1×1 group convolution|3 groups · batch norm · ReLU|120 channels, 14×14",
                "Channel shuffle|3 groups|120 channels, 14×14",
                "3×3 depthwise convolution|stride 2 · batch norm|120 channels, 7×7", "1×1 group convolution|3 groups · batch norm|240 channels, 7×7",
                "3×3 average pool|stride 2|240 channels, 7×7", "Concat|ReLU|480 channels, 7×7", "Output",
            ],
            picture.Boxes.Select(box => string.Join('|', [box.Node.Title, .. box.Node.Details])));
        var (pool, first, concat) = (picture.Boxes[5], picture.Boxes[1], picture.Boxes[6]);
        Assert.Equal(first.Y, pool.Y);
        Assert.True(pool.Right < first.X);

        // Both read one value, so the one arrow leaves the other.
        Assert.Single(picture.Arrows, arrow => arrow.Fork is not null);
        Assert.Equal(concat.X, picture.Arrows.Single(arrow => arrow.From == 5).Points[^1].X);
    }

    /// <summary>ShuffleNet v2's halves are different values: no arrow leaves another.</summary>
    [Fact]
    public void The_parts_of_a_value_leave_one_box()
    {
        var picture = Unit("shufflenet-v2-x1.0", "stage2.1");
        var split = Assert.Single(picture.Boxes, box => box.Node.Title == "Channel split");
        Assert.Equal(["58 + 58 channels, 14×14"], split.Node.Details.AsEnumerable());
        Assert.DoesNotContain(picture.Arrows, arrow => arrow.Fork is not null);
    }

    [Fact]
    public void Alike_units_are_drawn_once()
    {
        var picture = NetworkPicture.Of(NetworkGraph.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve("shufflenet-v1-g3-x1.0"))));
        Assert.Equal(["stage2.0", "stage2.1", "stage3.0", "stage3.1-3: 3 times", "stage4.0", "stage4.1"], picture.Frames.Select(frame => frame.Label));
        Assert.Equal(6, picture.Boxes.Count(box => box.Node.Title == "Channel shuffle"));
    }

    [Fact]
    public void With_a_shuffle_every_output_depends_on_every_group()
    {
        var figure = Assert.IsType<PicturesBlock>(FigureSections.All[0].Blocks[1]);
        IEnumerable<int> Pieces(Picture picture) =>
            from piece in ((Drawing)picture).Draw()
            where piece.Attribute("class")!.Value.StartsWith("channel ", StringComparison.Ordinal)
            group piece by double.Parse(piece.Attribute("y")!.Value, CultureInfo.InvariantCulture) into row
            orderby row.Key
            select row.Count();
        Assert.Equal([9, 9, 9], Pieces(figure.Pictures[0]));
        Assert.Equal([9, 9, 9, 27], Pieces(figure.Pictures[1]));
    }

    [Fact]
    public void A_drawing_as_a_file_is_one_document_that_needs_nothing_else()
    {
        var drawing = NetworkDrawing.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve("mobilenet-v3-small-x1.0")), "features.5");
        var text = SvgPicture.File(drawing);
        var root = XDocument.Parse(text).Root!;
        Assert.All(root.DescendantsAndSelf(), element => Assert.Equal("http://www.w3.org/2000/svg", element.Name.NamespaceName));
        Assert.DoesNotContain(root.Descendants(), element => element.Name.LocalName is "script" or "image" or "use" or "foreignObject");
        Assert.DoesNotContain("url(", text);
        Assert.Contains("Multiply", text);
    }

    private static NetworkPicture Unit(string name, string unit)
    {
        var picture = NetworkPicture.Of(NetworkGraph.Of(NetworkCatalogue.Build(NetworkCatalogue.Resolve(name)), unit));
        Check(picture);
        return picture;
    }

    private static void Check(NetworkPicture picture)
    {
        foreach (var (i, box) in picture.Boxes.Index())
        {
            Assert.True(box.X >= 0 && box.Y >= 0 && box.Right <= picture.Width && box.Bottom <= picture.Height);
            Assert.DoesNotContain(
                picture.Boxes.Skip(i + 1), other => box.X < other.Right && other.X < box.Right && box.Y < other.Bottom && other.Y < box.Bottom);
            Assert.DoesNotContain(picture.Arrows, arrow => arrow.Points.Zip(arrow.Points.Skip(1)).Any(line => Crosses(box, line.First, line.Second)));
        }

        foreach (var arrow in picture.Arrows)
        {
            Assert.True(Touches(picture.Boxes[arrow.From], arrow.Points[0]), "an arrow begins at the edge of its box");
            Assert.True(Touches(picture.Boxes[arrow.To], arrow.Points[^1]), "an arrow ends at the edge of its box");
            Assert.All(arrow.Points.Zip(arrow.Points.Skip(1)), line => Assert.True(line.First.X == line.Second.X || line.First.Y == line.Second.Y));
        }
    }

    /// <summary>Whether an upright or level line goes through the inside of a box.</summary>
    private static bool Crosses(PlacedBox box, (double X, double Y) a, (double X, double Y) b) =>
        Math.Min(a.X, b.X) < box.Right && Math.Max(a.X, b.X) > box.X && Math.Min(a.Y, b.Y) < box.Bottom && Math.Max(a.Y, b.Y) > box.Y;

    private static bool Touches(PlacedBox box, (double X, double Y) point) =>
        (point.X == box.X || point.X == box.Right) && point.Y > box.Y && point.Y < box.Bottom
        || (point.Y == box.Y || point.Y == box.Bottom) && point.X > box.X && point.X < box.Right;
}
