using Riffle.Data;
using Riffle.Models;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>The weights that a training starts from: those of another training or of an import.</summary>
/// <param name="Path">The run folder or the file, as the run's description names it.</param>
/// <param name="Checkpoint">The weights.</param>
public sealed record FineTuning(string Path, Checkpoint Checkpoint)
{
    /// <summary>Loads the weights.</summary>
    /// <param name="runOrFile">A checkpoint file, or a run folder (its best checkpoint).</param>
    /// <exception cref="RiffleException">There is none.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public static FineTuning Load(string runOrFile) => new(runOrFile, Checkpoint.Load(runOrFile));

    /// <summary>The network to train: the checkpoint's, with other classes and perhaps another image size.</summary>
    /// <param name="classes">Number of classes of the data set.</param>
    /// <param name="imageSize">Height and width of an input image in pixels; null: the checkpoint's.</param>
    public NetworkSpec Network(int classes, int? imageSize = null) =>
        Checkpoint.Spec with { Classes = classes, ImageSize = imageSize ?? Checkpoint.Spec.ImageSize };

    /// <summary>Whether the checkpoint's classifier is kept, because the classes are the same and in the same order.</summary>
    internal bool KeepsClassifier(IReadOnlyList<DatasetClass> classes) => classes.Select(c => c.Name).SequenceEqual(Checkpoint.Classes.Select(c => c.Name));

    /// <summary>Copies the weights, those of the classifier only if it is kept.</summary>
    /// <exception cref="ArgumentException">The networks differ.</exception>
    internal void Begin(Weights weights, NetworkSpec network, IReadOnlyList<DatasetClass> classes)
    {
        var expected = Network(network.Classes, network.ImageSize);
        if (network != expected)
        {
            var units = expected.Units.IsEmpty ? "" : $" with units {string.Join(',', expected.Units)}";
            throw new ArgumentException($"{Path}: the file contains {expected.Name}{units}, not the network to train");
        }

        var same = KeepsClassifier(classes);
        var classifier = weights.Network.Layers[^1].Parameters;
        foreach (var p in weights.Network.Parameters.Where(p => same || !classifier.Contains(p)))
            Checkpoint.Weights[p.Name].CopyTo(weights[p.Name]);
    }
}
