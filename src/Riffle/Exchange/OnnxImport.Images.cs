using System.Collections.Immutable;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <content>What is done to the images before the first layer: arithmetic, and colours in another order.</content>
internal sealed partial class OnnxImport
{
    private const int Colours = 3;

    /// <summary>Channels that may be made of the colours by taking some of them more than once.</summary>
    private const int MostColours = 64;

    /// <summary>What layers read of each colour.</summary>
    private readonly Colour?[] _read = new Colour?[Colours];

    private readonly List<HeldColour> _held = [];

    /// <summary>Values of the colours in an order of their own, by that order.</summary>
    private readonly Dictionary<string, Value> _ordered = [];

    /// <summary>Layers that choose colours.</summary>
    private readonly HashSet<int> _chosen = [];

    /// <summary>Layers that are a scale and a shift, with the nodes that they come from.</summary>
    private readonly SortedList<int, OnnxOperation> _scales = [];

    private OnnxOperation? _firstArithmetic, _doubtful;

    /// <summary>The images as a layer reads them: a value, and the arithmetic kept in mind for their normalisation.</summary>
    private Features Layered(OnnxOperation operation, Features features)
    {
        if (features.Colours is not { } colours)
            return features;
        foreach (var colour in colours)
        {
            operation.Require(_read[colour.Index] is not { } other || other == colour, "it reads the images after other arithmetic than another layer");
            _read[colour.Index] = colour;
        }

        int[] order = [.. colours.Select(colour => colour.Index)];
        if (order is [0, 1, 2])
            return features with { Colours = null };
        var key = string.Concat(order);
        if (!_ordered.TryGetValue(key, out var value))
        {
            var images = features.Value;
            value = order.Order().SequenceEqual([0, 1, 2])
                ? order.Select(index => _builder.Slice(images, index, 1)).Aggregate(_builder.Concat)
                : Chosen(images, order);
            _ordered[key] = value;
        }

        return features with { Value = value, Colours = null };
    }

    /// <summary>Some colours, others not or twice: a layer of ones and zeros, since all of a network's input is to be read.</summary>
    private Value Chosen(Value images, int[] order)
    {
        var (name, weights) = (Free("colours"), new float[order.Length * Colours]);
        for (var c = 0; c < order.Length; c++)
            weights[c * Colours + order[c]] = 1;
        _parameters[$"{name}.weight"] = weights;
        var value = _builder.Convolution(name, images, order.Length, kernel: 1);
        _chosen.Add(value.Layer);
        return value;
    }

    /// <summary>scale · colour + shift.</summary>
    private Features ScaleColours(OnnxOperation operation, Features features, float[] scale, float[] shift)
    {
        _firstArithmetic ??= operation;
        return features with
        {
            Colours = [.. features.Colours!.Value.Select((colour, c) => new Colour(colour.Index, colour.Scale * scale[c], colour.Shift * scale[c] + shift[c]))],
        };
    }

    /// <summary>Colours that are held between bounds. That changes nothing where they never reach them, which the normalisation decides in the end.</summary>
    private Features HoldColours(OnnxOperation operation, Features features, float least, float most)
    {
        _firstArithmetic ??= operation;
        _held.AddRange(features.Colours!.Value.Select(colour => new HeldColour(colour, least, most, operation)));
        return features;
    }

    /// <summary>A convolution that gives each colour times a number is arithmetic as well; null where it is more than that.</summary>
    private Features? AsArithmetic(GraphNode operation, OnnxFloats weights, int groups, float[]? bias)
    {
        var features = FeaturesOf(operation, 0);
        if (features.Colours is not { } colours || features.Padding != default || groups < 1 || !Placed(features) || features.Axes.Length != 4
            || weights.Shape[1] * groups != colours.Length || weights.Shape[0] % groups != 0 || weights.Shape[0] > Colours)
        {
            return null;
        }

        var (outputs, inputs) = ((int)weights.Shape[0], (int)weights.Shape[1]);
        var given = new Colour[outputs];
        for (var o = 0; o < outputs; o++)
        {
            var row = weights.Values.AsSpan(o * inputs, inputs);
            var at = row.IndexOfAnyExcept(0);
            if (at < 0 || row[(at + 1)..].IndexOfAnyExcept(0) >= 0)
                return null;
            var (index, scale, shift) = colours[o / (outputs / groups) * inputs + at];
            given[o] = new(index, scale * row[at], shift * row[at] + (bias?[o] ?? 0));
        }

        _firstArithmetic ??= operation;
        return features with { Colours = [.. given], Axes = features.Axes.SetItem(1, Features.Axis(Extent.Channel, outputs)) };
    }

    /// <summary>Some of the colours, in the order of their places.</summary>
    private static Features TakeColours(OnnxOperation operation, Features features, int axis, long[] places)
    {
        operation.Require(
            features.Colours is not null && features.Axes[axis].All(factor => factor.Extent == Extent.Channel) && features.Shape[axis] == features.Channels
            && places.Length > 0, $"it cuts axis {axis} of the images, {Text(features)}; Riffle takes their colours");
        operation.Require(places.Length <= MostColours, $"it makes {places.Length} channels of the images' colours");
        return features with
        {
            Colours = [.. places.Select(place => features.Colours!.Value[(int)place])],
            Axes = features.Axes.SetItem(axis, Features.Axis(Extent.Channel, places.Length)),
        };
    }

    /// <summary>Colours behind each other.</summary>
    private static Features? JoinColours(OnnxOperation operation, Features[] parts, int axis)
    {
        var first = parts[0];
        bool IsOfColours(Features part) => part.Colours is { } colours && part.Axes.Length == first.Axes.Length && part.Padding == default
            && part.Axes[axis].SequenceEqual(Features.Axis(Extent.Channel, colours.Length))
            && part.Axes.SetItem(axis, []).Zip(first.Axes.SetItem(axis, [])).All(pair => pair.First.SequenceEqual(pair.Second));
        if (!parts.All(IsOfColours))
            return null;
        operation.Require(parts.Sum(part => part.Channels) <= MostColours, "it makes too many channels of the images' colours");
        ImmutableArray<Colour> colours = [.. parts.SelectMany(part => part.Colours!.Value)];
        return first with { Colours = colours, Axes = first.Axes.SetItem(axis, Features.Axis(Extent.Channel, colours.Length)) };
    }

    /// <summary>All that was computed on the images.</summary>
    private ImageArithmetic Arithmetic(Network network)
    {
        // What layers without weights give is images still, so arithmetic on it is that of images too.
        var hasWeights = new bool[network.Layers.Length];
        foreach (var layer in network.Layers)
            hasWeights[layer.Index] = layer.Inputs.Any(input => hasWeights[input]) || (!layer.Parameters.IsEmpty && !_chosen.Contains(layer.Index));
        var doubtful = _doubtful ?? _scales.FirstOrDefault(scale => !hasWeights[network.Layers[scale.Key].Inputs[0]]).Value;
        return new([.. _read], [.. _held], _firstArithmetic, doubtful);
    }
}
