using System.Text.Unicode;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Riffle.Formats.Protos;

namespace Riffle.Formats;

/// <summary>A labelled image of a tf.Example that another program wrote, as far as it is told. Who names it how is a table of keys.</summary>
/// <remarks>
/// Slim's models (also TensorFlow's ImageNet script): <c>image/encoded</c>, <c>image/class/label</c>. TensorFlow Datasets: <c>image</c>, <c>label</c>. Older
/// scripts: <c>image</c>, <c>target</c>. https://www.tensorflow.org/tutorials/load_data/tfrecord
/// </remarks>
internal sealed record ForeignExample
{
    private static readonly string[] ImageKeys = ["image/encoded", "image"], LabelKeys = ["image/class/label", "label", "target"],
        ClassKeys = ["image/class/synset"], TextKeys = ["image/class/text"], FileNameKeys = ["image/filename", "file_name", "filename"];

    /// <summary>The image file's bytes. They are the record's memory.</summary>
    public required ReadOnlyMemory<byte> Encoded { get; init; }

    /// <summary>The class as it is stored, from whatever number it is counted; null where <see cref="Class"/> is the label.</summary>
    public required int? Label { get; init; }

    /// <summary>Name of the class, as a WordNet id.</summary>
    public string? Class { get; init; }

    /// <summary>The class in words.</summary>
    public string? Text { get; init; }

    /// <summary>Name of the image's file.</summary>
    public string? FileName { get; init; }

    /// <summary>The keys of a record's features, in order.</summary>
    /// <exception cref="BadDataException">It is not a tf.Example.</exception>
    public static IReadOnlyList<string> Keys(ReadOnlySpan<byte> record) => [.. Features(record).Keys.Order(StringComparer.Ordinal)];

    /// <summary>Reads a record.</summary>
    /// <param name="record">A serialised tf.Example.</param>
    /// <param name="imageKey">The key of the image's bytes; null: a known one.</param>
    /// <param name="labelKey">The key of the label, which is an integer or a name; null: a known one.</param>
    /// <exception cref="BadDataException">It is not a tf.Example, or has no image or label; the message lists its features.</exception>
    public static ForeignExample Parse(ReadOnlySpan<byte> record, string? imageKey = null, string? labelKey = null)
    {
        var features = Features(record);
        var image = Find(features, imageKey is null ? ImageKeys : [imageKey]);
        if (image is not { BytesList.Value: [var encoded] })
            throw Missing(features, "image", imageKey, ImageKeys);
        var label = Find(features, labelKey is null ? LabelKeys : [labelKey]);
        var (number, name) = label switch
        {
            { Int64List.Value: [>= int.MinValue and <= int.MaxValue and var value] } => ((int?)value, (string?)null),
            { BytesList.Value: [var bytes] } => (null, NameIn(bytes)),
            _ => throw Missing(features, "label", labelKey, LabelKeys),
        };
        return new()
        {
            Encoded = encoded.Memory,
            Label = number,
            Class = name ?? (Find(features, ClassKeys) is { BytesList.Value: [{ Length: > 0 } text] } ? NameIn(text) : null),
            Text = TextOf(features, TextKeys),
            FileName = TextOf(features, FileNameKeys),
        };
    }

    private static MapField<string, Feature> Features(ReadOnlySpan<byte> record) =>
        (ProtocolBuffer.Parse(Example.Parser, record, "a tf.Example").Features ?? new Features()).Feature;

    private static Feature? Find(MapField<string, Feature> features, string[] keys) =>
        keys.Select(key => features.TryGetValue(key, out var feature) ? feature : null).FirstOrDefault(feature => feature is not null);

    private static string? TextOf(MapField<string, Feature> features, string[] keys) =>
        Find(features, keys) is { BytesList.Value: [{ Length: > 0 } text] } ? text.ToStringUtf8() : null;

    /// <summary>A name that identifies a class. Replacement characters are not allowed, because two names could become equal.</summary>
    private static string NameIn(ByteString bytes) => Utf8.IsValid(bytes.Span) ? bytes.ToStringUtf8()
        : throw new BadDataException($"its class name '{bytes.ToStringUtf8()}' is not UTF-8");

    private static BadDataException Missing(MapField<string, Feature> features, string what, string? key, string[] known)
    {
        var (kind, looked) = (what == "image" ? "a single byte string" : "a single whole number or name", key is null ? string.Join(" or ", known) : key);
        var some = string.Join(", ", features.Keys.Order(StringComparer.Ordinal).Take(20).Select(name => name.Length <= 100 ? name : $"{name[..100]}…"));
        return new($"no {what}: {looked} is not {kind}. The record has {(some.Length == 0 ? "no features" : some)}; choose one with --{what}-key");
    }
}
