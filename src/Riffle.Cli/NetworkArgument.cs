using System.CommandLine;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Cli;

/// <summary>An argument that is the name of a network, or a file or folder with one.</summary>
internal static class NetworkArgument
{
    private static readonly string[] Endings = [".safetensors", ".onnx", ".pth", ".pt", ".ckpt", ".bin"];

    /// <summary>The network in a file or folder, with its checkpoint if it is one; null where the argument is a name.</summary>
    /// <exception cref="ArgumentException">It is a file or folder, and options are given that choose a network.</exception>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    public static (Weights Weights, Checkpoint? Checkpoint)? Open(string argument, NetworkOptions options, ParseResult parse)
    {
        // What has a folder or the ending of a file in it is meant as one, even where there is none.
        if (!Path.Exists(argument) && Path.GetFileName(argument) == argument && !Endings.Contains(Path.GetExtension(argument).ToLowerInvariant()))
            return null;
        if (options.AreGiven(parse))
            throw new ArgumentException($"{argument} is a file or folder: it tells its preset, size, classes and units itself; leave these options out");
        if (OnnxFile.IsOne(argument))
            return (OnnxFile.ReadWeights(argument), null);
        var model = Model.Open(argument);
        return (model.Weights, model as Checkpoint);
    }
}
