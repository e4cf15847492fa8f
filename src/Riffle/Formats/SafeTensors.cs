using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Riffle.Formats;

/// <summary>
/// The safetensors format: the length of a JSON header (64 bits, little-endian), the header (per tensor its type, shape and place; strings of
/// metadata under <c>__metadata__</c>), the values. https://github.com/huggingface/safetensors#format
/// </summary>
internal static class SafeTensors
{
    internal const string MetadataKey = "__metadata__";
    internal const int Alignment = 8;

    /// <summary>Writes tensors in the given order. Equal tensors have equal bytes.</summary>
    /// <param name="stream">Where the file goes, from its first byte.</param>
    /// <param name="tensors">Names, each once; shapes; as many values as the shape has, the last dimension running fastest.</param>
    /// <param name="metadata">Strings to keep beside the tensors, written in ordinal order of their keys.</param>
    /// <param name="type">F32, or F16, to which values are rounded.</param>
    /// <exception cref="ArgumentException">A name comes twice or is reserved, or a shape does not fit its values.</exception>
    public static void Write(
        Stream stream,
        IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> tensors,
        IReadOnlyDictionary<string, string> metadata,
        string type = "F32") => Write(stream, tensors, metadata.Select(pair => (pair.Key, (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(pair.Value))), type);

    /// <summary>The same with metadata that is UTF-8 already.</summary>
    internal static void Write(
        Stream stream,
        IEnumerable<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> tensors,
        IEnumerable<(string Key, ReadOnlyMemory<byte> Utf8)> metadata,
        string type = "F32")
    {
        if (type is not ("F32" or "F16")) throw new ArgumentException($"'{type}' is not F32 or F16.", nameof(type));
        var list = tensors.ToList();
        using (var header = new PooledBuffer())
        {
            WriteHeader(header, list, metadata, type);
            Span<byte> length = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Written.Length);
            stream.Write(length);
            stream.Write(header.Written.Span);
        }

        foreach (var (_, _, values) in list) WriteValues(stream, values.Span, type);
    }

    /// <summary>Reads a file. Tensors of F32, F16, BF16 and F64 come as floats; of others only name and shape.</summary>
    /// <exception cref="BadDataException">The file is no whole safetensors file; the message says where it is damaged.</exception>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    public static SafeTensorsFile Read(string path) => SafeTensorsFile.Read(path);

    static void WriteHeader(
        PooledBuffer header,
        List<(string Name, int[] Shape, ReadOnlyMemory<float> Values)> tensors,
        IEnumerable<(string Key, ReadOnlyMemory<byte> Utf8)> metadata,
        string type)
    {
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteStartObject(MetadataKey);
            foreach (var (key, utf8) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                json.WritePropertyName(key);
                WriteString(json, utf8.Span);
            }

            json.WriteEndObject();

            var seen = new HashSet<string> { MetadataKey };
            long offset = 0, width = TensorValues.BytesPerValue(type)!.Value;
            foreach (var (name, shape, values) in tensors)
            {
                if (!seen.Add(name)) throw new ArgumentException($"Two tensors have the name '{name}'.", nameof(tensors));
                if (shape.Any(d => d < 0) || shape.Aggregate(1L, (a, d) => checked(a * d)) != values.Length)
                    throw new ArgumentException($"The shape [{string.Join(", ", shape)}] of '{name}' does not match its {values.Length} values.", nameof(tensors));
                json.WriteStartObject(name);
                json.WriteString("dtype", type);
                json.WriteStartArray("shape");
                foreach (int d in shape) json.WriteNumberValue(d);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += width * (long)values.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Spaces after the header put the values on a multiple of their size, so that others can map them into memory.
        while (header.Written.Length % Alignment != 0) header.Write(" "u8);
    }

    /// <summary>In pieces, because the writer needs six times the memory of each piece.</summary>
    static void WriteString(Utf8JsonWriter json, ReadOnlySpan<byte> utf8)
    {
        const int Piece = 1 << 12;
        for (; utf8.Length > Piece; utf8 = utf8[Piece..]) json.WriteStringValueSegment(utf8[..Piece], isFinalSegment: false);
        json.WriteStringValueSegment(utf8, isFinalSegment: true);
    }

    static void WriteValues(Stream stream, ReadOnlySpan<float> values, string type)
    {
        const int Piece = 1 << 14;
        var bytes = new byte[Math.Min(Piece, values.Length) * TensorValues.BytesPerValue(type)!.Value];
        for (; !values.IsEmpty; values = values[Math.Min(Piece, values.Length)..])
            stream.Write(bytes.AsSpan(0, TensorValues.FromFloats(values[..Math.Min(Piece, values.Length)], type, bytes)));
    }
}
