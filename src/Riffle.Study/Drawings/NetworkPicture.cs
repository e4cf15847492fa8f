using System.Collections.Immutable;

namespace Riffle.Study.Drawings;

/// <summary>A box with its place.</summary>
internal sealed record PlacedBox(GraphNode Node, double X, double Y, double Width, double Height)
{
    public double Right => X + Width;

    public double Bottom => Y + Height;

    public (double X, double Y) Centre => (X + Width / 2, Y + Height / 2);
}

/// <summary>An arrow through points that lie above, below or beside each other.</summary>
/// <param name="From">The box that it leaves.</param>
/// <param name="To">The box that it ends at.</param>
/// <param name="Points">From its begin to its head.</param>
/// <param name="Fork">Where it leaves another arrow from the same box, which carries the same value; null where it does not.</param>
internal sealed record PlacedArrow(int From, int To, ImmutableArray<(double X, double Y)> Points, (double X, double Y)? Fork);

/// <summary>The frame of a unit, as wide as the drawing.</summary>
/// <param name="Label">Its name, at the top left or, where an arrow would cross it, at the top right.</param>
/// <param name="IsLabelRight">Whether it is at the right.</param>
/// <param name="Y">Its top.</param>
/// <param name="Height">Its height.</param>
internal sealed record PlacedFrame(string Label, bool IsLabelRight, double Y, double Height);

