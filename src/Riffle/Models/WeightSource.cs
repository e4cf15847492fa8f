using System.Collections.Immutable;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>Where in a file the weights of a network are: one of its sets of tensors, and what stands before the network's names there.</summary>
/// <param name="File">The set.</param>
/// <param name="Prefix">What stands before the names, with the dot at its end; empty where nothing does.</param>
/// <param name="Names">Names in the file by the network's names.</param>
internal sealed record WeightSource(ITensorFile File, string Prefix, IReadOnlyDictionary<string, string> Names)
{
    /// <summary>Where training scripts put the state dict when they save more than that, as far as that is custom.</summary>
    private static readonly string[] Places = ["state_dict", "model_state_dict", "model", "model_state", "net", "network", "weights", "params", "module"];

    /// <summary>What PyTorch puts around a model, and what models and training scripts call the network in them.</summary>
    private static readonly string[] Wrappers =
        ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module", "model", "net", "network", "backbone", "encoder"];

    /// <summary>Wrappers that can also lie within a network, around one of its stages. No network has a layer of such a name.</summary>
    private static readonly string[] InnerWrappers = ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

    /// <summary>Words of places and prefixes of weights that are an average over a training, or another's than the trained network.</summary>
    private static readonly string[] OtherWords = ["ema", "swa", "avg", "average", "averaged", "shadow", "teacher", "momentum"];

    /// <summary>What PyTorch and its tools count beside the weights of any layer; nothing depends on it.</summary>
    private static readonly string[] Counters = ["num_batches_tracked", "n_averaged", "total_ops", "total_params"];

    /// <summary>What training scripts put among the weights.</summary>
    private static readonly string[] Records = ["epoch", "step", "global_step", "best_acc", "best_acc1", "best_prec1", "rng_state", "cuda_rng_state"];

    /// <summary>The place and the prefix as one, without the dot at the end; empty for all of a file.</summary>
    public string Address => string.Join('.', new[] { File.Place, Prefix.TrimEnd('.') }.Where(part => part.Length > 0));

    /// <summary>What is liked best comes first: the custom places, then all of a file, then other places, and custom prefixes; averages come last.</summary>
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

    /// <summary>What lies under the prefix and is nothing of the network.</summary>
    public IEnumerable<string> Unexpected
    {
        get
        {
            var taken = Names.Values.ToHashSet();
            return File.Names.Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && !taken.Contains(name)
                && !IsCounter(name) && !Records.Contains(name));
        }
    }

    /// <summary>Tensors beside the prefix, which are left out.</summary>
    public IEnumerable<string> Beside =>
        File.Names.Where(name => !name.StartsWith(Prefix, StringComparison.Ordinal) && !IsCounter(name));

    /// <summary>Whether a key says this source: its place, its prefix, both, or the begin of the place.</summary>
    public bool IsAt(string key) =>
        key == File.Place || key == Prefix.TrimEnd('.') || key == Address || File.Place.StartsWith($"{key}.", StringComparison.Ordinal);

    private static bool IsCounter(string name) => Counters.Contains(name[(name.LastIndexOf('.') + 1)..]);

    /// <summary>Everything in a file under which a name of the network stands, what has most of them first.</summary>
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

    /// <summary>The ways to read a name as a prefix and a name of the network, with wrappers within it left out.</summary>
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
