using System.Collections.Immutable;
using System.Xml.Linq;
using Riffle.Networks;
using Riffle.Reports.Documents;

namespace Riffle.Study.Drawings;

/// <summary>
/// Draws a chain of layers channel by channel: which channels each channel is computed from, as its operator says, and, by colour, which groups of the images'
/// channels it depends on.
/// </summary>
internal static class ChannelDrawing
{
    private const double Width = 420, Left = 8, Cell = 19, CellGap = 3, GroupGap = 12, Fan = 58, Top = 8, TextGap = 14;

    /// <summary>A drawing of a network that is a chain of layers.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="network">The network.</param>
    /// <param name="groups">The number of groups of its channels, each with a colour.</param>
    public static Drawing Of(string title, Network network, int groups)
    {
        var rows = Rows(network, groups);
        return new(title, Width, Top + rows.Length * Cell + (rows.Length - 1) * Fan + Top, () => [.. Draw(rows)]);
    }

    /// <summary>A layer's output.</summary>
    /// <param name="Caption">How the layer is drawn.</param>
    /// <param name="Channels">Its channels, from left to right.</param>
    /// <param name="Groups">Into how many groups they are set apart.</param>
    private sealed record Row(LayerCaption Caption, ImmutableArray<Channel> Channels, int Groups);

    /// <summary>A channel.</summary>
    /// <param name="Sources">The channels of the row above that it is computed from.</param>
    /// <param name="Origins">The groups of the first row that it depends on.</param>
    private sealed record Channel(ImmutableArray<int> Sources, ImmutableArray<int> Origins);

    private static Row[] Rows(Network network, int groups)
    {
        var rows = new List<Row>();
        foreach (var layer in network.Layers)
        {
            var count = layer.Output.Channels;
            var caption = layer.Operation.CaptionFor(layer.Output);
            if (rows.Count == 0)
            {
                rows.Add(new(caption, [.. Enumerable.Range(0, count).Select(channel => new Channel([], [channel * groups / count]))], groups));
                continue;
            }

            var (above, input) = (rows[^1].Channels, network.Layers[layer.Inputs[0]].Output);
            rows.Add(new(caption, [.. Enumerable.Range(0, count).Select(channel =>
            {
                ImmutableArray<int> sources = [.. layer.Operation.SourcesOf(channel, input)];
                return new Channel(sources, [.. sources.SelectMany(source => above[source].Origins).Distinct().Order()]);
            })], groups));
        }

        return [.. rows];
    }

    private static IEnumerable<XElement> Draw(Row[] rows)
    {
        // Lines first, so that they end behind the channels.
        for (var i = 1; i < rows.Length; i++)
        {
            var (top, bottom) = (YOf(i - 1) + Cell, YOf(i));
            foreach (var (index, channel) in rows[i].Channels.Index())
            {
                foreach (var source in channel.Sources)
                {
                    foreach (var (n, origin) in rows[i - 1].Channels[source].Origins.Index())
                    {
                        // Of a channel that depends on several groups, a line for each, side by side.
                        var shift = 2.2 * (n - (rows[i - 1].Channels[source].Origins.Length - 1) / 2.0);
                        yield return Svg.Line($"link c{origin}", XOf(rows[i - 1], source) + shift, top, XOf(rows[i], index) + shift, bottom);
                    }
                }
            }
        }

        foreach (var (i, row) in rows.Index())
        {
            foreach (var (index, channel) in row.Channels.Index())
            {
                var (x, part) = (XOf(row, index) - Cell / 2, Cell / channel.Origins.Length);
                foreach (var (n, origin) in channel.Origins.Index())
                    yield return Svg.Rect($"channel c{origin}", x + n * part, YOf(i), part, Cell, 0);
            }

            var right = XOf(row, row.Channels.Length - 1) + Cell / 2 + TextGap;
            if (i == 0 || i == rows.Length - 1)
                yield return Svg.Text("detail", right, YOf(i) + Cell / 2 + 4, i == 0 ? row.Caption.Title : "Output");
            if (i == 0)
                continue;

            var middle = YOf(i) - Fan / 2;
            yield return Svg.Text("name", right, middle - (row.Caption.Settings.Length > 0 ? 4 : -4), row.Caption.Title);
            if (row.Caption.Settings.Length > 0)
                yield return Svg.Text("detail", right, middle + 12, string.Join(" · ", row.Caption.Settings));
        }
    }

    private static double YOf(int row) => Top + row * (Cell + Fan);

    /// <summary>The middle of a channel.</summary>
    private static double XOf(Row row, int channel) =>
        Left + Cell / 2 + channel * (Cell + CellGap) + channel * row.Groups / row.Channels.Length * (GroupGap - CellGap);
}
