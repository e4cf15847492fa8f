using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Formats;

namespace Riffle.Training;

/// <summary>A network with all that using it needs: its weights, its classes, how pixels become its inputs.</summary>
public class Model
{
    /// <summary>A model of the given parts.</summary>
    /// <param name="weights">The network; its images are square. Not copied.</param>
    /// <param name="classes">One for each logit.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <exception cref="ArgumentException">The classes are not as many as the logits, or the images not square.</exception>
    public Model(Weights weights, IReadOnlyList<DatasetClass> classes, Normalisation normalisation)
    {
        var network = weights.Network;
        if (classes.Count != network.Classes)
            throw new ArgumentException($"the network has {network.Classes} classes, but {classes.Count} were given");
        if (network.Input.Height != network.Input.Width)
            throw new ArgumentException($"the network has images of {network.Input.Height}×{network.Input.Width}, but only square images are supported");
        (Weights, Classes, Normalisation) = (weights, classes, normalisation);
    }

    /// <summary>The network's name.</summary>
    public string Name => Weights.Network.Name;

    /// <summary>Height and width of an input image in pixels.</summary>
    public int ImageSize => Weights.Network.Input.Height;

    /// <summary>The network with its weights.</summary>
    public Weights Weights { get; }

    /// <summary>The classes, in the order of the logits.</summary>
    public IReadOnlyList<DatasetClass> Classes { get; }

    /// <summary>How bytes become inputs.</summary>
    public Normalisation Normalisation { get; }

    /// <summary>Whether it was trained on images that had been cut to its size when their data set was made (<see cref="Data.DatasetInfo.Baking"/>). To such a
    /// model an image of just that size is one of these, which is not cut once more.</summary>
    public bool TakesBakedImages { get; internal init; }

    /// <summary>What was recognised in a file that does not tell it, a sentence each, for a person to see: how an ONNX graph takes its images, what its one
    /// number means. Empty where nothing had to be.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Of the weights: the same for the same bits. 16 hexadecimal digits; computed anew at each call.</summary>
    internal string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var p in Weights.Network.Parameters)
            hash.AppendData(MemoryMarshal.AsBytes(Weights[p.Name]));
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    /// <summary>Reads a model from a file of any kind that there is.</summary>
    /// <param name="path">A checkpoint file, a run folder, whose best checkpoint is taken, or an ONNX file.</param>
    /// <param name="hints">What an ONNX file may not tell.</param>
    /// <exception cref="RiffleException">There is none, or Riffle can't run it.</exception>
    /// <exception cref="BadDataException">It is damaged, or no model.</exception>
    /// <exception cref="ArgumentException">Hints are given for a checkpoint, which tells all of it itself, or do not fit the network.</exception>
    public static Model Open(string path, OnnxHints? hints = null)
    {
        if (OnnxFile.IsOne(path))
        {
            ForeignFile.RequireKind(path, FileKind.Onnx);
            return OnnxFile.Read(path, hints);
        }

        return hints is null or { Classes: null, Normalisation: null }
            ? Checkpoint.Load(path)
            : throw new ArgumentException($"{path}: a checkpoint has its own classes and normalisation; remove --labels, --mean and --std");
    }
}
