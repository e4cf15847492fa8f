using System.Buffers.Binary;
using System.IO.Compression;

namespace Riffle.Tests.Images;

/// <summary>A plain second reader of 16-bit PNG files (W3C PNG, third edition), which libpng and Pillow take each in their own way.</summary>
static class PngOracle
{
    /// <summary>Red, green, blue and alpha of every pixel, as stored.</summary>
    internal static ushort[] Decode16(byte[] file)
    {
        using var packed = new MemoryStream();
        int width = 0, height = 0, channels = 0;
        bool interlaced = false;
        for (int at = 8; at < file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            var type = file.AsSpan(at + 4, 4);
            var content = file.AsSpan(at + 8, length);
            if (type.SequenceEqual("IHDR"u8))
            {
                (width, height) = (BinaryPrimitives.ReadInt32BigEndian(content), BinaryPrimitives.ReadInt32BigEndian(content[4..]));
                Assert.Equal(16, content[8]);
                channels = content[9] switch { 0 => 1, 2 => 3, 4 => 2, 6 => 4, _ => throw new NotSupportedException() };
                interlaced = content[12] == 1;
            }
            else if (type.SequenceEqual("IDAT"u8))
            {
                packed.Write(content);
            }

            at += length + 12;
        }

        packed.Position = 0;
        using var inflater = new ZLibStream(packed, CompressionMode.Decompress);
        var rgba = new ushort[width * height * 4];
        (int X, int Y, int StepX, int StepY)[] passes = interlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)];
        foreach (var pass in passes)
        {
            int columns = (width - pass.X + pass.StepX - 1) / pass.StepX, rows = (height - pass.Y + pass.StepY - 1) / pass.StepY;
            if (columns == 0 || rows == 0) continue;
            var above = new byte[columns * channels * 2];
            for (int row = 0; row < rows; row++)
            {
                var line = Unfilter(inflater, above, channels * 2);
                for (int column = 0; column < columns; column++)
                    for (int c = 0; c < 4; c++)
                    {
                        int channel = c == 3 ? channels - 1 : channels < 3 ? 0 : c;
                        bool opaque = c == 3 && channels is 1 or 3;
                        rgba[((pass.Y + row * pass.StepY) * width + pass.X + column * pass.StepX) * 4 + c] =
                            opaque ? ushort.MaxValue : BinaryPrimitives.ReadUInt16BigEndian(line.AsSpan((column * channels + channel) * 2));
                    }

                above = line;
            }
        }

        return rgba;
    }

    static byte[] Unfilter(Stream from, byte[] above, int pixel)
    {
        int filter = from.ReadByte();
        var line = new byte[above.Length];
        from.ReadExactly(line);
        for (int i = 0; i < line.Length; i++)
        {
            int left = i < pixel ? 0 : line[i - pixel], up = above[i], corner = i < pixel ? 0 : above[i - pixel];
            line[i] += (byte)(filter switch { 0 => 0, 1 => left, 2 => up, 3 => (left + up) / 2, _ => Paeth(left, up, corner) });
        }

        return line;
    }

    static int Paeth(int left, int up, int corner)
    {
        int toLeft = Math.Abs(up - corner), toUp = Math.Abs(left - corner), toCorner = Math.Abs(left + up - 2 * corner);
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }
}
