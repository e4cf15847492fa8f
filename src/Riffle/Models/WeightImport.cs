using Riffle.Data;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>Imports weights trained elsewhere, from a safetensors or PyTorch file with torchvision's parameter names.</summary>
public static class WeightImport
{
    /// <summary>Reads the weights of a network. The number of classes is that of the file's classifier.</summary>
    /// <param name="path">The file. The network's parameter names tell where its state dict is and which prefix its names have.</param>
    /// <param name="network">The network in the file; its number of classes is ignored.</param>
    /// <param name="classes">The classes in the order of the logits; null: numbers from 0.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="key">Where in the file the weights are, for example <c>state_dict</c> or <c>model_ema</c>; null: the first place that fits, the usual
    /// places before others and averages last.</param>
    /// <param name="tell">Receives a line about the choice, if there was a choice or something was ignored.</param>
    /// <exception cref="BadDataException">The file is damaged, or has other tensors than the network; the message says which.</exception>
    /// <exception cref="RiffleException">The file can't be read, or the number of classes is wrong.</exception>
    /// <exception cref="ArgumentException">No weights have the key, or several sets fit and a key is needed.</exception>
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

    /// <summary>Finds the network of the catalogue that the weights in a file belong to.</summary>
    /// <param name="path">The file.</param>
    /// <param name="preset">The preset to take; null: the one that has the units of the file, torchvision's if both have them. Weights don't say the stride of the
    /// first convolution.</param>
    /// <param name="imageSize">Height and width of an input image in pixels; null: the preset's.</param>
    /// <param name="units">Units in each stage; null: those that the names of the tensors tell.</param>
    /// <param name="tell">Receives a line about what was found and what was assumed.</param>
    /// <exception cref="BadDataException">The file is damaged, or its tensors fit no network; the message says what they are.</exception>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    /// <exception cref="ArgumentException">Several networks fit, or an option is out of its range.</exception>
    public static NetworkSpec Find(
        string path, Preset? preset = null, int? imageSize = null, IReadOnlyList<int>? units = null, Action<string>? tell = null)
    {
        var sets = TensorFile.Read(path);
        var fitting = new FittingNetworks(sets).Fitting(preset is { } given ? [given] : [Preset.ImageNet, Preset.Tiny], imageSize, units).ToArray();
        var names = fitting.Select(fits => fits.Spec.Name).Distinct().ToArray();
        if (names.Length == 0)
        {
            throw new BadDataException($"{path}: contains {WeightFits.Holds(sets)}, which fit no network of the usual widths.")
            {
                CommandLineAdvice = "If you know the network, give --model.",
            };
        }

        if (names.Length > 1)
        {
            throw new AdvisedArgumentException($"{path}: the weights fit several networks: {string.Join(", ", names)}.")
            {
                CommandLineAdvice = $"Choose one with --model {string.Join(" or ", names)}.",
            };
        }

        // The study's networks with the papers' units are unusual, so these mean torchvision's first convolution.
        var imageNet = NetworkCatalogue.Resolve(names[0], Preset.ImageNet);
        var (spec, taken) = fitting.FirstOrDefault(fits => fits.Spec.Units.SequenceEqual(NetworkCatalogue.Resolve(names[0], fits.Preset).Units), fitting[^1]);
        var stages = spec.Units.IsEmpty ? "" : $" with units {string.Join(',', spec.Units)}";
        var assumed = preset is not null || imageNet.StemStride == NetworkCatalogue.Resolve(names[0], Preset.Tiny).StemStride ? ""
            : $"; weights don't say the stride of the first convolution, {spec.StemStride} is assumed, as the preset {taken.ToString().ToLowerInvariant()} has it";
        tell?.Invoke($"{path}: contains {spec.Name}{stages}{assumed}");
        return spec;
    }

    /// <summary>Whether a path is a file of weights that training can only start from once it has been imported.</summary>
    /// <param name="path">The path.</param>
    /// <exception cref="RiffleException">It can't be read.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public static bool IsNeeded(string path)
    {
        try
        {
            return File.Exists(path) && FileKind.Describe(InputFile.Start(path)) switch
            {
                FileKind.Torch or FileKind.Pickled => true,
                FileKind.SafeTensors => !SafeTensors.Read(path).Metadata.ContainsKey(Checkpoint.MetadataKey),
                _ => false,
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    /// <summary>Writes weights as a run folder, which every command accepts as a run.</summary>
    /// <param name="checkpoint">The weights.</param>
    /// <param name="run">The folder, new or empty.</param>
    /// <exception cref="RiffleException">It is not empty, or can't be written.</exception>
    public static void Save(Checkpoint checkpoint, string run)
    {
        using var folder = RunFolder.Create(run);
        folder.WriteBest(checkpoint);
    }
}
