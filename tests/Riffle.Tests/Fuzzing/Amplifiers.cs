using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Riffle.Formats;
using Riffle.Tests.Formats;
using Riffle.Tests.Images;

namespace Riffle.Tests.Fuzzing;

/// <summary>Small files made by hand that ask a reader for much: by what they claim, by what they repeat, by how deep they go.</summary>
internal static class Amplifiers
{
    private const int Many = 50_000;

    /// <summary>The name of a target among <see cref="FuzzTargets"/>, what the input does, and its bytes.</summary>
    public static IReadOnlyList<(string Target, string Name, Func<byte[]> Make)> All { get; } =
    [
        .. PickleAmplifiers.All.Select(input => ("torch pickle", input.Name, (Func<byte[]>)(() => input.Bytes))),
        .. Documents("run.json", "checkpoint document", "soft-labels.json", "dataset.json", "checkpoint header", "own network", "network.json"),
        .. Networks(),
        .. Zips(),
        .. SafeTensorsFiles(),
        .. Records(),
        .. Images(),
        .. Sources(),
    ];

    private static IEnumerable<(string, string, Func<byte[]>)> Documents(params string[] targets) =>
        from target in targets
        from input in new (string Name, string Text)[]
        {
            ("arrays in arrays", new string('[', Many)),
            ("objects in objects", string.Concat(Enumerable.Repeat("{\"a\":", Many))),
            ("an array without end", "[" + string.Join(',', Enumerable.Repeat('0', Many)) + "]"),
            ("classes without end", "{\"classes\":[" + string.Join(',', Enumerable.Repeat("null", Many)) + "]}"),
            ("empty lists under every key", "{" + string.Join(',', Enumerable.Range(0, Many).Select(i => $"\"{i}\":[]")) + "}"),
            ("one key again and again", "{" + string.Join(',', Enumerable.Repeat("\"history\":[]", Many)) + "}"),
            ("a text of escapes", "{\"riffle\":\"" + string.Concat(Enumerable.Repeat("\\u0000", Many)) + "\"}"),
            ("a number of many digits", "{\"version\":1" + new string('0', Many) + "}"),
        }
        select (target, input.Name, (Func<byte[]>)(() => Encoding.UTF8.GetBytes(input.Text)));

    /// <summary>Layers that ask for many planes or large windows, as a file of their own and as what a checkpoint tells of its network.</summary>
    private static IEnumerable<(string, string, Func<byte[]>)> Networks() =>
        from input in new (string Name, string Layers)[]
        {
            ("a value joined with itself again and again", Layers(30, i => $$"""{"name":"{{i}}","op":"concat","inputs":["{{i - 1}}","{{i - 1}}"]}""")),
            ("a wide value read again and again", Layers(Many / 50, i => i < 15
                ? $$"""{"name":"{{i}}","op":"concat","inputs":["{{i - 1}}","{{i - 1}}"]}"""
                : $$"""{"name":"{{i}}","op":"relu","maximum":{{i}}}""")),
            ("layers without end", Layers(Many / 10, i => $$"""{"name":"{{i}}","op":"relu","maximum":{{Many + i}}}""")),
            ("large windows without end", Layers(100, i =>
                $$"""{"name":"{{i}}","op":"average_pool","kernel":4000,"stride":4000,"padding":{"top":3999,"left":3999,"bottom":3999,"right":3999} }""")),
            ("channels without end", Layers(1, i =>
                $$"""{"name":"{{i}}","op":"convolution","output_channels":1000000,"kernel":1,"stride":1,"padding":{},"groups":1}""")),
            ("an inputs list without end", "{\"name\":\"0\",\"op\":\"relu\",\"inputs\":[" + string.Join(',', Enumerable.Repeat("\"input\"", Many)) + "]}"),
        }
        let layers = $$"""[{{input.Layers}},{"name":"pool","op":"global_average_pool"},{"name":"fc","op":"fully_connected","outputs":3}]"""
        let network = $$""""name":"n","image_size":16,"classes":3,"layers":{{layers}}""""
        from file in new (string Target, string Text)[]
        {
            ("network.json", $"{{{network}}}"),
            ("own network", $$"""
                {"version":2,"riffle":"0","network":{ {{network}},"units":[],"stem_stride":1},
                "classes":[{"name":"a","text":"a"},{"name":"b","text":"b"},{"name":"c","text":"c"}],
                "normalisation":{"mean":{"red":0,"green":0,"blue":0},"deviation":{"red":1,"green":1,"blue":1} },"training":null}
                """),
        }
        select (file.Target, input.Name, (Func<byte[]>)(() => Encoding.UTF8.GetBytes(file.Text)));

