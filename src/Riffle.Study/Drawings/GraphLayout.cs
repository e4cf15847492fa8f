using System.Collections.Immutable;
using Riffle.Networks;

namespace Riffle.Study.Drawings;

/// <summary>A way through a graph that is drawn in one lane: from a box, through boxes of its own, to a box.</summary>
/// <param name="From">The edge that leads into it; null where it begins with its own first box.</param>
/// <param name="Nodes">Its boxes from top to bottom.</param>
/// <param name="To">The edge that leads out of it; null where it ends with its own last box. Without boxes it is <paramref name="From"/>.</param>
/// <param name="Lane">0 for the main way, 1, 2 … to the right of it, −1, −2 … to the left.</param>
internal sealed record GraphPath(GraphEdge? From, ImmutableArray<int> Nodes, GraphEdge? To, int Lane);

/// <summary>
/// Where the boxes of a graph stand: each in a row below those that it reads, and in a lane. The longest way through the graph is the middle lane. What remains is
/// taken apart into the longest ways left, and each gets the nearest lane in which it meets no box: a short one lies inside of a long one around it.
/// </summary>
internal sealed class GraphLayout
{
    private readonly NetworkGraph _graph;
    private readonly int[] _rows, _laneOf;
    private readonly ILookup<int, GraphEdge> _outgoing, _incoming;
    private readonly HashSet<(int Lane, int Row)> _taken = [], _boxes = [];

    public GraphLayout(NetworkGraph graph)
    {
        _graph = graph;
        (_outgoing, _incoming) = (graph.Edges.ToLookup(edge => edge.From), graph.Edges.ToLookup(edge => edge.To));
        (_rows, _laneOf) = (Rows(), new int[graph.Nodes.Length]);
        Paths = Place(Decompose());
    }

    /// <summary>The row of each box, from 0.</summary>
    public IReadOnlyList<int> RowOf => _rows;

    /// <summary>The lane of each box.</summary>
    public IReadOnlyList<int> LaneOf => _laneOf;

    /// <summary>The ways that the graph is taken apart into.</summary>
    public ImmutableArray<GraphPath> Paths { get; }

    /// <summary>Below everything that a box reads; a box that reads nothing stands just above the first that reads it.</summary>
    private int[] Rows()
    {
        var rows = new int[_graph.Nodes.Length];
        for (var node = 0; node < rows.Length; node++)
            rows[node] = _incoming[node].Select(edge => rows[edge.From] + 1).DefaultIfEmpty(0).Max();
        for (var node = 0; node < rows.Length; node++)
        {
            if (!_incoming[node].Any() && _outgoing[node].Any())
                rows[node] = _outgoing[node].Min(edge => rows[edge.To]) - 1;
        }

        return rows;
    }

    /// <summary>The ways without lanes: the longest first, then what is longest of the rest.</summary>
    private List<GraphPath> Decompose()
    {
        var (paths, placed, edges) = (new List<GraphPath>(), new HashSet<int>(), _graph.Edges.ToHashSet());
        while (placed.Count < _graph.Nodes.Length || edges.Count > 0)
        {
            // How many boxes that have no way yet come from here on; nodes are in order.
            var length = new int[_graph.Nodes.Length];
            for (var node = length.Length - 1; node >= 0; node--)
            {
                if (!placed.Contains(node))
                    length[node] = 1 + _outgoing[node].Select(edge => length[edge.To]).DefaultIfEmpty(0).Max();
            }

            GraphEdge? first = null;
            int? start = null;
            if (placed.Count > 0)
                first = edges.Where(edge => placed.Contains(edge.From)).OrderByDescending(edge => length[edge.To]).FirstOrDefault();
            if (first is null)
                start = Enumerable.Range(0, length.Length).Where(node => !placed.Contains(node)).MaxBy(node => length[node]);

            var nodes = new List<int>();
            GraphEdge? last = first;
            for (var node = first?.To ?? start!.Value; !placed.Contains(node); node = last.To)
            {
                nodes.Add(node);
                placed.Add(node);
                last = _outgoing[node].OrderByDescending(edge => length[edge.To]).ThenByDescending(edge => edge.Port).FirstOrDefault();
                if (last is null)
                    break;
                edges.Remove(last);
            }

            if (first is not null)
                edges.Remove(first);
            paths.Add(new(first, [.. nodes], last, 0));
        }

        return paths;
    }

    private ImmutableArray<GraphPath> Place(List<GraphPath> paths)
    {
        var (placed, done, left) = (ImmutableArray.CreateBuilder<GraphPath>(), new HashSet<int>(), paths.ToList());
        while (left.Count > 0)
        {
            // One that begins or ends at another's boxes comes after that one; of the others the shortest is innermost.
            var next = left.Where(path => (path.From is null || done.Contains(path.From.From)) && (path.To is null || done.Contains(path.To.To)))
                .OrderBy(path => Last(path) - First(path)).FirstOrDefault() ?? left[0];
            left.Remove(next);
            var lane = placed.Count == 0 ? 0 : LaneFor(next);
            placed.Add(next with { Lane = lane });
            foreach (var node in next.Nodes)
            {
                (_laneOf[node], _) = (lane, done.Add(node));
                _boxes.Add((lane, _rows[node]));
            }

            for (var row = First(next); row <= Last(next); row++)
                _taken.Add((lane, row));
        }

        return placed.ToImmutable();
    }

    private int First(GraphPath path) => path.From is { } from ? _rows[from.From] + 1 : _rows[path.Nodes[0]];

    private int Last(GraphPath path) => path.To is { } to ? _rows[to.To] : _rows[path.Nodes[^1]];

    /// <summary>The nearest free lane on the side of the input that the way ends in, or on the other.</summary>
    private int LaneFor(GraphPath path)
    {
        var home = path.To is { } to ? _laneOf[to.To] : path.From is { } from ? _laneOf[from.From] : 0;
        var side = path.To is { Port: 0 } ? -1 : 1;
        var lanes = (
            from distance in Enumerable.Range(1, _graph.Nodes.Length + _graph.Edges.Length)
            from lane in (int[])[home + side * distance, home - side * distance]
            where lane != 0 && IsFree(path, lane)
            select lane).ToArray();
        return lanes.Where(lane => IsReachable(path, lane)).Append(lanes[0]).First();
    }

    private bool IsFree(GraphPath path, int lane)
    {
        for (var row = First(path); row <= Last(path); row++)
        {
            if (_taken.Contains((lane, row)))
                return false;
        }

        return true;
    }

    /// <summary>Whether a way in a lane meets no box beside the one that it ends in, nor beside one that it leaves from its side.</summary>
    private bool IsReachable(GraphPath path, int lane) =>
        (path.To is not { } to || IsClear(lane, to.To)) && (path.From is not { } from || !LeavesFromItsSide(from.From) || IsClear(lane, from.From));

    /// <summary>Whether there is no box between a lane and a box, in the row of the box.</summary>
    public bool IsClear(int lane, int node)
    {
        var (low, high) = (Math.Min(lane, _laneOf[node]), Math.Max(lane, _laneOf[node]));
        return _boxes.All(box => box.Row != _rows[node] || box.Lane <= low || box.Lane >= high);
    }

    /// <summary>Whether what leaves a box are parts of its value. They do not come from one point, which would say that they are the same.</summary>
    public bool LeavesFromItsSide(int node) => _graph.Nodes[node].Look == LayerLook.Part;
}
