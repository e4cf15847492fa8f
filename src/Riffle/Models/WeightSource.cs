using System.Collections.Immutable;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>The place of a network's weights in a file: one of its sets of tensors, and the prefix of the names there.</summary>
/// <param name="File">The set.</param>
/// <param name="Prefix">The prefix of the names, including the final dot; may be empty.</param>
/// <param name="Names">The names in the file, by the network's names.</param>
internal sealed record WeightSource(ITensorFile File, string Prefix, IReadOnlyDictionary<string, string> Names)
{
    /// <summary>The usual keys under which training scripts save the state dict among other things.</summary>
    private static readonly string[] Places = ["state_dict", "model_state_dict", "model", "model_state", "net", "network", "weights", "params", "module"];

    /// <summary>The usual prefixes: PyTorch's wrappers, and names that models and training scripts give to the network.</summary>
    private static readonly string[] Wrappers =
        ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module", "model", "net", "network", "backbone", "encoder"];

    /// <summary>Wrappers that can also be inside a network, around one of its stages. No network has a layer with such a name.</summary>
    private static readonly string[] InnerWrappers = ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

    /// <summary>Words in keys and prefixes that mark averaged weights, or those of a network other than the trained one.</summary>
    private static readonly string[] OtherWords = ["ema", "swa", "avg", "average", "averaged", "shadow", "teacher", "momentum"];

    /// <summary>Counters that PyTorch and its tools store with the weights of any layer; they are ignored.</summary>
    private static readonly string[] Counters = ["num_batches_tracked", "n_averaged", "total_ops", "total_params"];

    /// <summary>Entries that training scripts put among the weights; they are ignored.</summary>
    private static readonly string[] Records = ["epoch", "step", "global_step", "best_acc", "best_acc1", "best_prec1", "rng_state", "cuda_rng_state"];

    /// <summary>Key and prefix together, without the final dot; empty for a whole file.</summary>
    public string Address => string.Join('.', new[] { File.Place, Prefix.TrimEnd('.') }.Where(part => part.Length > 0));

    /// <summary>The preference, best first: usual keys, then a whole file, then other keys; usual prefixes before others; averages last.</summary>
    public (bool IsOther, int Place, bool IsUnusual) Rank
    {
        get
        {
            var known = Array.IndexOf(Places, File.Place);
            var place = known >= 0 ? known : Places.Length + Math.Sign(File.Place.Length);
            var isOther = Address.ToLowerInvariant().Split('.', '_', '-').Any(OtherWords.Contains);
            return (isOther, place, !Prefix.Split('.', StringSplitOptions.RemoveEmptyEntries).All(Wrappers.Contains));
        }
    }

    /// <summary>Tensors under the prefix that do not belong to the network.</summary>
    public IEnumerable<string> Unexpected
    {
        get
        {
            var taken = Names.Values.ToHashSet();
            return File.Names.Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && !taken.Contains(name)
                && !IsCounter(name) && !Records.Contains(name));
        }
    }

    /// <summary>Tensors without the prefix, which are ignored.</summary>
    public IEnumerable<string> Beside =>
        File.Names.Where(name => !name.StartsWith(Prefix, StringComparison.Ordinal) && !IsCounter(name));

    /// <summary>Whether a key means this source: its key, its prefix, both, or the start of its key.</summary>
    public bool IsAt(string key) =>
        key == File.Place || key == Prefix.TrimEnd('.') || key == Address || File.Place.StartsWith($"{key}.", StringComparison.Ordinal);

    private static bool IsCounter(string name) => Counters.Contains(name[(name.LastIndexOf('.') + 1)..]);

    /// <summary>All places in a file with names of the network, those with the most names first.</summary>
    public static IReadOnlyList<WeightSource> Find(IEnumerable<ITensorFile> sets, ImmutableArray<Parameter> parameters)
    {
        var wanted = parameters.Select(p => p.Name).ToHashSet();
        var depth = wanted.Max(name => name.Count(c => c == '.')) + 1;
        return [.. sets.SelectMany(set => Find(set, wanted, depth)).OrderByDescending(source => source.Names.Count).ThenBy(source => source.Rank)];
    }

    private static IEnumerable<WeightSource> Find(ITensorFile set, HashSet<string> wanted, int depth)
    {
        var prefixes = new Dictionary<string, Dictionary<string, string>>();
        foreach (var name in set.Names)
        {
            foreach (var (prefix, match) in Matches(name.Split('.'), wanted, depth))
            {
                if (!prefixes.TryGetValue(prefix, out var names))
                    prefixes.Add(prefix, names = []);
                names.TryAdd(match, name);
            }
        }

        return prefixes.Select(prefix => new WeightSource(set, prefix.Key, prefix.Value));
    }

    /// <summary>The ways to split a name into a prefix and a name of the network, ignoring wrappers inside it.</summary>
    private static IEnumerable<(string Prefix, string Match)> Matches(string[] parts, HashSet<string> wanted, int depth)
    {
        var name = "";
        for (int i = parts.Length - 1, used = 0; i >= 0 && used < depth; i--)
        {
            if (InnerWrappers.Contains(parts[i]))
                continue;
            name = used++ == 0 ? parts[i] : $"{parts[i]}.{name}";
            if (wanted.Contains(name))
                yield return (string.Concat(parts[..i].Select(part => part + ".")), name);
        }
    }
}
