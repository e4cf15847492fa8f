using System.Collections.Immutable;
using Riffle.Networks;

namespace Riffle.Study.Drawings;

/// <summary>A box of a drawing.</summary>
/// <param name="Look">What it is.</param>
/// <param name="Title">What it does.</param>
/// <param name="Details">What else is told of it, a line each.</param>
/// <param name="Unit">The units that it belongs to.</param>
internal sealed record GraphNode(LayerLook Look, string Title, ImmutableArray<string> Details, string Unit)
{
    /// <summary>What does no work of its own has round ends.</summary>
    public bool IsRound => Look is LayerLook.Joint or LayerLook.Input;
}

/// <summary>A value that goes from one box to another.</summary>
/// <param name="From">The box that computes it.</param>
/// <param name="To">The box that reads it.</param>
/// <param name="Port">Which of that box's inputs it is.</param>
internal sealed record GraphEdge(int From, int To, int Port);

/// <summary>A frame around the boxes of a unit.</summary>
/// <param name="Unit">Its name.</param>
/// <param name="Repeat">How many alike units it stands for.</param>
internal sealed record GraphUnit(string Unit, int Repeat);

/// <summary>
/// What is drawn of a network: a box for each layer, but functions such as batch norm and ReLU stand in the box that they follow, and the parts of a value are
/// one box. Of alike units that follow each other only one is drawn.
/// </summary>
/// <param name="Nodes">The boxes, each after those it reads.</param>
/// <param name="Edges">The values between them.</param>
/// <param name="Units">The units, in their order.</param>
internal sealed record NetworkGraph(ImmutableArray<GraphNode> Nodes, ImmutableArray<GraphEdge> Edges, ImmutableArray<GraphUnit> Units)
{
    /// <summary>A whole network.</summary>
    public static NetworkGraph Of(Network network)
    {
        var builder = new Builder(network);
        foreach (var alike in Architecture.UnitsOf(network))
        {
            builder.Add(alike.Units[0], alike.Name, alike.Units.Length);

            // What reads the last of them reads the one that is drawn.
            foreach (var unit in alike.Units.Skip(1))
            {
                for (var i = 0; i < unit.Length; i++)
                    builder.DrawAs(unit[i], alike.Units[0][i]);
            }
        }

        return builder.Build();
    }

    /// <summary>A unit of a network, with what it reads and what it gives.</summary>
    /// <exception cref="ArgumentException">It has no such unit.</exception>
    public static NetworkGraph Of(Network network, string unit)
    {
        var layers = network.Layers.Where(layer => layer.Unit == unit).ToImmutableArray();
        if (layers.IsEmpty)
        {
            var units = string.Join(", ", network.Layers.Select(layer => layer.Unit).Distinct());
            throw new ArgumentException($"{network.Name} has no unit '{unit}'; its units are {units}");
        }

        var builder = new Builder(network);
        builder.Add(layers, unit, repeat: 1);
        builder.AddOutput(layers[^1]);
        return builder.Build();
    }

    private sealed class Builder(Network network)
    {
        private readonly List<Box> _boxes = [];
        private readonly List<GraphEdge> _edges = [];
        private readonly List<GraphUnit> _units = [];
        private readonly Dictionary<int, int> _boxOf = [];
        private readonly int[] _readers = CountReaders(network);

        public void Add(ImmutableArray<Layer> layers, string unit, int repeat)
        {
            _units.Add(new(unit, repeat));
            foreach (var layer in layers)
                Add(layer, unit);
        }

        public void DrawAs(Layer layer, Layer drawn) => _boxOf[layer.Index] = _boxOf[drawn.Index];

        public void AddOutput(Layer layer)
        {
            _boxes.Add(new(LayerLook.Input, "Output", "", null, null));
            _edges.Add(new(_boxOf[layer.Index], _boxes.Count - 1, 0));
        }

        public NetworkGraph Build() => new([.. _boxes.Select(box => box.ToNode())], [.. _edges], [.. _units]);

        private void Add(Layer layer, string unit)
        {
            var inputs = layer.Inputs.Select(BoxOf).ToArray();
            var caption = layer.Operation.CaptionFor(layer.Inputs.IsEmpty ? layer.Output : network.Layers[layer.Inputs[0]].Output);
            var before = inputs.Length == 1 ? _boxes[inputs[0]] : null;
            if (caption.Look == LayerLook.Function && before?.Unit == unit && _readers[layer.Inputs[0]] == 1)
            {
                before.Settings.Add(caption.Title);
                before.Shape = layer.Output;
                _boxOf[layer.Index] = inputs[0];
                return;
            }

            if (caption.Look == LayerLook.Part && _boxes.FindIndex(box => box.PartsOf == layer.Inputs[0] && box.Unit == unit) is >= 0 and var split)
            {
                _boxes[split].Parts.Add(layer.Output.Channels);
                _boxOf[layer.Index] = split;
                return;
            }

            var box = new Box(caption.Look, caption.Title, unit, layer.Output, caption.Look == LayerLook.Part ? layer.Inputs[0] : null);
            box.Settings.AddRange(caption.Settings);
            if (caption.Look == LayerLook.Part)
                box.Parts.Add(layer.Output.Channels);
            _boxes.Add(box);
            _boxOf[layer.Index] = _boxes.Count - 1;
            _edges.AddRange(inputs.Select((input, port) => new GraphEdge(input, _boxes.Count - 1, port)));
        }

        /// <summary>The box of a layer; one that is not drawn is an input of what is.</summary>
        private int BoxOf(int layer)
        {
            if (!_boxOf.TryGetValue(layer, out var box))
            {
                _boxes.Add(new(LayerLook.Input, "Input", "", network.Layers[layer].Output, null));
                _boxOf[layer] = box = _boxes.Count - 1;
            }

            return box;
        }

        private static int[] CountReaders(Network network)
        {
            var readers = new int[network.Layers.Length];
            foreach (var input in network.Layers.SelectMany(layer => layer.Inputs))
                readers[input]++;
            return readers;
        }

        private sealed class Box(LayerLook look, string title, string unit, Shape? shape, int? partsOf)
        {
            public string Unit => unit;

            public int? PartsOf => partsOf;

            public Shape? Shape { get; set; } = shape;

            public List<string> Settings { get; } = [];

            public List<int> Parts { get; } = [];

            public GraphNode ToNode()
            {
                var details = new List<string>();
                if (Settings.Count > 0)
                    details.Add(string.Join(" · ", Settings));
                if (Shape is { } output)
                    details.Add($"{(Parts.Count > 1 ? string.Join(" + ", Parts) : output.Channels)} channels, {output.Height}×{output.Width}");
                return new(look, title, [.. details], unit);
            }
        }
    }
}
