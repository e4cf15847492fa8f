using Riffle.Data;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>Weights that others trained, from a safetensors file or a file of PyTorch with torchvision's parameter names.</summary>
public static class WeightImport
{
    /// <summary>Reads weights of a network. The number of classes is that of the file's classifier.</summary>
    /// <param name="path">The file. Where the state dict lies in it, and what stands before its names, is found by the names that the network has.</param>
    /// <param name="network">What it holds; its number of classes does not count.</param>
    /// <param name="classes">The classes in the order of the logits; null: numbers from 0.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="key">Where in the file the weights are, as <c>state_dict</c> or <c>model_ema</c>; null: wherever they fit, the usual places before others
    /// and before averages.</param>
    /// <param name="tell">Receives a line on what was chosen, where there was a choice or something was left out.</param>
    /// <exception cref="BadDataException">It is damaged, or has other tensors than the network: the message says which, and of which network.</exception>
    /// <exception cref="RiffleException">It can't be read, or the classes are more or fewer than its own.</exception>
    /// <exception cref="ArgumentException">Nothing in it has the key, or it must be given.</exception>
    public static Checkpoint Read(
        string path,
        NetworkSpec network,
        IReadOnlyList<DatasetClass>? classes,
        Normalisation normalisation,
        string? key = null,
        Action<string>? tell = null)
    {
        var fits = new WeightFits(path, TensorFile.Read(path), network);
        var (source, described) = fits.Choose(key, tell ?? (_ => { }));
        network = network with { Classes = described.Classes };
        if (classes is not null && classes.Count != network.Classes)
            throw new RiffleException($"{path}: the network has {network.Classes} classes, but {classes.Count} are named; name every class, in the order of the logits");

        var weights = new Weights(described);
        foreach (var p in described.Parameters)
        {
            var values = source.File.Get(source.Names[p.Name]);
            if (values.Any(value => !float.IsFinite(value)))
                throw new BadDataException($"{path}: the tensor '{source.Names[p.Name]}' contains NaN or infinity; use other weights");
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
}
