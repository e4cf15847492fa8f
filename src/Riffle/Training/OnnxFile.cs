using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Exchange;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Formats.Onnx;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>What an ONNX file may not tell of its network.</summary>
/// <param name="Classes">The classes, in the order of the logits.</param>
/// <param name="Normalisation">How bytes become what the graph takes.</param>
public sealed record OnnxHints(IReadOnlyList<DatasetClass>? Classes = null, Normalisation? Normalisation = null);

/// <summary>Checkpoints as ONNX files, which other runtimes run, and networks that others trained as models.</summary>
/// <remarks>What there is to know of a network beside its graph is one JSON document under the key <c>riffle</c> of the file's metadata.</remarks>
public static class OnnxFile
{
    internal const string MetadataKey = "riffle";

    private const int CurrentVersion = 1;

    /// <summary>Writes a checkpoint as an ONNX model for any number of images at once, whole or not at all.</summary>
    /// <param name="checkpoint">The network.</param>
    /// <param name="path">The file.</param>
    /// <param name="form">What the graph takes and gives; normalised floats and logits, batch norm folded, where it is not given.</param>
    /// <exception cref="RiffleException">It can't be written.</exception>
    public static void Write(Checkpoint checkpoint, string path, OnnxForm? form = null)
    {
        form ??= new();
        var metadata = new Dictionary<string, string> { [MetadataKey] = JsonSerializer.Serialize(Describe(checkpoint, form), TrainingJson.Compact) };
        var model = OnnxExport.Write(checkpoint.Weights, checkpoint.Normalisation, form, ("Riffle", RiffleVersion.Text), metadata);
        AtomicFile.Write(path, stream => OnnxWriter.Write(stream, model));
    }

    /// <summary>Whether a path is meant as an ONNX file: by its ending.</summary>
    public static bool IsOne(string path) => path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(path);

    /// <summary>Reads a network that Riffle or another program wrote.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hints">
    /// What the file does not tell. Without classes, those of Riffle's own document count, else they are called by their numbers from 0 on. Without a
    /// normalisation, Riffle's document counts, else <see cref="Normalisation.ImageNet"/>; a graph that takes pixels (uint8, or floats which it scales down
    /// itself) needs none.
    /// </param>
    /// <exception cref="RiffleException">It can't be read, or does what Riffle does not; the message names the node.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    /// <exception cref="ArgumentException">The hints do not fit the network.</exception>
    public static Model Read(string path, OnnxHints? hints = null)
    {
        var model = OnnxReader.Read(path);
        var document = ReadDocument(path, model);
        var imported = OnnxImport.Read(model, path, document?.Network.Name ?? Path.GetFileNameWithoutExtension(path));
        var network = imported.Weights.Network;
        if (network.Input.Height != network.Input.Width)
            throw new RiffleException($"{path}: its images are {network.Input.Height}×{network.Input.Width}; Riffle prepares square ones");
        if (hints?.Classes is { } given && given.Count != network.Classes)
            throw new ArgumentException($"{given.Count} class names were given for {path}, which has {network.Classes} classes");
        if (document is not null && document.Classes.Length != network.Classes)
            throw OnnxReader.Bad(path, $"its document names {document.Classes.Length} classes, the network has {network.Classes}");
        RequirePlan(path, imported.Weights);
        var classes = hints?.Classes ?? document?.Classes.AsEnumerable().ToArray()
            ?? [.. Enumerable.Range(0, network.Classes).Select(index => $"{index}").Select(name => new DatasetClass(name, name))];
        return new(imported.Weights, classes, Compose(path, imported, hints?.Normalisation, document?.Normalisation))
        {
            TakesBakedImages = document?.Images.CutAlready == network.Input.Height,
        };
    }

