using Google.Protobuf;
using Riffle.Formats.Protos;

namespace Riffle.Formats;

/// <summary>One labelled image as a tf.Example with the feature keys that TensorFlow's slim models use.</summary>
internal sealed record ImageExample
{
    const string EncodedKey = "image/encoded", FormatKey = "image/format", HeightKey = "image/height", WidthKey = "image/width",
        LabelKey = "image/class/label", SynsetKey = "image/class/synset", TextKey = "image/class/text", FileNameKey = "image/filename",
        OneHotKey = "image/class/onehot";

    static readonly string[] Keys = [LabelKey, SynsetKey, TextKey, EncodedKey, FileNameKey, FormatKey, HeightKey, WidthKey];

    /// <summary>The unchanged bytes of the image file.</summary>
    public required ReadOnlyMemory<byte> Encoded { get; init; }

    /// <summary>The format, for example <c>JPEG</c>.</summary>
    public required string Format { get; init; }

    /// <summary>Rows of the upright image, from 1.</summary>
    public required int Height { get; init; }

    /// <summary>Columns of the upright image, from 1.</summary>
    public required int Width { get; init; }

    /// <summary>The class, from 0.</summary>
    public required int Label { get; init; }

    /// <summary>The class's name in the data set: a WordNet id or a folder's name.</summary>
    public required string Synset { get; init; }

    /// <summary>The class in words.</summary>
    public required string Text { get; init; }

    /// <summary>The name of the file that the image came from.</summary>
    public required string FileName { get; init; }

    /// <summary>One float per class, 1 for the image's own; null where it is not stored.</summary>
    public float[]? OneHot { get; init; }

    /// <summary>The serialised tf.Example. Equal examples have equal bytes.</summary>
    public byte[] ToBytes()
    {
        var features = new Features();
        features.Feature.Add(EncodedKey, Bytes(UnsafeByteOperations.UnsafeWrap(Encoded)));
        features.Feature.Add(FormatKey, Bytes(ByteString.CopyFromUtf8(Format)));
        features.Feature.Add(HeightKey, Integer(Height));
        features.Feature.Add(WidthKey, Integer(Width));
        features.Feature.Add(LabelKey, Integer(Label));
        features.Feature.Add(SynsetKey, Bytes(ByteString.CopyFromUtf8(Synset)));
        features.Feature.Add(TextKey, Bytes(ByteString.CopyFromUtf8(Text)));
        features.Feature.Add(FileNameKey, Bytes(ByteString.CopyFromUtf8(FileName)));
        if (OneHot is not null) features.Feature.Add(OneHotKey, new Feature { FloatList = new FloatList { Value = { OneHot } } });
        return new Example { Features = features }.ToByteArray();
    }

    /// <summary>Reads a serialised tf.Example; other features than the ones above are passed over.</summary>
    /// <exception cref="BadDataException">It is not a tf.Example, or a feature is missing or of the wrong kind: the message names the feature's key.
    /// <see cref="TFRecordReader.Damaged"/> adds the name of the file.</exception>
    public static ImageExample Parse(ReadOnlySpan<byte> record)
    {
        var features = ProtocolBuffer.Parse(Example.Parser, record, "a tf.Example").Features ?? new Features();
        return new ImageExample
        {
            Encoded = BytesOf(features, EncodedKey).Memory,
            Format = TextOf(features, FormatKey),
            Height = IntegerOf(features, HeightKey, 1),
            Width = IntegerOf(features, WidthKey, 1),
            Label = IntegerOf(features, LabelKey, 0),
            Synset = TextOf(features, SynsetKey),
            Text = TextOf(features, TextKey),
            FileName = TextOf(features, FileNameKey),
            OneHot = OneHotOf(features),
        };
    }

    /// <summary>Whether these are the keys of a record that <see cref="ToBytes"/> makes, neither more nor fewer.</summary>
    internal static bool HasKeysOf(IEnumerable<string> keys) => keys.Where(key => key != OneHotKey).ToHashSet().SetEquals(Keys);

    static Feature Bytes(ByteString value) => new() { BytesList = new BytesList { Value = { value } } };

    static Feature Integer(int value) => new() { Int64List = new Int64List { Value = { value } } };

    static Feature Find(Features features, string key) =>
        features.Feature.TryGetValue(key, out var feature) ? feature : throw new BadDataException($"the feature '{key}' is missing");

    static ByteString BytesOf(Features features, string key) =>
        Find(features, key) is { KindCase: Feature.KindOneofCase.BytesList, BytesList.Value: [var value] }
            ? value
            : throw new BadDataException($"the feature '{key}' is not a single byte string");

    static string TextOf(Features features, string key) => BytesOf(features, key).ToStringUtf8();

    static int IntegerOf(Features features, string key, int least) =>
        Find(features, key) is { KindCase: Feature.KindOneofCase.Int64List, Int64List.Value: [var value] } && value >= least && value <= int.MaxValue
            ? (int)value
            : throw new BadDataException($"the feature '{key}' is not a single integer of at least {least}");

    static float[]? OneHotOf(Features features) =>
        !features.Feature.TryGetValue(OneHotKey, out var feature) ? null
        : feature.KindCase == Feature.KindOneofCase.FloatList ? [.. feature.FloatList.Value]
        : throw new BadDataException($"the feature '{OneHotKey}' is not a list of floats");
}
