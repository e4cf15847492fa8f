using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Riffle.Data;
using Riffle.Networks;

namespace Riffle;

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
            throw new ArgumentException($"{classes.Count} classes were given for a network of {network.Classes}");
        if (network.Input.Height != network.Input.Width)
            throw new ArgumentException($"a network over images of {network.Input.Height}×{network.Input.Width}, which are not square");
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
}
