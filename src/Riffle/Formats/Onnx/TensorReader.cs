using System.Buffers.Binary;
using System.Globalization;
using Riffle.Formats.Onnx.Protos;

namespace Riffle.Formats.Onnx;

/// <summary>Reads the constants of one model. Every length is checked against the bytes that are there before memory is taken.</summary>
/// <param name="path">The model's file; constants that lie in other files lie in its folder or below.</param>
/// <param name="budget">What reading the model may take.</param>
internal sealed class TensorReader(string path, OnnxBudget budget)
{
    /// <summary>Axes that a tensor may have: as many as NumPy allows.</summary>
    public const int MostAxes = 64;

    private readonly HashSet<string> _files = [];

    private delegate T Element<T>(ReadOnlySpan<byte> bytes);

    /// <exception cref="BadDataException">Its values do not fit its shape, or lie where they can't be.</exception>
    /// <exception cref="RiffleException">The file with its values can't be read.</exception>
    public OnnxTensor Read(TensorProto tensor)
    {
        var count = Count(tensor);
        var type = (OnnxType)tensor.DataType;
        budget.Take(
            count * (type is OnnxType.Float or OnnxType.Float16 or OnnxType.Double or OnnxType.BFloat16 ? sizeof(float) : sizeof(long)),
            () => $"the tensor '{tensor.Name}'");
        var width = Width(type) ?? throw Bad(tensor, $"its type {type} is not supported");
        var raw = tensor.DataLocation == TensorProto.Types.DataLocation.External ? External(tensor, count * width) : tensor.RawData.Memory;
        long[] shape = [.. tensor.Dims];
        if (raw.Length == 0)
            return Listed(tensor, type, count, shape);
        if (raw.Length != count * width)
            throw Bad(tensor, $"it has {raw.Length} bytes, but its shape {Shape(tensor)} of {type} needs {count * width}");
        return type switch
        {
            OnnxType.Float => Floats(tensor, shape, raw.Span, width, BinaryPrimitives.ReadSingleLittleEndian),
            OnnxType.Float16 => Floats(tensor, shape, raw.Span, width, bytes => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes)),
            OnnxType.BFloat16 => Floats(tensor, shape, raw.Span, width, bytes => BFloat16(BinaryPrimitives.ReadUInt16LittleEndian(bytes))),
            OnnxType.Double => Floats(tensor, shape, raw.Span, width, bytes => (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes)),
            OnnxType.UInt8 or OnnxType.Bool => Integers(tensor, shape, raw.Span, width, bytes => bytes[0]),
            OnnxType.Int8 => Integers(tensor, shape, raw.Span, width, bytes => (sbyte)bytes[0]),
            OnnxType.UInt16 => Integers(tensor, shape, raw.Span, width, bytes => BinaryPrimitives.ReadUInt16LittleEndian(bytes)),
            OnnxType.Int16 => Integers(tensor, shape, raw.Span, width, bytes => BinaryPrimitives.ReadInt16LittleEndian(bytes)),
            OnnxType.UInt32 => Integers(tensor, shape, raw.Span, width, bytes => BinaryPrimitives.ReadUInt32LittleEndian(bytes)),
            OnnxType.Int32 => Integers(tensor, shape, raw.Span, width, bytes => BinaryPrimitives.ReadInt32LittleEndian(bytes)),
            _ => Integers(tensor, shape, raw.Span, width, BinaryPrimitives.ReadInt64LittleEndian),
        };
    }

    private static int? Width(OnnxType type) => type switch
    {
        OnnxType.UInt8 or OnnxType.Int8 or OnnxType.Bool => 1,
        OnnxType.UInt16 or OnnxType.Int16 or OnnxType.Float16 or OnnxType.BFloat16 => 2,
        OnnxType.Float or OnnxType.Int32 or OnnxType.UInt32 => 4,
        OnnxType.Double or OnnxType.Int64 or OnnxType.UInt64 => 8,
        _ => null,
    };

    private static float BFloat16(int bits) => BitConverter.Int32BitsToSingle(bits << 16); // the upper half of a float

    private static OnnxTensor Floats(TensorProto tensor, long[] shape, ReadOnlySpan<byte> raw, int width, Element<float> read) =>
        OnnxTensor.Of(tensor.Name, shape, Elements(raw, width, read));

    private static OnnxTensor Integers(TensorProto tensor, long[] shape, ReadOnlySpan<byte> raw, int width, Element<long> read) =>
        OnnxTensor.Of(tensor.Name, shape, Elements(raw, width, read));

    private static T[] Elements<T>(ReadOnlySpan<byte> raw, int width, Element<T> read)
    {
        var values = new T[raw.Length / width];
        for (var i = 0; i < values.Length; i++)
            values[i] = read(raw.Slice(i * width, width));
        return values;
    }

    private static string Shape(TensorProto tensor) => $"[{string.Join(", ", tensor.Dims)}]";

    /// <summary>Values in lists of numbers instead of bytes.</summary>
    private OnnxTensor Listed(TensorProto tensor, OnnxType type, long count, long[] shape)
    {
        var have = type switch
        {
            OnnxType.Float => tensor.FloatData.Count,
            OnnxType.Double => tensor.DoubleData.Count,
            OnnxType.Int64 => tensor.Int64Data.Count,
            OnnxType.UInt32 or OnnxType.UInt64 => throw Bad(tensor, $"a list of type {type} is not supported"),
            _ => tensor.Int32Data.Count,
        };
        if (have != count)
            throw Bad(tensor, $"it has {have} values, but its shape {Shape(tensor)} needs {count}");
        return type switch
        {
            OnnxType.Float => OnnxTensor.Of(tensor.Name, shape, tensor.FloatData.ToArray()),
            OnnxType.Double => OnnxTensor.Of(tensor.Name, shape, [.. tensor.DoubleData.Select(value => (float)value)]),
            OnnxType.Float16 => OnnxTensor.Of(tensor.Name, shape, [.. tensor.Int32Data.Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)bits))]),
            OnnxType.BFloat16 => OnnxTensor.Of(tensor.Name, shape, [.. tensor.Int32Data.Select(BFloat16)]),
            OnnxType.Int64 => OnnxTensor.Of(tensor.Name, shape, tensor.Int64Data.ToArray()),
            _ => OnnxTensor.Of(tensor.Name, shape, [.. tensor.Int32Data.Select(value => (long)value)]),
        };
    }

    private long Count(TensorProto tensor)
    {
        // A product beyond any array's size stays there instead of overflowing (a dimension of 0 may still follow).
        if (tensor.Dims.Count > MostAxes)
            throw Bad(tensor, $"it has {tensor.Dims.Count} axes, more than the limit of {MostAxes}");
        Int128 count = 1;
        foreach (var size in tensor.Dims)
            count = size < 0 ? -1 : Int128.Min(count * size, long.MaxValue);
        return count >= 0 && count <= Array.MaxLength / sizeof(double) && tensor.Dims.All(size => size >= 0)
            ? (long)count
            : throw Bad(tensor, $"its shape {Shape(tensor)} is too large for memory");
    }

    /// <summary>https://github.com/onnx/onnx/blob/main/docs/ExternalData.md</summary>
    private byte[] External(TensorProto tensor, long bytes)
    {
        var entries = new Dictionary<string, string>();
        foreach (var entry in tensor.ExternalData)
            entries[entry.Key] = entry.Value;
        var location = entries.GetValueOrDefault("location", "");
        long Number(string key, long otherwise) => !entries.TryGetValue(key, out var text)
            ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw Bad(tensor, $"the {key} '{text}' of its external data is not a number");
        var (offset, length) = (Number("offset", 0), Number("length", bytes));
        if (length != bytes)
            throw Bad(tensor, $"its external data has {length} bytes, but its shape {Shape(tensor)} needs {bytes}");
        var file = Beside(tensor, location);
        try
        {
            using var stream = InputFile.OpenSeekable(file);
            if (offset > stream.Length || stream.Length - offset < bytes)
                throw Bad(tensor, $"its {bytes} bytes at offset {offset} extend beyond the {stream.Length} bytes of {file}");
            if (_files.Add(file))
                budget.Add(stream.Length);
            budget.Take(bytes, () => $"the tensor '{tensor.Name}'");
            var values = new byte[bytes];
            stream.Position = offset;
            stream.ReadExactly(values);
            return values;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RiffleException($"{path}: can't read the values of the tensor '{tensor.Name}' from {file}: {e.Message} Put that file beside the model.", e);
        }
    }

    /// <summary>A file in the model's folder or below it: whoever made a model decides nothing about other files.</summary>
    private string Beside(TensorProto tensor, string location)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var steps = location.Split('/', '\\');
        if (location.Length == 0 || Path.IsPathRooted(location) || location.Contains(':', StringComparison.Ordinal) || location.Contains('\0') || steps.Any(
            step => step is ".." or ""))
            throw Bad(tensor, $"its external data is at '{location}', which is not below the model's folder");
        var at = folder;
        foreach (var step in steps)
        {
            at = Path.Combine(at, step);
            if (new FileInfo(at).LinkTarget is not null || new DirectoryInfo(at).LinkTarget is not null)
                throw Bad(tensor, $"its external data at '{location}' is behind a link, which may leave the model's folder");
        }

        return at;
    }

    private BadDataException Bad(TensorProto tensor, string what) => OnnxReader.Bad(path, $"the tensor '{tensor.Name}': {what}");
}