/// <summary>Where everything of a drawing is, in pixels.</summary>
internal sealed record NetworkPicture(
    double Width, double Height, ImmutableArray<PlacedBox> Boxes, ImmutableArray<PlacedArrow> Arrows, ImmutableArray<PlacedFrame> Frames)
{
    /// <summary>Pictures have at least this width, so that a page shows all of them in one size of text.</summary>
    public const double LeastWidth = 420;

    public const double TitleLine = 18, DetailLine = 16, Padding = 9, LabelInset = 16;

    private const double Margin = 12, RowGap = 28, LaneGap = 26, FrameTop = 30, FrameBottom = 14, FrameInset = 2;
    private const double TitleCharacter = 8.2, DetailCharacter = 6.9, LabelHeight = 24;

    public static NetworkPicture Of(NetworkGraph graph) => new Builder(graph).Build();

    private sealed class Builder
    {
        private readonly NetworkGraph _graph;
        private readonly GraphLayout _layout;
        private readonly (double Width, double Height)[] _sizes;
        private readonly Dictionary<string, GraphUnit> _framed;
        private readonly Dictionary<int, (double Left, double Right)> _lanes;
        private readonly double _width;
        private readonly double[] _tops, _bottoms;

        public Builder(NetworkGraph graph)
        {
            (_graph, _layout) = (graph, new(graph));
            _sizes = [.. graph.Nodes.Select(SizeOf)];
            _framed = FramedUnits();
            (_lanes, _width) = Lanes();
            (_tops, _bottoms) = Rows();
        }

        public NetworkPicture Build()
        {
            ImmutableArray<PlacedBox> boxes = [.. _graph.Nodes.Select(Place)];
            ImmutableArray<PlacedArrow> arrows = [.. _layout.Paths.SelectMany(path => Arrows(path, boxes))];
            var height = _bottoms[^1] + (FrameAt(_bottoms.Length - 1) is null ? 0 : FrameBottom) + Margin;
            return new(_width, height, boxes, arrows, [.. _framed.Values.Select(unit => Frame(unit, arrows))]);
        }

        /// <summary>Nothing here knows how wide a text is; its characters are narrower than that.</summary>
        private static (double Width, double Height) SizeOf(GraphNode node)
        {
            var text = node.Details.Select(detail => DetailCharacter * detail.Length).Append(TitleCharacter * node.Title.Length).Max();
            var ends = node.IsRound ? 3 * Padding : 2 * Padding;
            return (Math.Ceiling(text / 2) * 2 + ends, TitleLine + DetailLine * node.Details.Length + 2 * Padding - 4);
        }

        private int[] RowsOf(string unit) => [.. _graph.Nodes.Index().Where(node => node.Item.Unit == unit).Select(node => _layout.RowOf[node.Index])];

        /// <summary>Units of several boxes get a frame, where a network of several units has no other box in their rows.</summary>
        private Dictionary<string, GraphUnit> FramedUnits() => _graph.Units.Length == 1 ? [] : _graph.Units.Where(unit =>
        {
            var (rows, others) = (RowsOf(unit.Unit), _graph.Nodes.Index().Where(node => node.Item.Unit != unit.Unit).Select(node => _layout.RowOf[node.Index]));
            return rows.Length > 1 && !others.Any(row => row >= rows.Min() && row <= rows.Max());
        }).ToDictionary(unit => unit.Unit);

        /// <summary>A lane is as wide as its widest box. Below the least width, what is left is divided to both sides.</summary>
        private (Dictionary<int, (double Left, double Right)> Lanes, double Width) Lanes()
        {
            var widths = _layout.Paths.GroupBy(path => path.Lane).OrderBy(lane => lane.Key)
                .Select(lane => (lane.Key, Width: lane.SelectMany(path => path.Nodes).Select(node => _sizes[node].Width).DefaultIfEmpty(0).Max()));
            var lanes = new Dictionary<int, (double, double)>();
            var x = Margin + (_framed.Count > 0 ? LaneGap / 2 : 0);
            foreach (var (lane, width) in widths)
            {
                lanes[lane] = (x, x + width);
                x += width + LaneGap;
            }

            var whole = x - LaneGap + Margin + (_framed.Count > 0 ? LaneGap / 2 : 0);
            var shift = Math.Max(0, LeastWidth - whole) / 2;
            return (lanes.ToDictionary(lane => lane.Key, lane => (lane.Value.Item1 + shift, lane.Value.Item2 + shift)), whole + 2 * shift);
        }

        private GraphUnit? FrameAt(int row) => _framed.Values.FirstOrDefault(unit => RowsOf(unit.Unit).Contains(row));

        private (double[] Tops, double[] Bottoms) Rows()
        {
            var count = _layout.RowOf.Max() + 1;
            var (tops, bottoms, y) = (new double[count], new double[count], Margin);
            GraphUnit? before = null;
            for (var row = 0; row < count; row++)
            {
                var frame = FrameAt(row);
                if (frame != before)
                    y += (before is null ? 0 : FrameBottom) + (frame is null ? 0 : FrameTop);
                (before, tops[row]) = (frame, y);
                y += Enumerable.Range(0, _sizes.Length).Where(i => _layout.RowOf[i] == row).Max(i => _sizes[i].Height);
                bottoms[row] = y;
                y += RowGap;
            }

            return (tops, bottoms);
        }

        private PlacedBox Place(GraphNode node, int i)
        {
            var ((width, height), (left, right), row) = (_sizes[i], _lanes[_layout.LaneOf[i]], _layout.RowOf[i]);
            return new(node, (left + right - width) / 2, (_tops[row] + _bottoms[row] - height) / 2, width, height);
        }

        private PlacedFrame Frame(GraphUnit unit, ImmutableArray<PlacedArrow> arrows)
        {
            var rows = RowsOf(unit.Unit);
            var top = _tops[rows.Min()] - FrameTop + FrameInset;
            var label = unit.Repeat == 1 ? unit.Unit : $"{unit.Unit}: {unit.Repeat} times";
            var end = LabelInset + TitleCharacter * label.Length;
            var crossed = arrows.Any(arrow => arrow.Points.Zip(arrow.Points.Skip(1)).Any(line =>
                line.First.X < end && line.First.X == line.Second.X && Math.Min(line.First.Y, line.Second.Y) < top + LabelHeight
                && Math.Max(line.First.Y, line.Second.Y) > top));
            return new(label, crossed, top, _bottoms[rows.Max()] + FrameBottom - FrameInset - top);
        }

        private IEnumerable<PlacedArrow> Arrows(GraphPath path, ImmutableArray<PlacedBox> boxes)
        {
            // A way without boxes lies at the edge of its lane that is nearest to the middle.
            var (left, right) = _lanes[path.Lane];
            var x = path.Nodes.IsEmpty ? path.Lane < 0 ? right : left : (left + right) / 2;
            if (path.Nodes.IsEmpty)
            {
                var edge = path.From!;
                yield return Arrow(edge, path.Lane, [.. Leave(edge.From, x, boxes), .. Arrive(edge.To, path.Lane, x, boxes)]);
                yield break;
            }

            if (path.From is { } from)
                yield return Arrow(from, path.Lane, [.. Leave(from.From, x, boxes), (x, boxes[from.To].Y)]);
            foreach (var (a, b) in path.Nodes.Zip(path.Nodes.Skip(1)))
                yield return new(a, b, [(x, boxes[a].Bottom), (x, boxes[b].Y)], null);
            if (path.To is { } to)
                yield return new(to.From, to.To, [(x, boxes[to.From].Bottom), .. Arrive(to.To, path.Lane, x, boxes)], null);
        }

        private PlacedArrow Arrow(GraphEdge edge, int lane, ImmutableArray<(double X, double Y)> points)
        {
            var forks = lane != _layout.LaneOf[edge.From] && !_layout.LeavesFromItsSide(edge.From) && _graph.Edges.Count(other => other.From == edge.From) > 1;
            return new(edge.From, edge.To, points, forks ? points[1] : null);
        }

        /// <summary>Out of a box and down a lane: from its bottom and along the gap below its row, or from its side.</summary>
        private (double X, double Y)[] Leave(int node, double x, ImmutableArray<PlacedBox> boxes)
        {
            var box = boxes[node];
            if (_layout.LeavesFromItsSide(node))
                return [(x < box.X ? box.X : box.Right, box.Centre.Y), (x, box.Centre.Y)];
            var (row, gap) = (_layout.RowOf[node], RowGap / 2 - 3);

            // Between two frames, not along the edge of one.
            if (FrameAt(row) is { } frame && frame != FrameAt(row + 1))
                gap += FrameBottom;
            gap += _bottoms[row];
            return [(box.Centre.X, box.Bottom), (box.Centre.X, gap), (x, gap)];
        }

        /// <summary>From a lane into a box: to its side, or to its top where another box is beside it.</summary>
        private (double X, double Y)[] Arrive(int node, int lane, double x, ImmutableArray<PlacedBox> boxes)
        {
            var box = boxes[node];
            if (_layout.IsClear(lane, node))
                return [(x, box.Centre.Y), (x < box.X ? box.X : box.Right, box.Centre.Y)];
            var (gap, end) = (_tops[_layout.RowOf[node]] - 10, x < box.X ? box.X + 14 : box.Right - 14);
            return [(x, gap), (end, gap), (end, box.Y)];
        }
    }
}
