using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Networks;

namespace Riffle.Models;

/// <summary>The JSON document in a checkpoint.</summary>
/// <remarks>
/// What a prediction needs is read by hand. The rest, the record of the training, is read by the serializer when it is asked for, because the serializer prepares every
/// type that it meets, which takes many times as long as a prediction.
/// </remarks>
internal sealed class CheckpointDocument
{
    /// <summary>Each file has the lowest version that all its readers must know. Version 2 has the layers of networks that are not in the catalogue, version 3 another
    /// fit than crop, which older readers would pass over.</summary>
    private const int CurrentVersion = 3, VersionWithLayers = 2, FirstVersion = 1;

    private readonly string _path;
    private readonly JsonElement _training;

    /// <summary>Reads a document.</summary>
    /// <param name="path">The checkpoint, for messages.</param>
    /// <param name="text">The document.</param>
    /// <exception cref="RiffleException">A newer version wrote it.</exception>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public CheckpointDocument(string path, string text)
    {
        _path = path;
        try
        {
            using var json = JsonDocument.Parse(text, new() { MaxDepth = ModelJson.MaxDepth });
            var root = json.RootElement;
            var version = Whole(root, "version");
            if (version > CurrentVersion)
                throw new RiffleException($"{path}: the format version is {version}, but this Riffle reads only up to {CurrentVersion}; use a newer Riffle");
            Network = ReadNetwork(Entry(root, "network"));
            Classes = List(Entry(root, "classes"), entry => new DatasetClass(Text(entry, "name"), Text(entry, "text")));
            var normalisation = Entry(root, "normalisation");
            Normalisation = new(Colours(normalisation, "mean"), Colours(normalisation, "deviation"));
            _training = Entry(root, "training").Clone();
            if (_training.ValueKind == JsonValueKind.Object && _training.TryGetProperty("baking", out var baking) && baking.ValueKind == JsonValueKind.Object)
                BakedSize = Whole(baking, "size");
            if (_training.ValueKind == JsonValueKind.Object && Entry(_training, "recipe").TryGetProperty("fit", out var fit))
                Fit = fit.Deserialize(ModelJson.Compact.Of<FitKind>());
            if (root.TryGetProperty("doubt", out var doubt) && doubt.ValueKind != JsonValueKind.Null)
                Doubt = DoubtDocument.Read(doubt).ToDoubt(Classes.Length);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(path, e.Message, e);
        }
    }

    /// <summary>The specification of the network.</summary>
    public NetworkSpec Network { get; }

    /// <summary>One class per logit.</summary>
    public ImmutableArray<DatasetClass> Classes { get; }

    /// <summary>How bytes become inputs.</summary>
    public Normalisation Normalisation { get; }

    /// <summary>The size of the images that the network was trained on, if they were baked.</summary>
    public int? BakedSize { get; }

    /// <summary>How images became squares when the network was trained.</summary>
    public FitKind Fit { get; }

    /// <summary>How far the network can be trusted; null if that is unknown.</summary>
    public Doubt? Doubt { get; }

    /// <summary>Writes a document.</summary>
    public static void Write(Utf8JsonWriter writer, Checkpoint checkpoint) => JsonSerializer.Serialize(
        writer,
        new Written(
            checkpoint.Fit != FitKind.Crop ? CurrentVersion : checkpoint.Spec.Layers is not null ? VersionWithLayers : FirstVersion, RiffleVersion.Text, checkpoint.Spec, [.. checkpoint.Classes],
            checkpoint.Normalisation, checkpoint.Training, DoubtDocument.Of(checkpoint.Doubt)),
        ModelJson.Compact.Of<Written>());

    /// <summary>Reads how the weights were trained; null if that is unknown.</summary>
    /// <exception cref="BadDataException">It is damaged.</exception>
    public TrainingRecord? ReadTraining()
    {
        try
        {
            var record = _training.Deserialize(ModelJson.Compact.Of<TrainingRecord>());
            for (var training = record; training is not null; training = training.Origin?.Training)
            {
                if (training.History.IsDefault)
                    throw new JsonException("a list is missing");
                training.Recipe.Check();
            }

            return record;
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw Damaged(_path, e.Message, e);
        }
    }

    public static BadDataException Damaged(string path, string what, Exception? inner = null) =>
        new($"{path}: damaged checkpoint: {what}. Use another checkpoint of the run, or train again.", inner);

    private static bool IsDamage(Exception e) => e is JsonException or ArgumentException or FormatException or InvalidOperationException or NotSupportedException or KeyNotFoundException or DivideByZeroException;

    private static NetworkSpec ReadNetwork(JsonElement network) => new(
        Text(network, "name"), Whole(network, "image_size"), Whole(network, "classes"), List(Entry(network, "units"), units => units.GetInt32()),
        Whole(network, "stem_stride"))
    {
        Layers = network.TryGetProperty("layers", out var layers) ? layers.Deserialize(ModelJson.Compact.Of<ImmutableArray<LayerDescription>?>()) : null,
    };

    private static RgbTriple Colours(JsonElement parent, string name)
    {
        var colours = Entry(parent, name);
        return new(Entry(colours, "red").GetSingle(), Entry(colours, "green").GetSingle(), Entry(colours, "blue").GetSingle());
    }

    private static ImmutableArray<T> List<T>(JsonElement list, Func<JsonElement, T> read)
    {
        var values = new T[list.GetArrayLength()];
        var i = 0;
        foreach (var entry in list.EnumerateArray())
            values[i++] = read(entry);
        return ImmutableCollectionsMarshal.AsImmutableArray(values);
    }

    private static int Whole(JsonElement parent, string name) => Entry(parent, name).GetInt32();

    private static string Text(JsonElement parent, string name) => Entry(parent, name).GetString() ?? throw new JsonException($"'{name}' is null");

    private static JsonElement Entry(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var entry) ? entry : throw new JsonException($"'{name}' is missing");

    internal sealed record Written(
        int Version, string Riffle, NetworkSpec Network, ImmutableArray<DatasetClass> Classes, Normalisation Normalisation, TrainingRecord? Training,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DoubtDocument? Doubt);
}
