using System.Collections.Immutable;
using System.Text.Json;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Models;

/// <summary>A network's weights with everything that evaluation and prediction need: the network, its classes, its normalisation. One safetensors file.</summary>
/// <remarks>
/// Tensors have torchvision's names. Everything else is one JSON document under the key <c>riffle</c> of the file's metadata.
/// The last checkpoint of a run also holds the optimiser's state, as <c>optimizer.STATE.PARAMETER</c>.
/// </remarks>
public sealed class Checkpoint : Model
{
    /// <summary>The key of the document in the file's metadata, by which a checkpoint is known.</summary>
    internal const string MetadataKey = "riffle";

    private readonly Lazy<TrainingRecord?> _training;

    /// <summary>Creates a checkpoint.</summary>
    /// <param name="spec">The network of <paramref name="weights"/>.</param>
    /// <param name="weights">Not copied; saving writes their current values.</param>
    /// <param name="classes">One class per logit.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="training">How the weights were trained, if known.</param>
    public Checkpoint(NetworkSpec spec, Weights weights, IReadOnlyList<DatasetClass> classes, Normalisation normalisation, TrainingRecord? training = null)
        : this(spec, weights, classes, normalisation, new Lazy<TrainingRecord?>(training), training?.Baking?.Size, training?.Recipe.Fit ?? FitKind.Crop)
    {
    }

    private Checkpoint(
        NetworkSpec spec, Weights weights, IReadOnlyList<DatasetClass> classes, Normalisation normalisation, Lazy<TrainingRecord?> training, int? bakedSize,
        FitKind fit)
        : base(weights, classes, normalisation)
    {
        // The layers of a network of one's own contain its number of classes, which may have changed with the specification's.
        Spec = spec.Layers is null ? spec : NetworkSpec.Of(weights.Network);
        (_training, TakesBakedImages, Fit) = (training, bakedSize == ImageSize, fit);
    }

    /// <summary>The specification of the network, with its layers if it is not in the catalogue.</summary>
    public NetworkSpec Spec { get; }

    /// <summary>How the weights were trained; null for weights from elsewhere.</summary>
    /// <exception cref="BadDataException">It is damaged. <see cref="Load"/> refuses such a file; <see cref="ModelFiles"/> opens it, because the network is whole.</exception>
    public TrainingRecord? Training => _training.Value;

    /// <summary>The optimiser's state, as flat arrays in the order of the trained weights. Only a run's last checkpoint has it; otherwise empty.</summary>
    internal IReadOnlyList<(string Name, float[] Values)> OptimiserState { get; init; } = [];

    /// <summary>Reads a checkpoint.</summary>
    /// <param name="runOrFile">A checkpoint file, or a run folder (its best checkpoint).</param>
    /// <exception cref="RiffleException">The file does not exist, or a newer version wrote it.</exception>
    /// <exception cref="BadDataException">The file is damaged or not a checkpoint, or its weights contain NaN or infinity.</exception>
    public static Checkpoint Load(string runOrFile)
    {
        var checkpoint = Open(runOrFile);
        _ = checkpoint.Training;
        return checkpoint;
    }

    /// <summary>Stores a doubt in a checkpoint, in place of the one that it has. Its weights do not change.</summary>
    /// <param name="runOrFile">A checkpoint file, or a run folder (its best checkpoint).</param>
    /// <param name="doubt">Fitted to this model.</param>
    /// <exception cref="RiffleException">The file does not exist or can't be written, or a training uses the run.</exception>
    /// <exception cref="BadDataException">It is damaged or not a checkpoint.</exception>
    public static void Store(string runOrFile, Doubt doubt)
    {
        using var run = RunFolder.IsRun(runOrFile) ? RunFolder.Open(runOrFile) : null;
        var path = RunFolder.FindCheckpoint(runOrFile);
        Read(path).With(doubt).Save(path);
    }

    /// <summary>Writes the checkpoint, completely or not at all.</summary>
    /// <exception cref="RiffleException">It can't be written.</exception>
    public void Save(string path)
    {
        using var metadata = new PooledBuffer();
        using (var json = new Utf8JsonWriter(metadata, new() { Encoder = ModelJson.Compact.Encoder }))
            CheckpointDocument.Write(json, this);
        AtomicFile.Write(path, stream => SafeTensors.Write(stream, Tensors(), [(MetadataKey, metadata.Written)]));
    }

