using Google.Protobuf;
using Riffle.Formats.Onnx;
using Riffle.Formats.Onnx.Protos;

namespace Riffle.Tests.Formats;

/// <summary>The codec: what it writes it reads, constants of every kind, constants in other files, and claims that are not true.</summary>
public sealed class OnnxFormatTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder.PathOf("model.onnx");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_model_comes_back_as_it_was_written()
    {
        var attributes = new Dictionary<string, object?>
        {
            ["zero"] = 0L,
            ["number"] = -1.5f,
            ["text"] = "größer",
            ["list"] = (long[])[1, -2],
            ["floats"] = (float[])[0.1f],
            ["tensor"] = OnnxTensor.Of("", [2], [1f, 2]),
        };
        var written = new OnnxModel(
            13, ("Riffle", "1.2"), "graph", [new("in", OnnxType.UInt8, [null, 3, 8])], [new("out", OnnxType.Float, [null, 4])],
            [new("Conv", "first", ["in", "", "w"], ["out"], attributes)],
            [OnnxTensor.Of("w", [2, 2], [1f, 2, float.MinValue, 4]), OnnxTensor.Of("i", long.MinValue, -1)],
            new Dictionary<string, string> { ["key"] = "{\"a\": \"ü\"}" });
        using (var stream = File.Create(FilePath))
            OnnxWriter.Write(stream, written);

        var read = OnnxReader.Read(FilePath);
        Assert.Equal((13, ("Riffle", "1.2"), "graph"), (read.Opset, read.Producer, read.Name));
        Assert.Equal(OnnxType.UInt8, read.Inputs[0].Type);
        Assert.Equal([null, 3, 8], read.Inputs[0].Shape!);
        Assert.Equal(written.Metadata, read.Metadata);
        Assert.Equal(["in", "", "w"], read.Nodes[0].Inputs);
        Assert.Equal(attributes.Keys.Order(), read.Nodes[0].Attributes.Keys.Order());
        Assert.All(attributes.Where(pair => pair.Value is not OnnxTensor), pair => Assert.Equal(pair.Value, read.Nodes[0].Attributes[pair.Key]));
        Assert.Equal([1f, 2], ((OnnxTensor)read.Nodes[0].Attributes["tensor"]!).Floats!);
        Assert.Equal(written.Tensors[0].Floats, read.Tensors[0].Floats);
        Assert.Equal(written.Tensors[1].Integers, read.Tensors[1].Integers);
    }

    /// <summary>Every type, as bytes and, where the format allows it, as a list.</summary>
    [Theory]
    [InlineData(1, "0000C0BF")]
    [InlineData(10, "00BE")]
    [InlineData(16, "C0BF")]
    [InlineData(11, "000000000000F8BF")]
    public void Constants_of_every_floating_type_are_floats(int type, string hex)
    {
        var raw = new TensorProto { DataType = type, RawData = ByteString.CopyFrom(Convert.FromHexString(hex)) };
        Assert.Equal([-1.5f], Read(raw).Floats!);
        var list = new TensorProto { DataType = type };
        if (type == 1)
            list.FloatData.Add(-1.5f);
        else if (type == 11)
            list.DoubleData.Add(-1.5);
        else
            list.Int32Data.Add(BitConverter.ToUInt16(Convert.FromHexString(hex)));
        Assert.Equal([-1.5f], Read(list).Floats!);
    }

    [Theory]
    [InlineData(2, "FE", 254)]
    [InlineData(3, "FE", -2)]
    [InlineData(4, "FEFF", 65534)]
    [InlineData(5, "FEFF", -2)]
    [InlineData(6, "FEFFFFFF", -2)]
    [InlineData(7, "FEFFFFFFFFFFFFFF", -2)]
    [InlineData(9, "01", 1)]
    [InlineData(12, "FEFFFFFF", 4294967294)]
    public void Constants_of_every_integer_type_are_integers(int type, string hex, long value) =>
        Assert.Equal([value], Read(new TensorProto { DataType = type, RawData = ByteString.CopyFrom(Convert.FromHexString(hex)) }).Integers!);

    [Theory]
    [InlineData(1000)]
    [InlineData(int.MaxValue)]
    [InlineData(long.MaxValue)]
    [InlineData(-1)]
    public void A_shape_that_its_values_do_not_fill_is_refused_before_memory_is_taken(long size)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var tensor = new TensorProto { DataType = 1, Name = "liar", RawData = ByteString.CopyFrom(new byte[8]) };
        tensor.Dims.Add([size, 2]);
        Assert.Contains("'liar'", Assert.Throws<BadDataException>(() => Read(tensor)).Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public void Constants_may_lie_in_a_file_beside_the_model_or_below_it()
    {
        Directory.CreateDirectory(_folder.PathOf("data"));
        File.WriteAllBytes(_folder.PathOf("data/weights.bin"), [9, 9, 9, 9, 0, 0, 0xC0, 0xBF]);
        Assert.Equal([-1.5f], Read(External("data/weights.bin", offset: 4)).Floats!);
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("data/../../secret")]
    [InlineData("/etc/passwd")]
    [InlineData("C:\\secret")]
    [InlineData("..\\secret")]
    [InlineData("")]
    public void A_path_that_leaves_the_model_s_folder_is_refused(string location) =>
        Assert.Contains($"'{location}'", Assert.Throws<BadDataException>(() => Read(External(location, 0))).Message);

    [Fact]
    public void So_is_a_link_that_does()
    {
        using var elsewhere = new TemporaryFolder();
        File.CreateSymbolicLink(_folder.PathOf("link"), elsewhere.Add("secret", new byte[4]));
        Directory.CreateSymbolicLink(_folder.PathOf("folder"), elsewhere.Path);
        Assert.Throws<BadDataException>(() => Read(External("link", 0)));
        Assert.Throws<BadDataException>(() => Read(External("folder/secret", 0)));
    }

    [Fact]
    public void A_file_that_is_missing_or_too_short_is_told()
    {
        Assert.Contains("weights.bin", Assert.Throws<RiffleException>(() => Read(External("weights.bin", 0))).Message);
        _folder.Add("weights.bin", [1, 2, 3, 4]);
        Assert.Contains("the 4 bytes of", Assert.Throws<BadDataException>(() => Read(External("weights.bin", 1))).Message);
    }

    [Fact]
    public void What_is_no_ONNX_file_is_told()
    {
        File.WriteAllBytes(FilePath, "PNG and so on"u8);
        Assert.Contains(FilePath, Assert.Throws<BadDataException>(() => OnnxReader.Read(FilePath)).Message);
        File.WriteAllBytes(FilePath, []);
        Assert.Contains("graph", Assert.Throws<BadDataException>(() => OnnxReader.Read(FilePath)).Message);
        Assert.Throws<RiffleException>(() => OnnxReader.Read(_folder.PathOf("missing.onnx")));
    }

    private static TensorProto External(string location, long offset)
    {
        var tensor = new TensorProto { DataType = 1, DataLocation = TensorProto.Types.DataLocation.External };
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = $"{offset}" });
        return tensor;
    }

    /// <summary>The constant of a model that has one.</summary>
    private OnnxTensor Read(TensorProto tensor)
    {
        var graph = new GraphProto();
        graph.Node.Add(new NodeProto { OpType = "Identity" });
        graph.Initializer.Add(tensor);
        File.WriteAllBytes(FilePath, new ModelProto { Graph = graph }.ToByteArray());
        return OnnxReader.Read(FilePath).Tensors.Single();
    }
}
