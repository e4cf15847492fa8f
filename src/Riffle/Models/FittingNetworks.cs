using System.Globalization;
using System.Text.RegularExpressions;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>Which networks of the catalogue the tensors of a file fit.</summary>
/// <param name="sets">Its sets of named tensors.</param>
internal sealed partial class FittingNetworks(IReadOnlyList<ITensorFile> sets)
{
    private readonly Dictionary<NetworkSpec, Network> _networks = [];

    /// <summary>The networks that fit, with the number of units that the names of the tensors tell or that the preset has.</summary>
    /// <param name="presets">The presets to try, in this order; null: all.</param>
    /// <param name="imageSize">Height and width of an input image; null: the preset's.</param>
    /// <param name="units">Units in each stage; null: those of the file, then the preset's.</param>
    public IEnumerable<(NetworkSpec Spec, Preset Preset)> Fitting(
        IReadOnlyList<Preset>? presets = null, int? imageSize = null, IReadOnlyList<int>? units = null) =>
        from preset in presets ?? Enum.GetValues<Preset>()
        from name in NetworkCatalogue.Names
        let standard = NetworkCatalogue.Resolve(name, preset, imageSize)
        let counted = standard.Units.IsEmpty ? null : units ?? Units()
        let spec = counted is null ? standard : NetworkCatalogue.Resolve(name, preset, imageSize, units: counted)
        where MayHold(Build(spec)) && WeightSource.Find(sets, Build(spec).Parameters).Any(source => Fits(source, spec))
        select (spec, preset);

    /// <summary>The network that is described.</summary>
    public Network Build(NetworkSpec wanted)
    {
        if (!_networks.TryGetValue(wanted, out var network))
            _networks.Add(wanted, network = NetworkCatalogue.Build(wanted));
        return network;
    }

    /// <summary>The network with the number of classes of the file's classifier.</summary>
    public Network Described(WeightSource source, NetworkSpec wanted)
    {
        var classifier = Build(wanted).Layers[^1].Parameters.FirstOrDefault()?.Name;
        return classifier is not null && source.Names.TryGetValue(classifier, out var name) && source.File.Shape(name) is [>= 1 and <= NetworkCatalogue.MaximumClasses and var rows, ..]
            ? Build(wanted with { Classes = rows })
            : Build(wanted);
    }

    /// <summary>Whether the weights are those of a network, with any number of classes.</summary>
    public bool Fits(WeightSource source, NetworkSpec wanted) =>
        source.Names.Count == Build(wanted).Parameters.Length && !source.Unexpected.Any() && !Misshapen(source, Described(source, wanted)).Any();

    /// <summary>The tensors whose shapes are not those of the network.</summary>
    public static IEnumerable<string> Misshapen(WeightSource source, Network network) =>
        from p in network.Parameters
        where source.Names.ContainsKey(p.Name)
        let shape = source.File.Shape(source.Names[p.Name])
        where !shape.SequenceEqual(p.Shape)
        select $"{source.Names[p.Name]} ({string.Join('×', shape)}, not {string.Join('×', p.Shape)})";

    /// <summary>A quick test before the full one: whether any names end with those of the first and of the last parameter.</summary>
    private bool MayHold(Network network) => new[] { network.Parameters[0], network.Parameters[^1] }
        .All(p => sets.Any(set => set.Names.Any(name => name.EndsWith(p.Name, StringComparison.Ordinal))));

    /// <summary>The units of the stages 2 to 4, from names as <c>stage3.7.…</c>; null if the file has no such names.</summary>
    private int[]? Units()
    {
        var found = new int[3];
        foreach (var match in sets.SelectMany(set => set.Names).Select(name => Unit().Match(name)).Where(match => match.Success))
        {
            ref var most = ref found[match.Groups[1].Value[0] - '2'];
            most = Math.Max(most, int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) + 1);
        }

        return found.All(NetworkCatalogue.UnitLimits.Contain) ? found : null;
    }

    [GeneratedRegex(@"(?:^|\.)stage([234])\.(\d{1,3})\.", RegexOptions.CultureInvariant)]
    private static partial Regex Unit();
}
