using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>A row of an architecture table: one unit, or several alike that follow each other.</summary>
/// <param name="Name">For example <c>conv1</c>, <c>stage3.0</c> or <c>stage3.1-3</c>.</param>
/// <param name="Output">The output shape of the last of them.</param>
/// <param name="Kernel">Height and width of the largest window of the unit's convolutions, or of its pools if it has no convolution; null without either.</param>
/// <param name="Stride">Largest stride of these; null without any.</param>
/// <param name="Repeat">How many there are.</param>
/// <param name="Macs">Multiply-adds of all of them.</param>
/// <param name="Parameters">Trained values of all of them.</param>
public sealed record ArchitectureRow(string Name, Shape Output, int? Kernel, int? Stride, int Repeat, long Macs, long Parameters);

/// <summary>A unit of a network, or several alike that follow each other.</summary>
/// <param name="Name">For example <c>stage3.1-3</c>.</param>
/// <param name="Units">The layers of each.</param>
internal sealed record AlikeUnits(string Name, ImmutableArray<ImmutableArray<Layer>> Units);

/// <summary>A network in the form of the papers' tables, derived only from the units of its layers.</summary>
public static class Architecture
{
    /// <summary>The rows. Their multiply-adds and parameters add up to the network's.</summary>
    public static ImmutableArray<ArchitectureRow> Of(Network network)
    {
        var costs = Complexity.Of(network).Layers;
        return [.. UnitsOf(network).Select(alike => Row(network, alike, costs))];
    }

    /// <summary>The units in their order, those together that are alike and follow each other.</summary>
    internal static ImmutableArray<AlikeUnits> UnitsOf(Network network)
    {
        var units = ChunkBy(network.Layers, layer => layer.Unit);
        return
        [
            .. ChunkBy(units, unit => Signature(network, unit)).Select(alike => new AlikeUnits(
                Range(alike[0][0].Unit, alike[^1][0].Unit), [.. alike.Select(unit => unit.ToImmutableArray())])),
        ];
    }

    private static ArchitectureRow Row(Network network, AlikeUnits alike, ImmutableArray<LayerComplexity> costs)
    {
        var first = alike.Units[0];
        var convolutions = first.Where(layer => costs[layer.Index].Macs > 0).ToArray();
        var windows = (convolutions.Length > 0 ? convolutions : [.. first]).Select(layer => Window(network, layer)).OfType<(int Kernel, int Stride)>().ToArray();
        return new(
            alike.Name,
            alike.Units[^1][^1].Output,
            windows.Length == 0 ? null : windows.Max(window => window.Kernel),
            windows.Length == 0 ? null : windows.Max(window => window.Stride),
            alike.Units.Length,
            alike.Units.Sum(unit => unit.Sum(layer => costs[layer.Index].Macs)),
            alike.Units.Sum(unit => unit.Sum(layer => costs[layer.Index].Parameters)));
    }

    /// <summary>Equal for units that do the same: operations, shapes in and out, and which of the layers before they read.</summary>
    private static string Signature(Network network, List<Layer> unit) => string.Join('\n',
        from layer in unit
        let inputs = layer.Inputs.Select(input => $"{layer.Index - input} back: {network.Layers[input].Output}")
        select $"{layer.Operation}, {string.Join(", ", inputs)}, {layer.Output}");

    private static (int Kernel, int Stride)? Window(Network network, Layer layer) =>
        layer.Inputs.IsEmpty ? null : layer.Operation.WindowOver(network.Layers[layer.Inputs[0]].Output);

    /// <summary><c>stage3.1-3</c> from stage3.1 and stage3.3.</summary>
    private static string Range(string first, string last) => first == last ? first : $"{first}-{last[(last.LastIndexOf('.') + 1)..]}";

    private static List<List<T>> ChunkBy<T>(IEnumerable<T> items, Func<T, string> key)
    {
        var chunks = new List<List<T>>();
        string? current = null;
        foreach (var item in items)
        {
            var next = key(item);
            if (next != current)
                chunks.Add([]);
            chunks[^1].Add(item);
            current = next;
        }

        return chunks;
    }
}