    private static string Layers(int count, Func<int, string> layer) =>
        string.Join(',', Enumerable.Range(0, count).Select(i => layer(i).Replace("\"-1\"", "\"input\"", StringComparison.Ordinal)));

    private static IEnumerable<(string, string, Func<byte[]>)> Zips()
    {
        yield return ("torch file", "entries that share their bytes", () => SharedEntries(200));
        yield return ("torch file", "an entry that is claimed to be long", () => Claimed());
        yield return ("torch file", "entries without end", () => TorchArchive.Of(
            [("a/data.pkl", "}."u8.ToArray()), .. Enumerable.Range(0, 5_000).Select(i => ($"a/data/{i}", Array.Empty<byte>()))]));
        yield return ("torch file", "tensors without end of one value", () => Views(Enumerable.Range(0, 500).Select(i => ($"{i}", new[] { 999 }))));
        yield return ("import", "a classifier of many classes that is one value", () => Views(FuzzFiles.Imported.Parameters.Select(p =>
            (p.Name, p.Name.StartsWith("fc.", StringComparison.Ordinal) ? [100_000, .. p.Shape[1..]] : p.Shape.ToArray()))));
        yield return ("import", "one name under thousands of prefixes", () => Views(Enumerable.Range(0, 3_000).Select(i => ($"{i}.fc.bias", new[] { 1 }))));
        yield return ("import", "names of nothing but dots", () => Views(Enumerable.Range(0, 500).Select(i => (new string('.', 400 + i), new[] { 1 }))));
    }

    /// <summary>A file of tensors that all repeat one value.</summary>
    private static byte[] Views(IEnumerable<(string Name, int[] Shape)> tensors) => TorchArchive.Of(
        ("a/data.pkl", TorchArchive.Pickle(tensors.Select(t => (t.Name, "Float", "0", 1, 0, t.Shape, new int[t.Shape.Length])))), ("a/data/0", new byte[4]));

    private static IEnumerable<(string, string, Func<byte[]>)> SafeTensorsFiles()
    {
        static byte[] Of(string header, int claimed = 0) =>
            [.. BitConverter.GetBytes((long)(claimed > 0 ? claimed : Encoding.UTF8.GetByteCount(header))), .. Encoding.UTF8.GetBytes(header)];

        yield return ("safetensors", "a header that is claimed to be long", () => Of("{}", 99_999_999));
        yield return ("safetensors", "arrays in arrays", () => Of(new string('[', Many)));
        yield return ("safetensors", "tensors of no values without end",
            () => Of("{" + string.Join(
                ',', Enumerable.Range(0, Many / 8).Select(i => $"\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}")) + "}"));
        yield return ("safetensors", "dimensions without end",
            () => Of("{\"a\":{\"dtype\":\"F32\",\"shape\":[" + string.Join(',', Enumerable.Repeat("2147483647", Many / 8)) + ",0],\"data_offsets\":[0,0]}}"));
        yield return ("safetensors", "metadata without end",
            () => Of("{\"__metadata__\":{" + string.Join(',', Enumerable.Range(0, Many / 4).Select(i => $"\"{i}\":\"\"")) + "}}"));
        yield return ("safetensors", "names of escapes", () => Of("{\"" + string.Concat(Enumerable.Repeat("\\u0061", Many)) + "\":{}}"));
    }

