using Riffle.Data;
using Riffle.Execution;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>Weights that a training begins with: those of another training, or of an import.</summary>
/// <param name="Path">What the run's description calls them: the run folder or the file.</param>
/// <param name="Checkpoint">The weights.</param>
public sealed record FineTuning(string Path, Checkpoint Checkpoint)
{
    /// <summary>Loads the weights.</summary>
    /// <param name="runOrFile">A checkpoint file, or a run folder, whose best checkpoint is taken.</param>
    /// <exception cref="RiffleException">There is none.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public static FineTuning Load(string runOrFile) => new(runOrFile, Checkpoint.Load(runOrFile));

    /// <summary>The network that is trained: the checkpoint's, for other classes and perhaps another size of images.</summary>
    /// <param name="classes">Number of classes of the data set.</param>
    /// <param name="imageSize">Height and width of an input image in pixels; null: as it was.</param>
    public NetworkSpec Network(int classes, int? imageSize = null) =>
        Checkpoint.Spec with { Classes = classes, ImageSize = imageSize ?? Checkpoint.Spec.ImageSize };

    /// <summary>Copies the weights, the classifier's only if it is for the same classes in the same order; else it stays as it is.</summary>
    /// <exception cref="ArgumentException">The network is another one.</exception>
    internal void Begin(Weights weights, NetworkSpec network, IReadOnlyList<DatasetClass> classes)
    {
        var expected = Network(network.Classes, network.ImageSize);
        if (network != expected)
            throw new ArgumentException($"{Path}: the file contains {expected.Name} with units {string.Join(',', expected.Units)}, not the network to train");
        var same = classes.Select(c => c.Name).SequenceEqual(Checkpoint.Classes.Select(c => c.Name));
        var classifier = weights.Network.Layers[^1].Parameters;
        foreach (var p in weights.Network.Parameters.Where(p => same || !classifier.Contains(p)))
            Checkpoint.Weights[p.Name].CopyTo(weights[p.Name]);
    }
}
