using System.Text;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>Finds the weights of a network among the tensors of a file.</summary>
/// <param name="path">The file.</param>
/// <param name="sets">Its sets of named tensors.</param>
/// <param name="spec">The network; its number of classes is ignored.</param>
internal sealed class WeightFits(string path, IReadOnlyList<ITensorFile> sets, NetworkSpec spec)
{
    /// <summary>The maximum number of names in a message.</summary>
    private const int Few = 4, Most = 8;

    private const int LongestName = 100;

    private readonly FittingNetworks _networks = new(sets);

    /// <summary>Chooses the weights.</summary>
    /// <param name="key">Where the weights are; null: the first place that fits.</param>
    /// <param name="tell">Receives a line about the choice, if there is something to report.</param>
    /// <returns>Their place, and the network with their number of classes.</returns>
    /// <exception cref="BadDataException">None fit.</exception>
    /// <exception cref="ArgumentException">No weights have the key, or several sets fit equally well.</exception>
    public (WeightSource Source, Network Network) Choose(string? key, Action<string> tell)
    {
        var all = WeightSource.Find(sets, _networks.Build(spec).Parameters);
        var sources = key is null ? all : [.. all.Where(source => source.IsAt(key))];
        if (key is not null && sources.Count == 0)
            throw new AdvisedArgumentException($"{path}: the key '{key}' has no weights of a {spec.Name}; possible keys are {Listed(all.Select(source => source.Address))}.") { CommandLineAdvice = "Give another --key." };
        var fitting = sources.Where(source => _networks.Fits(source, spec)).OrderBy(source => source.Rank).ToArray();
        if (fitting.Length == 0)
            throw Misfit(sources.Count > 0 ? sources[0] : null);
        var best = fitting[0];
        if (fitting.Length > 1 && fitting[1].Rank == best.Rank)
        {
            throw new AdvisedArgumentException($"{path}: several sets of weights fit, under these keys: {Listed(fitting.Select(source => source.Address))}.")
            {
                CommandLineAdvice = "Choose one with --key.",
            };
        }

        if (Notes(best, fitting[1..]) is { Length: > 0 } notes)
            tell($"{path}: {notes}");
        return (best, _networks.Described(best, spec));
    }

    private static string Notes(WeightSource best, WeightSource[] others)
    {
        var notes = new List<string>();
        var place = best.File.Place.Length > 0 ? $" of '{Shown(best.File.Place)}'" : "";
        if (best.Prefix.Length > 0)
            notes.Add($"using the weights{place} whose names begin with '{Shown(best.Prefix)}'");
        else if (place.Length > 0)
            notes.Add($"using the weights{place}");
        var beside = best.Beside.Except(others.SelectMany(other => other.Names.Values)).ToArray();
        if (beside.Length > 0)
            notes.Add($"ignoring {Counted(beside)}");
        if (others.Length > 0)
            notes.Add($"others fit too, under these keys: {Listed(others.Select(other => other.Address))}");
        return string.Join("; ", notes);
    }

    /// <summary>Says what is wrong with the closest set of weights, and which network they belong to.</summary>
    private BadDataException Misfit(WeightSource? source)
    {
        var units = spec.Units.IsEmpty ? "" : $" with units {string.Join(',', spec.Units)}";
        var text = new StringBuilder($"{path}: the file does not contain a {spec.Name}{units}");
        if (source is null)
        {
            text.Append($": none of its parameters (for example {_networks.Build(spec).Parameters[0].Name}) is there, only ")
                .Append(Counted([.. sets.SelectMany(set => set.Names)]));
        }
        else
        {
            var network = _networks.Described(source, spec);
            var missing = network.Parameters.Select(p => p.Name).Where(name => !source.Names.ContainsKey(name)).ToArray();

            // If an entry is there but unreadable, reading it gives the better error.
            if (Array.Find(missing, name => source.File.Contains(source.Prefix + name)) is { } unreadable)
                source.File.Shape(source.Prefix + unreadable);
            text.Append(source.Address.Length > 0 ? $"; the closest set is '{Shown(source.Address)}':" : ":");
            foreach (var (what, tensors) in new[]
            {
                ("missing", Counted([.. missing.Select(name => source.Prefix + name)])), ("unexpected", Counted([.. source.Unexpected])),
                ("wrong shape", Some([.. FittingNetworks.Misshapen(source, network)])),
            })
            {
                if (tensors.Length > 0)
                    text.Append($"\n  {what}: {tensors}");
            }
        }

        var (fits, advice) = Fitting();
        return new(text.Append('\n').Append(fits).ToString()) { CommandLineAdvice = advice };
    }

    /// <summary>Suggests the network of the catalogue that the file contains.</summary>
    private (string Fits, string CommandLineAdvice) Fitting()
    {
        var others =
            from other in _networks.Fitting()
            let asked = other.Spec.Units.IsEmpty || other.Spec.Units.SequenceEqual(spec.Units)
            let isPreset = other.Spec.Units.SequenceEqual(NetworkCatalogue.Resolve(other.Spec.Name, other.Preset).Units)
            orderby !isPreset
            let units = asked ? "" : isPreset ? $" --preset {other.Preset.ToString().ToLowerInvariant()}" : $" --units {string.Join(',', other.Spec.Units)}"
            select (other.Spec.Name, CommandLineAdvice: $"Give --model {other.Spec.Name}{units}.");
        return others.FirstOrDefault() is (not null, _) and var fits
            ? ($"It contains another network, {fits.Name}.", fits.CommandLineAdvice)
            : ("It contains another network.", CommandLineAdvice: "Give the --model, --preset and --units that the weights belong to.");
    }

    /// <summary>What a file holds, by the first parts of its names: <c>122 tensors in conv1, bn1, layer1, …</c></summary>
    public static string Holds(IReadOnlyList<ITensorFile> sets)
    {
        var names = sets.SelectMany(set => set.Names).ToArray();
        var parts = names.Select(name => name.Split('.')[0]).Distinct().ToArray();
        return $"{names.Length:N0} tensors in {string.Join(", ", parts.Take(Most).Select(Shown))}{(parts.Length > Most ? ", …" : "")}";
    }

    private static string Listed(IEnumerable<string> addresses)
    {
        var names = addresses.Where(address => address.Length > 0).Distinct().Select(Shown).ToArray();
        return names.Length == 0 ? "none: the file is a single set of tensors" : string.Join(", ", names.Take(Most)) + (names.Length > Most ? ", …" : "");
    }

    /// <summary>The number of names and the first ones, grouped by layer: <c>conv1.1.{weight,bias}</c>.</summary>
    private static string Counted(string[] names) => Some(
    [
        .. names.GroupBy(name => name[..(name.LastIndexOf('.') + 1)], name => name[(name.LastIndexOf('.') + 1)..])
            .SelectMany(layer => layer.Chunk(Few), (layer, part) => part.Length == 1 ? layer.Key + part[0] : $"{layer.Key}{{{string.Join(',', part)}}}"),
    ], names.Length);

    private static string Some(string[] entries, int? count = null)
    {
        var first = string.Join(", ", entries.Take(Few).Select(Shown));
        return entries.Length <= Few ? first : $"{count ?? entries.Length} tensors, for example {first}";
    }

    /// <summary>A name from a file, made safe to show: shortened and without control characters.</summary>
    private static string Shown(string name) =>
        string.Concat((name.Length <= LongestName ? name : $"{name[..LongestName]}…").Select(c => char.IsControl(c) ? '?' : c));
}