    private static IEnumerable<(string, string, Func<byte[]>)> Records()
    {
        byte[] long32 = [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0];
        byte[] claim = [.. long32, .. Checksum(long32), 1, 2, 3];
        yield return ("tfrecord", "a record that is claimed to be long", () => claim);
        yield return ("foreign records", "a record that is claimed to be long, compressed", () => Seals.Gzip(claim));
        yield return ("foreign records", "a record of zeros, compressed", () => Seals.Gzip(Seals.Record(new byte[200 << 20])));
        yield return ("tfrecord", "empty records without end", () => [.. Enumerable.Range(0, Many / 8).SelectMany(_ => Seals.Record([]))]);

        // Fields of Protocol Buffers: 0x0a is field 1 of a length that follows, 0x12 field 2.
        static byte[] Field(byte tag, byte[] content) => [tag, .. Varint(content.Length), .. content];
        (string Name, byte[] Bytes)[] examples =
        [
            ("features without a name, without end", Field(0x0a, Repeated(Many, 0x0a, 0))),
            ("features messages without end", Repeated(Many, 0x0a, 0)),
            ("values of no bytes without end", Field(0x0a, Field(0x0a, [0x0a, 1, (byte)'a', .. Field(0x12, Field(0x0a, Repeated(Many, 0x0a, 0)))]))),
            ("whole numbers of one byte without end", Field(0x0a, Field(0x0a, [0x0a, 1, (byte)'a', .. Field(0x12, Field(0x1a, Field(0x0a, new byte[Many])))]))),
            ("unknown fields without end", [.. Enumerable.Range(16, Many / 4).SelectMany(i => (byte[])[.. Varint(i << 3), 0])]),
            ("groups in groups", Repeated(Many, 0x1b)),
            ("messages in messages", [.. Enumerable.Range(0, Many / 4).SelectMany(_ => (byte[])[0x0a, 0xff, 0x7f])]),
            ("a field that is claimed to be long", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07]),
        ];
        foreach (var (name, bytes) in examples)
        {
            yield return ("example", name, () => bytes);
            yield return ("features", name, () => bytes);
            yield return ("model.onnx", name, () => bytes);
            yield return ("events", name, () => Seals.Record(bytes));
        }

