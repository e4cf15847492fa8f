using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Formats;

namespace Riffle.Tests.Formats;

public class SafeTensorsTests
{
    static readonly Dictionary<string, string> NoMetadata = [];

    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        const string Header = """{"__metadata__":{"network":"tiny"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}""";
        byte[] file = Written([("w", [2, 1], new float[] { 1, -2 })], new Dictionary<string, string> { ["network"] = "tiny" });
        int padded = (Header.Length + 7) / 8 * 8;
        Assert.Equal((ulong)padded, BinaryPrimitives.ReadUInt64LittleEndian(file));
        Assert.Equal(Header.PadRight(padded), Encoding.UTF8.GetString(file, 8, padded));
        Assert.Equal("0000803F000000C0", Convert.ToHexString(file.AsSpan(8 + padded)));
    }

    [Fact]
    public void What_is_written_is_read()
    {
        var tensors =
            from shape in Gen.Choose(0, 4).ArrayOf(3)
            from rank in Gen.Choose(0, 3)
            from values in ArbMap.Default.GeneratorFor<float>().ArrayOf(shape.Take(rank).Aggregate(1, (a, d) => a * d))
            from name in ArbMap.Default.GeneratorFor<NonNull<string>>()
            select (Name: Text(name), Shape: shape[..rank], Values: values);
        var files =
            from list in tensors.ListOf()
            from metadata in ArbMap.Default.GeneratorFor<(NonNull<string> Key, NonNull<string> Value)[]>()
            let strings = metadata.DistinctBy(m => Text(m.Key)).ToDictionary(m => Text(m.Key), m => Text(m.Value))
            select (Tensors: list.DistinctBy(t => t.Name).ToList(), Metadata: strings);
        Prop.ForAll(files.ToArbitrary(), file =>
        {
            var read = Read(Written(file.Tensors.Select(t => (t.Name, t.Shape, (ReadOnlyMemory<float>)t.Values)), file.Metadata));
            Assert.Equal(file.Metadata.OrderBy(m => m.Key), read.Metadata.OrderBy(m => m.Key));
            Assert.Equal(file.Tensors.Select(t => t.Name), read.Names);
            foreach (var (name, shape, values) in file.Tensors)
            {
                Assert.Equal(shape, read.Shape(name));
                Assert.Equal(values.Select(BitConverter.SingleToUInt32Bits), read.Get(name).Select(BitConverter.SingleToUInt32Bits));
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Half_floats_are_written_rounded_to_nearest() => Prop.ForAll<float[]>(values =>
    {
        var stream = new MemoryStream();
        SafeTensors.Write(stream, [("x", [values.Length], values)], new Dictionary<string, string>(), "F16");
        Assert.Equal(values.Select(value => (float)(Half)value), Read(stream.ToArray()).Get("x"));
        Assert.Throws<ArgumentException>(() => SafeTensors.Write(stream, [], new Dictionary<string, string>(), "I8"));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void More_values_than_one_piece_are_written_and_read()
    {
        float[] values = [.. Enumerable.Range(0, 3_000_001).Select(i => i * 0.5f)];
        var read = Read(Written([("a", [values.Length], values), ("b", [], new[] { 7f })], NoMetadata));
        Assert.Equal(values, read.Get("a"));
        Assert.Equal([7f], read.Get("b"));
    }

    [Theory]
    [InlineData("F16", "003C00C0", 1f, -2f)]
    [InlineData("BF16", "803F00C0", 1f, -2f)]
    [InlineData("F32", "0000803F000000C0", 1f, -2f)]
    [InlineData("F64", "000000000000F03F00000000000000C0", 1f, -2f)]
    public void Other_floating_types_are_read_as_floats(string type, string data, params float[] expected)
    {
        string header = $$$"""{"w":{"dtype":"{{{type}}}","shape":[2],"data_offsets":[0,{{{data.Length / 2}}}]}}""";
        Assert.Equal(expected, Read(File(header, Convert.FromHexString(data))).Get("w"));
    }

    [Fact]
    public void Integers_have_a_shape_and_no_numbers()
    {
        var read = Read(File("""{"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}""", new byte[8]));
        Assert.Empty(read.Shape("n"));
        Error.Names(Assert.Throws<BadDataException>(() => read.Get("n")).Message, "model: ", "'n'", "I64");
        Error.Names(Assert.Throws<BadDataException>(() => read.Shape("m")).Message, "model: ", "'m'");
        Assert.False(read.Contains("m"));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{"w":1}""")]
    [InlineData("""{"w":{}}""")]
    [InlineData("""{"__metadata__":{"a":1}}""")]
    [InlineData("""{"__metadata__":7}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"w":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"w":{"dtype":null,"shape":[2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-2,-1],"data_offsets":[0,8]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2147483647,2147483647,2147483647,2147483647,2147483647,2],"data_offsets":[0,8]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""")]
    [InlineData("""{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,99999999999999999999]}}""")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""")]
    public void A_header_that_does_not_fit_its_data_is_refused(string header)
    {
        Assert.StartsWith("model: byte 8: ", Assert.Throws<BadDataException>(() => Read(File(header, new byte[8]))).Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    public void A_header_beyond_the_file_is_refused(int length)
    {
        Assert.StartsWith("model: byte 0: ", Assert.Throws<BadDataException>(() => Read([.. Enumerable.Repeat((byte)0xFF, length)])).Message);
    }

    /// <summary>The format has no checksum: a flip within a value or a name can't be told from another file, but no other exception may come of any.</summary>
    [Fact]
    public void Damage_gives_bad_data_and_nothing_else()
    {
        byte[] whole = Written(
            [("fc.weight", [2, 2], new float[] { 1, 2, 3, 4 }), ("fc.bias", [2], new float[] { 5, 6 })], new Dictionary<string, string> { ["epoch"] = "7" });
        foreach (byte[] damaged in Damage.Truncations(whole))
            Assert.Throws<BadDataException>(() => Read(damaged));
        int noticed = 0;
        foreach (byte[] damaged in Damage.Flips(whole))
        {
            try
            {
                Read(damaged);
            }
            catch (BadDataException)
            {
                noticed++;
            }
        }

        Assert.InRange(noticed, whole.Length, int.MaxValue);
    }

    [Fact]
    public void What_can_not_be_written_is_an_argument_error()
    {
        Assert.Throws<ArgumentException>(() => Written([("a", [2], new float[3])], NoMetadata));
        Assert.Throws<ArgumentException>(() => Written([("a", [-1, -3], new float[3])], NoMetadata));
        Assert.Throws<ArgumentException>(() => Written([("a", [1], new float[1]), ("a", [1], new float[1])], NoMetadata));
        Assert.Throws<ArgumentException>(() => Written([("__metadata__", [1], new float[1])], NoMetadata));
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Assert.StartsWith("no/such/file: ", Assert.Throws<RiffleException>(() => SafeTensors.Read("no/such/file")).Message);

    /// <summary>torchvision's weights: names, shapes and the number of parameters as published.</summary>
    [ExternalFact]
    public void Weights_that_others_wrote_are_read()
    {
        var file = SafeTensors.Read(ExternalData.PathOf("shufflenet_v2_x0_5.fp32.safetensors"));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal<int>([24, 3, 3, 3], file.Shape("conv1.0.weight"));
        Assert.Equal<int>([1000, 1024], file.Shape("fc.weight"));
        var trained = file.Names.Where(name => name.EndsWith(".weight") || name.EndsWith(".bias")).ToList();
        Assert.Equal(1_366_792, trained.Sum(name => file.Get(name).Length));
        Assert.True(trained.All(name => file.Get(name).All(float.IsFinite)));
        Assert.Empty(file.Shape("conv1.1.num_batches_tracked"));
        Assert.Throws<BadDataException>(() => file.Get("conv1.1.num_batches_tracked"));
    }

    static SafeTensorsFile Read(byte[] file) => SafeTensorsFile.Read(new MemoryStream(file), "model");

    static string Text(NonNull<string> any) => new([.. any.Get.Where(c => !char.IsSurrogate(c))]);

    static byte[] Written(IEnumerable<(string, int[], ReadOnlyMemory<float>)> tensors, Dictionary<string, string> metadata)
    {
        var stream = new MemoryStream();
        SafeTensors.Write(stream, tensors, metadata);
        return stream.ToArray();
    }

    static byte[] File(string header, byte[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header), length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. data];
    }
}
