using System.CommandLine;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Cli;

/// <summary>An argument that is either the name of a network, or a file or folder that contains one.</summary>
internal static class NetworkArgument
{
    private static readonly string[] Endings = [".safetensors", ".onnx", ".pth", ".pt", ".ckpt", ".bin"];

    /// <summary>The network of an argument.</summary>
    /// <exception cref="ArgumentException">There is no such network, or options that choose one are given with a file or folder.</exception>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    public static Network Find(string argument, NetworkOptions options, ParseResult parse) =>
        Open(argument, options, parse)?.Weights.Network ?? NetworkCatalogue.Build(options.Resolve(parse, argument));

    /// <summary>The network in a file or folder, with the checkpoint if it is one; null if the argument is a name or describes a network without
    /// weights.</summary>
    /// <exception cref="ArgumentException">It is a file or folder, but options that choose a network are given.</exception>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    public static (Weights Weights, Checkpoint? Checkpoint)? Open(string argument, NetworkOptions options, ParseResult parse)
    {
        if (NetworkOptions.IsDescription(argument))
            return null;

        // A path, or a name that ends like a model file, means a file even if it does not exist.
        if (!Path.Exists(argument) && Path.GetFileName(argument) == argument && !Endings.Contains(Path.GetExtension(argument).ToLowerInvariant()))
            return null;
        if (options.AreSpecified(parse))
            throw new ArgumentException($"{argument} is a file or folder, which fixes the size, classes and units; remove --preset, --size, --classes and --units");
        if (OnnxFile.IsOnnx(argument))
            return (OnnxFile.ReadWeights(argument), null);
        var model = Model.Open(argument);
        return (model.Weights, model as Checkpoint);
    }
}