        yield return ("events", "values of a summary without end", () => Seals.Record(Field(0x2a, Repeated(Many, 0x0a, 0))));
        yield return ("events", "empty events without end", () => [.. Enumerable.Range(0, Many / 16).SelectMany(_ => Seals.Record([]))]);
    }

    private static IEnumerable<(string, string, Func<byte[]>)> Images()
    {
        var jpeg = JpegEncoder.Encode(TestImages.Gradient(64, 64));
        var progressive = ImageFixture.Named("JPEG, progressive").File;
        foreach (var (kind, bytes, marker) in new[] { ("", jpeg, (byte)0xC0), ("progressive ", progressive, (byte)0xC2) })
        {
            foreach (var side in new[] { 9_000, 14_000, 65_500 })
                yield return ("jpeg", $"a {kind}image that claims a side of {side}", () => WithSide(bytes, marker, side));
        }

        yield return ("jpeg", "comments without end", () => [.. jpeg[..2], .. Repeated(Many, 0xff, 0xfe, 0, 2), .. jpeg[2..]]);
        yield return ("jpeg", "tables without end", () => [.. jpeg[..2], .. Repeated(Many, 0xff, 0xdd, 0, 4, 0, 0), .. jpeg[2..]]);
        foreach (var side in new[] { 9_000, 14_000, int.MaxValue })
        {
            yield return ("png", $"an image that claims a side of {side}", () => TestImages.PngFile(
                ("IHDR", TestImages.PngHeader(side, side, 8, 2)), ("IDAT", Zlib(new byte[1000])), ("IEND", [])));
        }

        yield return ("png", "a text that unpacks to much", () => TestImages.PngFile(
            ("IHDR", TestImages.PngHeader(1, 1, 8, 2)), ("zTXt", [(byte)'a', 0, 0, .. Zlib(new byte[100 << 20])]), ("IDAT", Zlib(new byte[4])), ("IEND", [])));
        yield return ("png", "a profile that unpacks to much", () => TestImages.PngFile(
            ("IHDR", TestImages.PngHeader(1, 1, 8, 2)), ("iCCP", [(byte)'a', 0, 0, .. Zlib(new byte[100 << 20])]), ("IDAT", Zlib(new byte[4])), ("IEND", [])));
        yield return ("png", "chunks without end", () => TestImages.PngFile(
        [
            ("IHDR", TestImages.PngHeader(1, 1, 8, 2)), .. Enumerable.Repeat(("tEXt", "a\0b"u8.ToArray()), Many / 8), ("IDAT", Zlib(new byte[4])), ("IEND", []),
        ]));
    }

    private static IEnumerable<(string, string, Func<byte[]>)> Sources()
    {
        static byte[] Zip(IEnumerable<(string Name, byte[] Bytes)> entries)
        {
            using var stream = new MemoryStream();
            using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            {
                foreach (var (name, bytes) in entries)
                {
                    using var entry = zip.CreateEntry(name, CompressionLevel.Fastest).Open();
                    entry.Write(bytes);
                }
            }

            return stream.ToArray();
        }

        yield return ("zip", "an image that unpacks to zeros", () => Zip([("a/1.jpg", new byte[100 << 20]), ("b/1.jpg", [1])]));
        yield return ("zip", "classes without end", () => Zip(Enumerable.Range(0, 3_000).Select(i => ($"{i}/1.jpg", Array.Empty<byte>()))));
        yield return ("zip", "a name that is deep", () => Zip([(string.Concat(Enumerable.Repeat("a/", 15_000)) + "1.jpg", [1])]));
        yield return ("tar.gz", "zeros", () => Seals.Gzip(new byte[100 << 20]));
    }

    private static byte[] Repeated(int times, params byte[] bytes) => [.. Enumerable.Range(0, times).SelectMany(_ => bytes)];

    private static byte[] Checksum(byte[] bytes)
    {
        var checksum = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, TFRecordChecksum.Of(bytes));
        return checksum;
    }

    private static byte[] Varint(int value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }

    private static byte[] Zlib(byte[] bytes)
    {
        using var stream = new MemoryStream();
        using (var zlib = new ZLibStream(stream, CompressionLevel.Optimal, leaveOpen: true))
            zlib.Write(bytes);
        return stream.ToArray();
    }

    /// <summary>A JPEG with another height and width in its frame header.</summary>
    private static byte[] WithSide(byte[] jpeg, byte marker, int side)
    {
        var bytes = (byte[])jpeg.Clone();
        var at = bytes.AsSpan().IndexOf((byte[])[0xff, marker]) + 5;
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), (ushort)side);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at + 2), (ushort)side);
        return bytes;
    }

    /// <summary>A zip file whose directory names the bytes of one entry many times.</summary>
    private static byte[] SharedEntries(int times)
    {
        var whole = TorchArchive.Of(("a/data.pkl", "}."u8.ToArray()), ("a/data/0", new byte[Many]));
        var end = whole.AsSpan().LastIndexOf("PK\u0005\u0006"u8);
        var start = BinaryPrimitives.ReadInt32LittleEndian(whole.AsSpan(end + 16));
        var second = start + whole.AsSpan(start + 1).IndexOf("PK\u0001\u0002"u8) + 1;
        var shared = whole[second..end];
        byte[] directory = [.. whole[start..second], .. Enumerable.Range(0, times).SelectMany(i => Named(shared, (byte)('0' + (i % 64))))];
        var tail = whole[end..];
        BinaryPrimitives.WriteUInt16LittleEndian(tail.AsSpan(8), (ushort)(times + 1));
        BinaryPrimitives.WriteUInt16LittleEndian(tail.AsSpan(10), (ushort)(times + 1));
        BinaryPrimitives.WriteInt32LittleEndian(tail.AsSpan(12), directory.Length);
        return [.. whole[..start], .. directory, .. tail];

        static byte[] Named(byte[] entry, byte last)
        {
            var bytes = (byte[])entry.Clone();
            bytes[46 + "a/data/".Length] = last;
            return bytes;
        }
    }

    /// <summary>A zip file whose directory claims that an entry has two gigabytes.</summary>
    private static byte[] Claimed()
    {
        var bytes = TorchArchive.Of(("a/data.pkl", "}."u8.ToArray()));
        var directory = bytes.AsSpan().IndexOf("PK\u0001\u0002"u8);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(directory + 20), int.MaxValue);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(directory + 24), int.MaxValue);
        return bytes;
    }
}
