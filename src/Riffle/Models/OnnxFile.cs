using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Exchange;
using Riffle.Formats;
using Riffle.Formats.Onnx;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Models;

/// <summary>Writes checkpoints as ONNX files, and reads ONNX files as models.</summary>
/// <remarks>Everything beside the graph is one JSON document under the key <c>riffle</c> of the file's metadata.</remarks>
public static class OnnxFile
{
    internal const string MetadataKey = "riffle";

    /// <summary>Version 2 has another fit than crop, which older readers would pass over; other files are written as version 1.</summary>
    private const int CurrentVersion = 2, FirstVersion = 1;

    /// <summary>Writes a checkpoint as an ONNX model with a free batch size, completely or not at all.</summary>
    /// <param name="checkpoint">The network.</param>
    /// <param name="path">The file.</param>
    /// <param name="form">The graph's input and output; null: normalised floats, logits, and folded batch norm.</param>
    /// <exception cref="RiffleException">It can't be written.</exception>
    public static void Write(Checkpoint checkpoint, string path, OnnxForm? form = null)
    {
        form ??= new();
        var metadata = new Dictionary<string, string> { [MetadataKey] = JsonSerializer.Serialize(Describe(checkpoint, form), ModelJson.Compact.Of<RiffleMetadata>()) };
        var model = OnnxExport.Write(checkpoint.Weights, checkpoint.Normalisation, form, ("Riffle", RiffleVersion.Text), metadata);
        AtomicFile.Write(path, stream => OnnxWriter.Write(stream, model));
    }

    /// <summary>Whether a path names an ONNX file, by its extension.</summary>
    internal static bool IsOnnx(string path) => path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(path);

    /// <summary>Reads a network that Riffle or another program wrote.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hints">
    /// What the file does not say. Without classes, those in Riffle's metadata are used, otherwise numbers from 0. Without a normalisation, it is derived
    /// from what the graph computes on its images before its first layer; if it computes nothing, Riffle's metadata is used, otherwise
    /// <see cref="Normalisation.ImageNet"/>. A graph that takes bytes needs none.
    /// </param>
    /// <returns>The model; its <see cref="Model.Notes"/> say what was inferred. A graph with a single output is a model with two classes: the sigmoid of
    /// the output is the probability of the second.</returns>
    /// <exception cref="RiffleException">The file can't be read, or has an unsupported operator (the message names the node), or its input is unclear and
    /// no normalisation was given.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    /// <exception cref="ArgumentException">The hints do not fit the network.</exception>
    public static Model Read(string path, OnnxHints? hints = null)
    {
        var (imported, document) = Import(path);
        var network = imported.Weights.Network;
        if (network.Input.Height != network.Input.Width)
            throw new RiffleException($"{path}: its input images are {network.Input.Height}×{network.Input.Width}, but Riffle only supports square images");
        RequireOneOfClasses(imported);
        if (hints?.Classes is { } given && given.Count != network.Classes)
        {
            var order = imported.Scores < network.Classes ? ". It has a single output: name the class of low values first, then that of high values" : "";
            throw new ArgumentException($"{path} has {network.Classes} classes, but {given.Count} class names were given{order}");
        }

        if (document is not null && document.Classes.Length != network.Classes)
            throw OnnxReader.Bad(path, $"its metadata names {document.Classes.Length} classes, but the network has {network.Classes}");
        Runnable.Require(path, imported.Weights.Network);
        var classes = hints?.Classes ?? document?.Classes.AsEnumerable().ToArray()
            ?? [.. Enumerable.Range(0, network.Classes).Select(index => $"{index}").Select(name => new DatasetClass(name, name))];
        var (normalisation, recognised) = Normalise(path, imported, hints?.Normalisation, document?.Normalisation);
        List<string> notes = recognised is null ? [] : [recognised];
        if (imported.Scores < network.Classes)
            notes.Add($"{path} has a single output; its sigmoid is the probability of class {classes[1].Name}, and low values mean class {classes[0].Name}");
        return new(imported.Weights, classes, normalisation) { TakesBakedImages = document?.Images.CutAlready == network.Input.Height, Fit = document?.Images.Fit ?? FitKind.Crop, Notes = notes, Doubt = DoubtOf(path, document) };
    }

