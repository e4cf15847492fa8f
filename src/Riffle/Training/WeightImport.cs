using System.Text;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>Weights that others trained, from a safetensors file or a PyTorch state dict with torchvision's parameter names.</summary>
public static class WeightImport
{
    /// <summary>What parallel training in PyTorch puts before every name.</summary>
    private const string ParallelPrefix = "module.";

    /// <summary>PyTorch counts the batches that a batch norm has seen; nothing depends on it.</summary>
    private const string BatchCounter = ".num_batches_tracked";

    /// <summary>Reads weights of a network. The number of classes is that of the file's classifier.</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">What it holds; its number of classes does not count.</param>
    /// <param name="classes">The classes in the order of the logits; null: numbers from 0.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <exception cref="BadDataException">It is damaged, or has other tensors than the network: all of them are named.</exception>
    /// <exception cref="RiffleException">It can't be read, or the classes are more or fewer than its own.</exception>
    public static Checkpoint Read(string path, NetworkSpec network, IReadOnlyList<DatasetClass>? classes, Normalisation normalisation)
    {
        var file = TensorFile.Read(path);
        var prefix = file.Names.Count > 0 && file.Names.All(name => name.StartsWith(ParallelPrefix, StringComparison.Ordinal)) ? ParallelPrefix : "";
        var described = NetworkCatalogue.Build(network);
        var rows = prefix + described.Layers[^1].Parameters[0].Name;
        if (file.Contains(rows) && file.Shape(rows) is [>= 1 and <= NetworkCatalogue.MaximumClasses and var count, ..])
            described = NetworkCatalogue.Build(network = network with { Classes = count });
        if (classes is not null && classes.Count != network.Classes)
            throw new RiffleException($"{path}: is for {network.Classes} classes, and {classes.Count} are named; name each, in the order of the logits");

        RequireSameTensors(path, file, prefix, described);
        var weights = new Weights(described);
        foreach (var p in described.Parameters)
        {
            var values = file.Get(prefix + p.Name);
            if (values.Any(value => !float.IsFinite(value)))
                throw new BadDataException($"{path}: the tensor '{prefix}{p.Name}' holds infinities or what is not a number; such weights are of no use");
            values.CopyTo(weights[p.Name]);
        }

        classes ??= [.. Enumerable.Range(0, network.Classes).Select(i => new DatasetClass($"{i}", $"class {i}"))];
        return new(network, weights, classes, normalisation);
    }

    /// <summary>Makes a run folder of weights, which every command takes that takes a run.</summary>
    /// <param name="checkpoint">The weights.</param>
    /// <param name="run">The folder, new or empty.</param>
    /// <exception cref="RiffleException">It is not empty, or can't be written.</exception>
    public static void Save(Checkpoint checkpoint, string run)
    {
        using var folder = RunFolder.Create(run);
        folder.WriteBest(checkpoint);
    }

    private static void RequireSameTensors(string path, ITensorFile file, string prefix, Network network)
    {
        var wanted = network.Parameters.ToDictionary(p => prefix + p.Name, p => p.Shape);
        var missing = wanted.Keys.Where(name => !file.Contains(name)).ToArray();
        var unexpected = file.Names.Where(name => !wanted.ContainsKey(name) && !name.EndsWith(BatchCounter, StringComparison.Ordinal)).ToArray();
        var misshapen = wanted.Where(p => file.Contains(p.Key) && !file.Shape(p.Key).SequenceEqual(p.Value))
            .Select(p => $"{p.Key} ({string.Join('×', file.Shape(p.Key))}, not {string.Join('×', p.Value)})").ToArray();
        if (missing.Length + unexpected.Length + misshapen.Length == 0)
            return;

        var text = new StringBuilder($"{path}: does not hold a {network.Name} of these units:");
        foreach (var (what, names) in new[] { ("missing", Shorten(missing)), ("unexpected", Shorten(unexpected)), ("of another shape", misshapen) })
        {
            if (names.Length > 0)
                text.Append($"\n  {what}: {string.Join(", ", names)}");
        }

        throw new BadDataException(text.Append("\nGive the --model, --preset and --units that the weights are of.").ToString());
    }

    /// <summary>Names of the same layer in one word: <c>conv1.1.{weight,bias}</c>.</summary>
    private static string[] Shorten(IEnumerable<string> names) =>
    [
        .. names.GroupBy(name => name[..(name.LastIndexOf('.') + 1)], name => name[(name.LastIndexOf('.') + 1)..])
            .Select(layer => layer.Count() == 1 ? layer.Key + layer.Single() : $"{layer.Key}{{{string.Join(',', layer)}}}"),
    ];
}
