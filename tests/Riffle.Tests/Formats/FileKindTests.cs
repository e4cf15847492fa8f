using System.Text;
using Riffle.Formats;

namespace Riffle.Tests.Formats;

public class FileKindTests
{
    public static TheoryData<string, byte[]> Kinds => new()
    {
        { FileKind.Empty, [] },
        { FileKind.Torch, Fixture("torch.state.pth") },
        { FileKind.Torch, Fixture("torch.legacy.pth") },
        { FileKind.Pickled, [0x80, 4, 0x95] },
        { FileKind.SafeTensors, Fixture("parity.shufflenet-v2-x0.5.safetensors") },
        { FileKind.SafeTensors, SafeTensorsOf(0x8B1F) }, // a header as long as the bytes with which gzip begins
        { FileKind.SafeTensors, SafeTensorsOf(0x0280) },
        { FileKind.Onnx, [0x08, 0x0A, 0x12, 0x07, .. "pytorch"u8] },
        { FileKind.Json, " {\"a\": 1}"u8.ToArray() },
        { FileKind.Json, "[1]"u8.ToArray() },
        { FileKind.Text, "tench\ngoldfish\n"u8.ToArray() },
        { FileKind.Text, Encoding.UTF8.GetBytes("größe\n") },
        { "a JPEG image", JpegEncoder.Encode(TestImages.Gradient(4, 4)) },
        { "a NumPy array", [0x93, .. "NUMPY"u8] },
        { "a NumPy archive", Zip("arr_0.npy") },
        { "a Keras model (zip)", Zip("metadata.json") },
        { "a zip file", Zip("photos/1.jpg") },
        { "a zip file", "PK\u0003\u0004"u8.ToArray() },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_file_is_known_by_its_first_bytes(string kind, byte[] content) =>
        Assert.Equal(kind, FileKind.Describe(content.AsSpan(0, Math.Min(content.Length, FileKind.Bytes))));

    [Fact]
    public void A_file_of_records_is_known_by_its_first_checksum()
    {
        using var stream = new MemoryStream();
        using (var writer = new TFRecordWriter(stream))
            writer.Write("a record"u8);
        var bytes = stream.ToArray();
        Assert.Equal("a TFRecord file", FileKind.Describe(bytes));
        bytes[0]++;
        Assert.Null(FileKind.Describe(bytes));
    }

    [Fact]
    public void Bytes_that_say_nothing_are_of_no_kind() => Assert.Null(FileKind.Describe(new byte[FileKind.Bytes]));

    private static byte[] Fixture(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", name));

    private static byte[] SafeTensorsOf(int header) => [.. BitConverter.GetBytes((long)header), .. "{\"__metadata__\":{}}"u8];

    private static byte[] Zip(string name) => [.. "PK\u0003\u0004"u8, .. new byte[22], (byte)name.Length, 0, 0, 0, .. Encoding.ASCII.GetBytes(name)];
}