    /// <summary>Reads the network of a file without resolving its images and classes.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="RiffleException">The file can't be read, or has an unsupported operator; the message names the node.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public static Weights ReadWeights(string path)
    {
        var weights = Import(path).Network.Weights;
        Runnable.Require(path, weights.Network);
        return weights;
    }

    private static (ImportedNetwork Network, RiffleMetadata? Document) Import(string path)
    {
        var model = OnnxReader.Read(path);
        var document = ReadDocument(path, model);
        var name = document?.Network.Name ?? Path.GetFileNameWithoutExtension(path);
        return (OnnxImport.Read(model, path, name, oneIsTwo: document?.Classes.Length != 1), document);
    }

    /// <summary>Refuses networks that do not choose one class per image.</summary>
    private static void RequireOneOfClasses(ImportedNetwork imported)
    {
        var (kind, by) = imported.Ending;
        if (kind == Ending.Sigmoid && imported.Scores > 1)
        {
            throw by!.Unsupported($"it gives each of {imported.Scores} labels an independent probability, so an image may have several labels or none; "
                + "Riffle supports only one class per image");
        }

        if (kind is Ending.Softmax or Ending.LogSoftmax && imported.Scores == 1)
            throw by!.Unsupported("it has a single value, for which its output is always the same");
    }

    /// <summary>Combines the normalisation of the graph's input and the graph's own arithmetic on it into one.</summary>
    /// <returns>The normalisation, and a note for the user; null if nothing was inferred.</returns>
    private static (Normalisation Normalisation, string? Recognised) Normalise(
        string path, ImportedNetwork imported, Normalisation? given, Normalisation? documented)
    {
        var images = imported.Images;
        if (imported.TakesBytes)
        {
            if (given is not null)
                throw new ArgumentException($"{path} takes pixels as bytes and normalises them itself, so no mean and deviation can be given for it");
            RequireBounds(images, ImageValues.Pixels.Affine);
            return (images.After(ImageValues.Pixels.Affine), null);
        }

        if (given is null && !images.IsNone)
        {
            var taken = images.Recognise() ?? throw Unclear(path, images);
            return (images.After(taken.Affine), $"{path} normalises its input itself ({images.Describe()}): pixels are passed as {taken.Text}");
        }

        var fed = given ?? documented ?? Normalisation.ImageNet;
        RequireBounds(images, fed.Affine);
        return (images.IsIdentity ? fed : images.After(fed.Affine), null);
    }

    private static void RequireBounds(ImageArithmetic images, (RgbTriple Scale, RgbTriple Shift) given)
    {
        if (images.Broken(given) is { } broken)
        {
            throw broken.By.Unsupported(
                FormattableString.Invariant($"it clips the images to [{broken.Least}, {broken.Most}], but with this normalisation their values exceed that range"));
        }
    }

    private static RiffleException Unclear(string path, ImageArithmetic images) => new(
        $"{path}: {OnnxOperation.Name((images.Doubtful ?? images.First)!.Node)}: it computes something on the images before the first convolution"
        + (images.Doubtful is null ? $" ({images.Describe()} in total)" : "") + ", so it is unclear whether the graph expects pixels from 0 to 255, values from 0 to 1 or others. "
        + "A normalisation has to be given.")
    {
        CommandLineAdvice = "Give --mean and --std; the graph then gets (pixel / 255 - mean) / std. For values from 0 to 1, give --mean 0,0,0 --std 1,1,1; "
        + "for pixels, give --mean 0,0,0 --std 0.003921569,0.003921569,0.003921569.",
    };

