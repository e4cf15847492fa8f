using System.Buffers.Binary;
using System.IO.Compression;

namespace Riffle.Tests.Formats;

/// <summary>Pictures made for tests.</summary>
static class TestImages
{
    /// <summary>Every pixel different from its neighbours, so that a turn or a mix-up shows; the same for the same arguments.</summary>
    internal static RgbImage Noise(int width, int height, int seed = 1)
    {
        var pixels = new byte[width * height * 3];
        new Random(seed).NextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }

    /// <summary>Smooth colours, which JPEG keeps nearly as they are.</summary>
    internal static RgbImage Gradient(int width, int height)
    {
        var pixels = new byte[width * height * 3];
        for (int i = 0; i < pixels.Length; i++)
        {
            int x = i / 3 % width, y = i / 3 / width;
            pixels[i] = (byte)(i % 3 == 0 ? 255 * x / width : i % 3 == 1 ? 255 * y / height : 255 - 127 * x / width - 127 * y / height);
        }

        return new RgbImage(width, height, pixels);
    }

    /// <summary>A PNG file of 8-bit RGB.</summary>
    internal static byte[] Png(RgbImage image, params (string Type, byte[] Content)[] extra)
    {
        var lines = new MemoryStream();
        using (var deflater = new ZLibStream(lines, CompressionLevel.Fastest, leaveOpen: true))
            for (int y = 0; y < image.Height; y++)
            {
                deflater.WriteByte(0);
                deflater.Write(image.Pixels.AsSpan(y * image.Width * 3, image.Width * 3));
            }

        return PngFile([("IHDR", PngHeader(image.Width, image.Height, depth: 8, colourType: 2)), .. extra, ("IDAT", lines.ToArray()), ("IEND", [])]);
    }

    internal static byte[] PngHeader(int width, int height, byte depth, byte colourType)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (depth, colourType);
        return header;
    }

    internal static byte[] PngFile(params (string Type, byte[] Content)[] chunks)
    {
        var file = new MemoryStream();
        file.Write([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]);
        Span<byte> number = stackalloc byte[4];
        foreach (var (type, content) in chunks)
        {
            byte[] body = [.. type.Select(c => (byte)c), .. content];
            BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
            file.Write(number);
            file.Write(body);
            BinaryPrimitives.WriteUInt32BigEndian(number, Crc32(body));
            file.Write(number);
        }

        return file.ToArray();
    }

    /// <summary>The same JPEG file with a segment put in after its start.</summary>
    internal static byte[] WithSegment(byte[] jpeg, byte marker, byte[] content) =>
        [.. jpeg[..2], 0xFF, marker, (byte)((content.Length + 2) >> 8), (byte)(content.Length + 2), .. content, .. jpeg[2..]];

    static uint Crc32(byte[] data)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in data)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320u);
        }

        return ~crc;
    }
}
