using System.Collections.Immutable;

namespace Riffle.Networks;

/// <summary>A row that several networks share, with the channels of each.</summary>
/// <param name="Row">The row of the first network.</param>
/// <param name="Channels">Its channels in each network.</param>
internal sealed record ComparedRow(ArchitectureRow Row, ImmutableArray<int> Channels);

/// <summary>Networks that differ only in their channels, side by side in one architecture table, as Table 1 of the ShuffleNet paper shows its groups.</summary>
/// <param name="Headings">The parts of each network's name that the others don't share, for example <c>g3</c>.</param>
/// <param name="Rows">The rows.</param>
/// <param name="Costs">What each network costs.</param>
internal sealed record ArchitectureComparison(
    ImmutableArray<string> Headings, ImmutableArray<ComparedRow> Rows, ImmutableArray<NetworkComplexity> Costs)
{
    /// <summary>The table of some networks, or null where they differ in more than their channels.</summary>
    public static ArchitectureComparison? Of(IReadOnlyList<Network> networks)
    {
        var tables = networks.Select(Architecture.Of).ToArray();
        var first = tables[0];
        if (tables.Any(table => !table.Select(WithoutWidth).SequenceEqual(first.Select(WithoutWidth))))
            return null;
        return new(
            Differences([.. networks.Select(network => network.Name)]),
            [.. first.Select((row, i) => new ComparedRow(row, [.. tables.Select(table => table[i].Output.Channels)]))],
            [.. networks.Select(Complexity.Of)]);
    }

    /// <summary>What two networks of other widths have in common.</summary>
    private static ArchitectureRow WithoutWidth(ArchitectureRow row) => row with { Output = row.Output with { Channels = 0 }, Macs = 0, Parameters = 0 };

    private static ImmutableArray<string> Differences(string[] names)
    {
        var parts = names.Select(name => name.Split('-')).ToArray();
        if (parts.Any(part => part.Length != parts[0].Length))
            return [.. names];
        var differing = Enumerable.Range(0, parts[0].Length).Where(i => parts.Any(part => part[i] != parts[0][i])).ToArray();
        return differing.Length == 0 ? [.. names] : [.. parts.Select(part => string.Join('-', differing.Select(i => part[i])))];
    }
}
