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
    /// <summary>Version 2 has the layers of networks that are not in the catalogue; other networks are written as version 1.</summary>
    private const int CurrentVersion = 2, VersionWithoutLayers = 1;

    private const string MetadataKey = "riffle";

    /// <summary>Creates a checkpoint.</summary>
    /// <param name="spec">The network of <paramref name="weights"/>.</param>
    /// <param name="weights">Not copied; saving writes their current values.</param>
    /// <param name="classes">One class per logit.</param>
    /// <param name="normalisation">How bytes become inputs.</param>
    /// <param name="training">How the weights were trained, if known.</param>
    public Checkpoint(NetworkSpec spec, Weights weights, IReadOnlyList<DatasetClass> classes, Normalisation normalisation, TrainingRecord? training = null)
        : base(weights, classes, normalisation)
    {
        // The layers of a network of one's own contain its number of classes, which may have changed with the specification's.
        Spec = spec.Layers is null ? spec : NetworkSpec.Of(weights.Network);
        (Training, TakesBakedImages) = (training, training?.Baking?.Size == ImageSize);
    }

    /// <summary>The specification of the network, with its layers if it is not in the catalogue.</summary>
    public NetworkSpec Spec { get; }

    /// <summary>How the weights were trained; null for weights from elsewhere.</summary>
    public TrainingRecord? Training { get; }

    /// <summary>The optimiser's state, as flat arrays in the order of the trained weights. Only a run's last checkpoint has it; otherwise empty.</summary>
    internal IReadOnlyList<(string Name, float[] Values)> OptimiserState { get; init; } = [];

    /// <summary>Reads a checkpoint.</summary>
    /// <param name="runOrFile">A checkpoint file, or a run folder (its best checkpoint).</param>
    /// <exception cref="RiffleException">The file does not exist, or a newer version wrote it.</exception>
    /// <exception cref="BadDataException">The file is damaged or not a checkpoint, or its weights contain NaN or infinity.</exception>
    public static Checkpoint Load(string runOrFile)
    {
        var path = RunFolder.FindCheckpoint(runOrFile);
        var checkpoint = Read(path);
        return NonFinite.FirstWeight(checkpoint.Weights) is { } found
            ? throw new BadDataException($"{path}: layer {found.Layer.Name}: {found.What} contains {found.Value}. Use another checkpoint.")
            : checkpoint;
    }

    /// <summary>The same weights and state with another record of their training.</summary>
    internal Checkpoint With(TrainingRecord training) => new(Spec, Weights, Classes, Normalisation, training) { OptimiserState = OptimiserState };

    /// <summary>Writes the checkpoint, completely or not at all.</summary>
    /// <exception cref="RiffleException">It can't be written.</exception>
    public void Save(string path)
    {
        var document = new Document(Spec.Layers is null ? VersionWithoutLayers : CurrentVersion, RiffleVersion.Text, Spec, [.. Classes], Normalisation, Training);
        using var metadata = new PooledBuffer();
        using (var json = new Utf8JsonWriter(metadata, new() { Encoder = ModelJson.Compact.Encoder }))
            JsonSerializer.Serialize(json, document, ModelJson.Compact);
        AtomicFile.Write(path, stream => SafeTensors.Write(stream, Tensors(), [(MetadataKey, metadata.Written)]));
    }

    internal static Checkpoint Read(string path)
    {
        ForeignFile.RequireKind(path, FileKind.SafeTensors);
        var file = SafeTensors.Read(path);
        var document = ReadDocument(path, file);
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
            return new(document.Network, weights, document.Classes, document.Normalisation, document.Training)
            {
                OptimiserState = document.Training is { } training ? ReadOptimiser(path, file, weights, training.Recipe.Optimiser) : [],
            };
        }
        catch (ArgumentException e)
        {
            throw Damaged(path, e.Message, e);
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

    private static string OptimiserTensor(string state, Parameter parameter) => $"optimizer.{state}.{parameter.Name}";

    private static (string Name, float[] Values)[] ReadOptimiser(string path, SafeTensorsFile file, Weights weights, OptimiserKind kind)
    {
        var trained = weights.Network.Parameters.Where(p => p.IsTrained).ToArray();
        if (!file.Names.Any(name => name.StartsWith("optimizer.", StringComparison.Ordinal)))
            return [];

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

    private static Document ReadDocument(string path, SafeTensorsFile file)
    {
        if (!file.Metadata.TryGetValue(MetadataKey, out var text))
            throw ForeignFile.Weights(path);
        try
        {
            using var json = JsonDocument.Parse(text, new() { MaxDepth = ModelJson.MaxDepth });
            if (json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("version", out var version)
                && version.TryGetInt32(out var number) && number > CurrentVersion)
                throw new RiffleException($"{path}: the format version is {number}, but this Riffle reads only up to {CurrentVersion}; use a newer Riffle");
            var document = json.Deserialize<Document>(ModelJson.Compact) ?? throw new JsonException("it is null");
            if (document.Network.Units.IsDefault || document.Classes.IsDefault)
                throw new JsonException("a list is missing");
            for (var training = document.Training; training is not null; training = training.Origin?.Training)
            {
                if (training.History.IsDefault)
                    throw new JsonException("a list is missing");
                training.Recipe.Check();
            }

            return document;
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            throw Damaged(path, e.Message, e);
        }
    }

    private static void RequireTensor(string path, SafeTensorsFile file, string name, ImmutableArray<int> shape)
    {
        if (!file.Contains(name))
            throw Damaged(path, $"the tensor {name} is missing");
        if (!file.Shape(name).SequenceEqual(shape))
            throw Damaged(path, $"the tensor {name} has the shape {string.Join('×', file.Shape(name))}, but the network needs {string.Join('×', shape)}");
    }

    private static BadDataException Damaged(string path, string what, Exception? inner = null) =>
        new($"{path}: damaged checkpoint: {what}. Use another checkpoint of the run, or train again.", inner);

    private sealed record Document(
        int Version, string Riffle, NetworkSpec Network, ImmutableArray<DatasetClass> Classes, Normalisation Normalisation, TrainingRecord? Training);
}
