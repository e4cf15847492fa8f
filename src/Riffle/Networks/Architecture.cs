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

/// <summary>A network in the form of the papers' tables, derived only from the units of its layers.</summary>
public static class Architecture
{
    /// <summary>The rows. Their multiply-adds and parameters add up to the network's.</summary>
    public static ImmutableArray<ArchitectureRow> Of(Network network)
    {
        var units = ChunkBy(Complexity.Of(network).Layers, cost => cost.Layer.Unit);
        return [.. ChunkBy(units, unit => Signature(network, unit)).Select(alike => Row(network, alike))];
    }

    private static ArchitectureRow Row(Network network, List<List<LayerComplexity>> units)
    {
        var convolutions = units[0].Where(cost => cost.Macs > 0).ToArray();
        var windows = (convolutions.Length > 0 ? convolutions : [.. units[0]]).Select(cost => Window(network, cost.Layer)).OfType<(int Kernel, int Stride)>().ToArray();
        return new(
            Range(units[0][0].Layer.Unit, units[^1][0].Layer.Unit),
            units[^1][^1].Output,
            windows.Length == 0 ? null : windows.Max(window => window.Kernel),
            windows.Length == 0 ? null : windows.Max(window => window.Stride),
            units.Count,
            units.Sum(unit => unit.Sum(cost => cost.Macs)),
            units.Sum(unit => unit.Sum(cost => cost.Parameters)));
    }

    /// <summary>Equal for units that do the same: operations, shapes in and out, and which of the layers before they read.</summary>
    private static string Signature(Network network, List<LayerComplexity> unit) => string.Join('\n',
        from cost in unit
        let inputs = cost.Layer.Inputs.Select(input => $"{cost.Layer.Index - input} back: {network.Layers[input].Output}")
        select $"{cost.Layer.Operation}, {string.Join(", ", inputs)}, {cost.Output}");

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