    /// <summary>Reads all of a checkpoint but the record of its training, which is read when it is first asked for.</summary>
    internal static Checkpoint Open(string runOrFile)
    {
        var path = RunFolder.FindCheckpoint(runOrFile);
        var checkpoint = Read(path);
        return NonFinite.FirstWeight(checkpoint.Weights) is { } found
            ? throw new BadDataException($"{path}: layer {found.Layer.Name}: {found.What} contains {found.Value}. Use another checkpoint.")
            : checkpoint;
    }

    /// <summary>The same weights and state with another record of their training.</summary>
    internal Checkpoint With(TrainingRecord training) => new(Spec, Weights, Classes, Normalisation, training) { OptimiserState = OptimiserState, Doubt = Doubt };

    /// <summary>The same weights and state with another doubt.</summary>
    internal Checkpoint With(Doubt doubt) => new(Spec, Weights, Classes, Normalisation, _training, TakesBakedImages ? ImageSize : null, Fit)
    {
        OptimiserState = OptimiserState,
        Doubt = doubt,
    };

    internal static Checkpoint Read(string path)
    {
        ForeignFile.RequireKind(path, FileKind.SafeTensors);
        var file = SafeTensors.Read(path);
        var document = new CheckpointDocument(path, file.Metadata.TryGetValue(MetadataKey, out var text) ? text : throw ForeignFile.Weights(path));
        var training = new Lazy<TrainingRecord?>(document.ReadTraining);
        try
        {
            var network = NetworkCatalogue.Build(document.Network);
            foreach (var p in network.Parameters)
                RequireTensor(path, file, p.Name, p.Shape);
            var weights = new Weights(network);
            foreach (var p in network.Parameters)
                file.Get(p.Name).CopyTo(weights[p.Name]);
            if (document.Network.Layers is not null)
                Runnable.Require(path, weights.Network);
            return new(document.Network, weights, document.Classes, document.Normalisation, training, document.BakedSize, document.Fit)
            {
                Doubt = document.Doubt,
                OptimiserState = file.Names.Any(IsOptimisers) && training.Value is { } record ? ReadOptimiser(path, file, weights, record.Recipe.Optimiser) : [],
            };
        }
        catch (ArgumentException e)
        {
            throw CheckpointDocument.Damaged(path, e.Message, e);
        }
    }

    private IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> Tensors()
    {
        foreach (var p in Weights.Network.Parameters)
            yield return (p.Name, [.. p.Shape], Weights[p.Name].ToArray());
        foreach (var (state, values) in OptimiserState)
        {
            foreach (var p in Weights.Network.Parameters.Where(p => p.IsTrained))
                yield return (OptimiserTensor(state, p), [.. p.Shape], values.AsMemory(Weights.OffsetOf(p), p.Count));
        }
    }

    private static bool IsOptimisers(string tensor) => tensor.StartsWith("optimizer.", StringComparison.Ordinal);

    private static string OptimiserTensor(string state, Parameter parameter) => $"optimizer.{state}.{parameter.Name}";

    private static (string Name, float[] Values)[] ReadOptimiser(string path, SafeTensorsFile file, Weights weights, OptimiserKind kind)
    {
        var trained = weights.Network.Parameters.Where(p => p.IsTrained).ToArray();
        var states = kind.StateNames().Select(name => (Name: name, Values: new float[weights.Trained.Length])).ToArray();
        foreach (var (state, values) in states)
        {
            foreach (var p in trained)
            {
                var name = OptimiserTensor(state, p);
                RequireTensor(path, file, name, p.Shape);
                file.Get(name).CopyTo(values.AsSpan(weights.OffsetOf(p)));
            }
        }

        return states;
    }

    private static void RequireTensor(string path, SafeTensorsFile file, string name, ImmutableArray<int> shape)
    {
        if (!file.Contains(name))
            throw CheckpointDocument.Damaged(path, $"the tensor {name} is missing");
        if (!file.Shape(name).SequenceEqual(shape))
            throw CheckpointDocument.Damaged(path, $"the tensor {name} has the shape {string.Join('×', file.Shape(name))}, but the network needs {string.Join('×', shape)}");
    }
}