    private static RiffleMetadata? ReadDocument(string path, OnnxModel model)
    {
        if (!model.Metadata.TryGetValue(MetadataKey, out var text))
            return null;
        try
        {
            var document = JsonSerializer.Deserialize(text, ModelJson.Compact.Of<RiffleMetadata>()) ?? throw new JsonException("it is null");
            if (document.Version > CurrentVersion)
                throw new RiffleException($"{path}: its metadata has version {document.Version}, but this Riffle reads only up to {CurrentVersion}; use a newer Riffle");
            if (document is not { Classes.IsDefaultOrEmpty: false, Network.Name: not null, Normalisation: { } normalisation }
                || document.Classes.Any(c => c is not { Name: not null, Text: not null }))
                throw new JsonException("the network, its classes or its normalisation are missing");
            float[] deviations = [normalisation.Deviation.Red, normalisation.Deviation.Green, normalisation.Deviation.Blue];
            return deviations.All(deviation => deviation > 0) ? document : throw new JsonException("a deviation is not positive");
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            throw OnnxReader.Bad(path, $"the metadata entry '{MetadataKey}' is damaged ({e.Message})", e);
        }
    }

    private static Doubt? DoubtOf(string path, RiffleMetadata? document)
    {
        try
        {
            return document?.Doubt?.ToDoubt(document.Classes.Length);
        }
        catch (ArgumentException e)
        {
            throw OnnxReader.Bad(path, $"the metadata entry '{MetadataKey}' is damaged ({e.Message})", e);
        }
    }

    private static RiffleMetadata Describe(Checkpoint checkpoint, OnnxForm form)
    {
        var size = checkpoint.Spec.ImageSize;
        var cropped = checkpoint.Fit == FitKind.Crop;
        int? side = cropped ? ImageFit.SideForInference(size, checkpoint.TakesBakedImages) : null;
        var crop = cropped ? "centre" : "none";
        var images = form.Pixels
            ? new Images(size, side, crop, "bilinear, antialiased", "rgb", "nhwc", "bytes")
            : new Images(size, side, crop, "bilinear, antialiased", "rgb", "nchw", "normalised");
        images = images with { Fit = checkpoint.Fit };
        if (checkpoint.TakesBakedImages)
            images = images with { CutAlready = size };
        Origin? training = null;
        if (checkpoint.Training is { } record)
        {
            // Only a run's last checkpoint, which has the optimiser's state, has other weights than those of the best epoch.
            var epoch = checkpoint.OptimiserState.Count > 0 ? record.History.LastOrDefault() : record.Best;
            training = new(record.Recipe, record.Seed, record.Data, epoch?.Epoch ?? 0, epoch?.Validation.Top1, epoch?.Validation.Top5);
        }

        return new(cropped ? FirstVersion : CurrentVersion, RiffleVersion.Text, checkpoint.Spec with { Layers = null }, images, checkpoint.Normalisation, [.. checkpoint.Classes], training,
            DoubtDocument.Of(checkpoint.Doubt));
    }

    /// <summary>The document in the metadata.</summary>
    internal sealed record RiffleMetadata(
        int Version, string Riffle, NetworkSpec Network, Images Images, Normalisation Normalisation, ImmutableArray<DatasetClass> Classes, Origin? Training,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DoubtDocument? Doubt = null);

    /// <summary>How an image becomes the graph's input: its shorter side is scaled and the centre is cut out, or it becomes a square of the size in another way,
    /// <c>fit</c>, and nothing is cut off. An image of the size in <c>cut_already</c>, if there is one, is used as it is.</summary>
    internal sealed record Images(
        int Size, int? ShorterSide, string Crop, string Filter, string Colours, string Layout, string Values,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? CutAlready = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] FitKind Fit = FitKind.Crop);

    /// <summary>How the weights were trained, and their accuracy in percent of the validation images.</summary>
    internal sealed record Origin(Recipe Recipe, ulong Seed, DatasetIdentity Data, int Epochs, double? Top1, double? Top5);
}
