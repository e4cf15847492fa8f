using System.Buffers.Binary;
using System.Globalization;
using Google.Protobuf;
using Riffle.Formats.Protos;

namespace Riffle.Formats;

/// <summary>
/// The values of an event, as TensorBoard's plugins expect them: a tensor and the plugin's name. The forms follow summary_v2.py of each plugin.
/// https://github.com/tensorflow/tensorboard/tree/master/tensorboard/plugins
/// </summary>
internal static class EventValues
{
    public const string SessionStartTag = "_hparams_/session_start_info", SessionEndTag = "_hparams_/session_end_info";

    private const int Buckets = 30;

    /// <summary>A single float.</summary>
    public static Summary.Types.Value Scalar(string tag, float value)
    {
        var content = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(content, value);
        return Value(tag, "scalars", DataClass.Scalar, new TensorProto
        {
            Dtype = DataType.DtFloat,
            TensorShape = new TensorShapeProto(),
            TensorContent = UnsafeByteOperations.UnsafeWrap(content),
        });
    }

    /// <summary>The float of a scalar, in any of the three forms that TensorFlow has; null for what is no scalar.</summary>
    public static float? ScalarOf(Summary.Types.Value value) => value switch
    {
        { ValueCase: Summary.Types.Value.ValueOneofCase.SimpleValue } => value.SimpleValue,
        { Tensor: { Dtype: DataType.DtFloat, TensorContent: { Length: sizeof(float) } content } } => BinaryPrimitives.ReadSingleLittleEndian(content.Span),
        { Tensor: { Dtype: DataType.DtFloat, FloatVal: [var single] } } => single,
        _ => null,
    };

    /// <summary>Rows of left edge, right edge and count: buckets of the same width, each without its right edge but the last.</summary>
    public static Summary.Types.Value Histogram(string tag, ReadOnlySpan<float> values)
    {
        double least = double.PositiveInfinity, most = double.NegativeInfinity;
        foreach (var value in values)
            (least, most) = (Math.Min(least, value), Math.Max(most, value));
        if (!(most > least))
            return Histogram(tag, values.IsEmpty ? [] : [least - 0.5, least + 0.5, values.Length]);

        var rows = new double[Buckets * 3];
        var width = (most - least) / Buckets;
        for (var b = 0; b < Buckets; b++)
            (rows[b * 3], rows[(b * 3) + 1]) = (least + (b * width), b == Buckets - 1 ? most : least + ((b + 1) * width));
        foreach (var value in values)
            rows[(Math.Min((int)((value - least) / width), Buckets - 1) * 3) + 2]++;
        return Histogram(tag, rows);
    }

    /// <summary>Width and height as text, then the files.</summary>
    public static Summary.Types.Value Images(string tag, int width, int height, IEnumerable<byte[]> encoded)
    {
        var tensor = new TensorProto { Dtype = DataType.DtString, StringVal = { Number(width), Number(height), encoded.Select(UnsafeWrap) } };
        tensor.TensorShape = Shape(tensor.StringVal.Count);
        return Value(tag, "images", DataClass.BlobSequence, tensor);

        static ByteString Number(int value) => ByteString.CopyFromUtf8(value.ToString(CultureInfo.InvariantCulture));
        static ByteString UnsafeWrap(byte[] bytes) => UnsafeByteOperations.UnsafeWrap(bytes);
    }

    /// <summary>One string.</summary>
    public static Summary.Types.Value Text(string tag, string text) => Value(tag, "text", DataClass.Tensor, new TensorProto
    {
        Dtype = DataType.DtString,
        TensorShape = new TensorShapeProto(),
        StringVal = { ByteString.CopyFromUtf8(text) },
    });

    /// <summary>The hyper-parameters are in the plugin's own data; there is no tensor.</summary>
    public static Summary.Types.Value SessionStart(IReadOnlyDictionary<string, object> values, string group, double wallTime)
    {
        var start = new SessionStartInfo { GroupName = group, StartTimeSecs = wallTime };
        foreach (var (name, value) in values)
        {
            start.Hparams.Add(name, value switch
            {
                bool flag => Google.Protobuf.WellKnownTypes.Value.ForBool(flag),
                double number => Google.Protobuf.WellKnownTypes.Value.ForNumber(number),
                string text => Google.Protobuf.WellKnownTypes.Value.ForString(text),
                _ => throw new ArgumentException($"{name} is a {value.GetType().Name}; hyper-parameters must be bool, double or string", nameof(values)),
            });
        }

        return HParams(SessionStartTag, new HParamsPluginData { SessionStartInfo = start });
    }

    public static Summary.Types.Value SessionEnd(double wallTime) =>
        HParams(SessionEndTag, new HParamsPluginData { SessionEndInfo = new SessionEndInfo { Status = Status.Success, EndTimeSecs = wallTime } });

    private static Summary.Types.Value Histogram(string tag, double[] rows)
    {
        var content = new byte[rows.Length * sizeof(double)];
        for (var i = 0; i < rows.Length; i++)
            BinaryPrimitives.WriteDoubleLittleEndian(content.AsSpan(i * sizeof(double)), rows[i]);
        return Value(tag, "histograms", DataClass.Tensor, new TensorProto
        {
            Dtype = DataType.DtDouble,
            TensorShape = Shape(rows.Length / 3, 3),
            TensorContent = UnsafeByteOperations.UnsafeWrap(content),
        });
    }

    private static TensorShapeProto Shape(params int[] sizes) => new() { Dim = { sizes.Select(size => new TensorShapeProto.Types.Dim { Size = size }) } };

    private static Summary.Types.Value HParams(string tag, HParamsPluginData data) => new()
    {
        Tag = tag,
        Metadata = new SummaryMetadata { PluginData = new SummaryMetadata.Types.PluginData { PluginName = "hparams", Content = data.ToByteString() } },
    };

    private static Summary.Types.Value Value(string tag, string plugin, DataClass kind, TensorProto tensor) => new()
    {
        Tag = tag,
        Tensor = tensor,
        Metadata = new SummaryMetadata { PluginData = new SummaryMetadata.Types.PluginData { PluginName = plugin }, DataClass = kind },
    };
}