    /// <summary>What is arithmetic of the graph and what is the caller's, as one.</summary>
    private static Normalisation Compose(string path, ImportedNetwork imported, Normalisation? given, Normalisation? documented)
    {
        if (imported.TakesBytes && given is not null)
            throw new ArgumentException($"{path} normalises pixels itself; leave mean and deviation out");
        var (scale, shift) = imported.Line;
        var before = given ?? documented ?? Normalisation.ImageNet;
        if (!imported.TakesBytes && (scale, shift) == (new RgbTriple(1, 1, 1), default))
            return before;
        var (first, summand) = imported.TakesBytes ? (new RgbTriple(1, 1, 1), default) : before.Line;
        (float Mean, float Deviation) Colour(float s, float t, float scaled, float added)
        {
            var deviation = 1 / (255.0 * s * scaled);
            return ((float)(-((double)s * added + t) * deviation), (float)deviation);
        }

        var red = Colour(scale.Red, shift.Red, first.Red, summand.Red);
        var green = Colour(scale.Green, shift.Green, first.Green, summand.Green);
        var blue = Colour(scale.Blue, shift.Blue, first.Blue, summand.Blue);
        return new(new(red.Mean, green.Mean, blue.Mean), new(red.Deviation, green.Deviation, blue.Deviation));
    }

    /// <summary>A network that no plan can be made of is refused before anything is asked of it.</summary>
    private static void RequirePlan(string path, Weights weights)
    {
        try
        {
            using var plan = new InferencePlan(weights, batch: 1, threads: 1);
        }
        catch (NotSupportedException e)
        {
            throw new RiffleException($"{path}: {e.Message}; Riffle can't run this network", e);
        }
    }

    private static Document? ReadDocument(string path, OnnxModel model)
    {
        if (!model.Metadata.TryGetValue(MetadataKey, out var text))
            return null;
        try
        {
            var document = JsonSerializer.Deserialize<Document>(text, TrainingJson.Compact) ?? throw new JsonException("it is null");
            if (document.Version > CurrentVersion)
                throw new RiffleException($"{path}: its document has version {document.Version}, this Riffle reads up to {CurrentVersion}; use a newer Riffle");
            return document.Classes.IsDefault ? throw new JsonException("the classes are missing") : document;
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            throw OnnxReader.Bad(path, $"the document '{MetadataKey}' in its metadata can't be read ({e.Message})", e);
        }
    }

    private static Document Describe(Checkpoint checkpoint, OnnxForm form)
    {
        var size = checkpoint.Spec.ImageSize;
        var images = form.Pixels
            ? new Images(size, ImageFit.StoredSide(size), "centre", "bilinear, antialiased", "rgb", "nhwc", "bytes")
            : new Images(size, ImageFit.StoredSide(size), "centre", "bilinear, antialiased", "rgb", "nchw", "normalised");
        if (checkpoint.TakesBakedImages)
            images = images with { CutAlready = size };
        Origin? training = null;
        if (checkpoint.Training is { } record)
        {
            // Only a run's last checkpoint, which the optimiser goes on from, has other weights than those of the best epoch.
            var epoch = checkpoint.OptimiserState.Count > 0 ? record.History.LastOrDefault() : record.Best;
            training = new(record.Recipe, record.Seed, record.Data, epoch?.Epoch ?? 0, epoch?.Validation.Top1, epoch?.Validation.Top5);
        }

        return new(CurrentVersion, RiffleVersion.Text, checkpoint.Spec, images, checkpoint.Normalisation, [.. checkpoint.Classes], training);
    }

    /// <summary>The document beside the graph.</summary>
    internal sealed record Document(
        int Version, string Riffle, NetworkSpec Network, Images Images, Normalisation Normalisation, ImmutableArray<DatasetClass> Classes, Origin? Training);

    /// <summary>How an image becomes the graph's input: its shorter side scaled, the centre cut out; an image of the size in <c>cut_already</c>, where there
    /// is one, is taken as it is.</summary>
    internal sealed record Images(
        int Size, int ShorterSide, string Crop, string Filter, string Colours, string Layout, string Values,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? CutAlready = null);

    /// <summary>How the weights came about, and what they reach in percent of the validation images.</summary>
    internal sealed record Origin(Recipe Recipe, ulong Seed, DatasetIdentity Data, int Epochs, double? Top1, double? Top5);
}
