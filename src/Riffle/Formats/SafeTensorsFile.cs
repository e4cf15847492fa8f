using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Riffle.Formats;

/// <summary>The content of a safetensors file, wholly read and checked.</summary>
internal sealed class SafeTensorsFile : ITensorFile
{
    // The reference implementation's own limit on the header.
    const long MaxHeader = 100_000_000;

    readonly Dictionary<string, Entry> _entries;
    readonly string _path;

    sealed record Entry(string Name, string Type, int Width, ImmutableArray<int> Shape, long Begin, long End)
    {
        /// <summary>Null for a type that is not floating point.</summary>
        internal float[]? Values { get; set; }
    }

    SafeTensorsFile(string path, IReadOnlyDictionary<string, string> metadata, IReadOnlyList<Entry> entries)
    {
        _path = path;
        Metadata = metadata;
        Names = [.. entries.Select(entry => entry.Name)];
        _entries = entries.ToDictionary(entry => entry.Name);
    }

    /// <summary>The strings kept beside the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public string Place => "";

    /// <summary>The tensors' names, in the header's order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Whether the file has this tensor.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>A tensor's shape; empty for a single number.</summary>
    /// <exception cref="BadDataException">The file has no such tensor.</exception>
    public ImmutableArray<int> Shape(string name) => Find(name).Shape;

    /// <summary>A tensor's values, the last dimension running fastest. The array is the file's own: a change is seen by the next call.</summary>
    /// <exception cref="BadDataException">The file has no such tensor, or it is not of floating point.</exception>
    public float[] Get(string name)
    {
        var entry = Find(name);
        return entry.Values ?? throw new BadDataException($"{_path}: the tensor '{name}' has the unsupported type {entry.Type}; Riffle reads F32, F16, BF16 and F64.");
    }

    Entry Find(string name) => _entries.TryGetValue(name, out var entry)
        ? entry
        : throw new BadDataException($"{_path}: there is no tensor '{name}'. Does the file belong to another network?");

    internal static SafeTensorsFile Read(string path)
    {
        try
        {
            using var stream = InputFile.OpenSeekable(path);
            return Read(stream, path);
        }
        catch (EndOfStreamException e)
        {
            throw new BadDataException($"{path}: the file was truncated while it was read.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    internal static SafeTensorsFile Read(Stream stream, string path)
    {
        const int Prefix = sizeof(ulong);
        long size = stream.Length;
        if (size < Prefix) throw Bad(path, 0, $"the file has {size} bytes, too few for a header length");
        Span<byte> prefix = stackalloc byte[Prefix];
        stream.ReadExactly(prefix);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > MaxHeader || (long)headerLength > size - Prefix)
            throw Bad(path, 0, $"the header claims {headerLength} bytes, but the file has only {size - Prefix} more and a header may have at most {MaxHeader}");
        var header = new byte[headerLength];
        stream.ReadExactly(header);

        long dataStart = Prefix + (long)headerLength;
        var (metadata, entries) = ParseHeader(header, path);
        CheckLayout(entries, size - dataStart, path);
        foreach (var entry in entries.OrderBy(entry => entry.Begin))
        {
            if (!TensorValues.IsFloat(entry.Type)) continue;
            stream.Position = dataStart + entry.Begin;
            entry.Values = ReadFloats(stream, entry);
        }

        return new SafeTensorsFile(path, metadata, entries);
    }

    static (Dictionary<string, string> Metadata, List<Entry> Entries) ParseHeader(byte[] header, string path)
    {
        var metadata = new Dictionary<string, string>();
        var entries = new List<Entry>();
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (property.NameEquals(SafeTensors.MetadataKey))
                    foreach (var pair in property.Value.EnumerateObject()) metadata.Add(pair.Name, pair.Value.GetString() ?? throw new FormatException("null"));
                else
                    entries.Add(ParseEntry(property.Name, property.Value));
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            // The last three: a value of the wrong kind, a number out of range, a missing property.
            throw Bad(path, sizeof(ulong), $"this is not the header of a safetensors file ({e.Message})", e);
        }

        return (metadata, entries);
    }

    static Entry ParseEntry(string name, JsonElement value)
    {
        string type = value.GetProperty("dtype").GetString() ?? throw new FormatException($"'{name}' has no dtype");
        var offsets = value.GetProperty("data_offsets");
        if (offsets.GetArrayLength() != 2) throw new FormatException($"'{name}' has {offsets.GetArrayLength()} offsets");
        return new Entry(
            name,
            type,
            TensorValues.BytesPerValue(type) ?? throw new FormatException($"'{name}' has the unknown type '{type}'"),
            ParseShape(value.GetProperty("shape")),
            offsets[0].GetInt64(),
            offsets[1].GetInt64());
    }

    static ImmutableArray<int> ParseShape(JsonElement list)
    {
        var shape = new int[list.GetArrayLength()];
        for (int i = 0; i < shape.Length; i++) shape[i] = list[i].GetInt32();
        return ImmutableCollectionsMarshal.AsImmutableArray(shape);
    }

    /// <summary>Every tensor as long as its shape says, one behind the other, from the first byte of the data to the last: the format allows no gaps.</summary>
    static void CheckLayout(List<Entry> entries, long size, string path)
    {
        long at = 0;
        foreach (var entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            string tensor = $"the tensor '{entry.Name}' at bytes {entry.Begin} to {entry.End} of the data";
            if (entry.Begin != at || entry.End < entry.Begin) throw Bad(path, sizeof(ulong), $"{tensor} should start at {at}");
            if (entry.End > size) throw Bad(path, sizeof(ulong), $"{tensor} extends beyond the file, which has {size}");

            // Saturate a product beyond any file's size instead of overflowing, because a dimension of 0 may still follow.
            long bytes = entry.Width;
            bool isPossible = true;
            foreach (int d in entry.Shape)
            {
                isPossible &= d >= 0;
                bytes = d == 0 ? 0 : bytes > long.MaxValue / d ? long.MaxValue : bytes * d;
            }

            if (!isPossible || bytes != entry.End - entry.Begin)
                throw Bad(path, sizeof(ulong), $"{tensor} does not fit its shape [{string.Join(", ", entry.Shape)}] of {entry.Type}");
            if (bytes / entry.Width > Array.MaxLength) throw Bad(path, sizeof(ulong), $"{tensor} has too many values for memory");
            at = entry.End;
        }

        if (at != size) throw Bad(path, sizeof(ulong), $"the tensors end at byte {at} of the data, but the file has {size}");
    }

    static float[] ReadFloats(Stream stream, Entry entry)
    {
        var values = new float[(entry.End - entry.Begin) / entry.Width];
        var piece = new byte[(int)Math.Min(1 << 16, entry.End - entry.Begin)];
        for (int done = 0; done < values.Length;)
        {
            var target = values.AsSpan(done, Math.Min(values.Length - done, piece.Length / entry.Width));
            var bytes = piece.AsSpan(0, target.Length * entry.Width);
            stream.ReadExactly(bytes);
            TensorValues.ToFloats(bytes, entry.Type, target);
            done += target.Length;
        }

        return values;
    }

    static BadDataException Bad(string path, long offset, string what, Exception? inner = null) =>
        new($"{path}: byte {offset}: {what}. The file is damaged or has another format; download or copy it again.", inner);
}
