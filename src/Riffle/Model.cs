using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Riffle.Data;
using Riffle.Networks;

namespace Riffle;

/// <summary>A network ready for use: its weights, its classes, and how pixels become inputs.</summary>
public class Model
{
    /// <summary>Creates a model.</summary>
    /// <param name="weights">The network; its images are square. Not copied.</param>
    /// <param name="classes">One class per logit.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <exception cref="ArgumentException">The number of classes differs from the number of logits, or the images are not square.</exception>
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

    /// <summary>Whether the model was trained on baked images, which got its size when their data set was made (<see cref="Data.DatasetInfo.Baking"/>).
    /// Such a model sees images whole: it scales them to its size, and cuts only what makes them square. Other models that crop see the middle seven eighths.</summary>
    public bool TakesBakedImages { get; internal init; }

    /// <summary>How images that are not square become squares for this model.</summary>
    public FitKind Fit { get; internal init; }

    /// <summary>Whether nothing is cut off the squares that images become.</summary>
    internal bool SeesWhole => TakesBakedImages || Fit != FitKind.Crop;

    /// <summary>How far the network can be trusted, fitted on its validation images; null if it was not fitted, as for weights from elsewhere.</summary>
    public Doubt? Doubt { get; init; }

    /// <summary>Notes for the user about what Riffle inferred from the file, one sentence each: how an ONNX graph takes its images, what its single output means.
    /// Often empty.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The fingerprint of the weights: equal for equal bits. 16 hexadecimal digits, computed at each call.</summary>
    internal string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var p in Weights.Network.Parameters)
            hash.AppendData(MemoryMarshal.AsBytes(Weights[p.Name]));
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }
}
