using System.Buffers.Binary;

namespace Riffle.Images;

/// <summary>The orientation that a camera notes in a picture's EXIF block (CIPA DC-008, tag 0x0112), and turning the picture upright by it.</summary>
static class Exif
{
    internal const int Upright = 1;
    const ushort OrientationTag = 0x0112, ShortType = 3;
    const int EntrySize = 12;

    /// <summary>1 to 8 from a TIFF structure; 1 where it does not say or is damaged, for a picture is not refused because of its notes.</summary>
    internal static int Orientation(ReadOnlySpan<byte> tiff)
    {
        if (tiff.Length < 8) return Upright;
        bool little = tiff.StartsWith("II*\0"u8);
        if (!little && !tiff.StartsWith("MM\0*"u8)) return Upright;

        uint directory = Read32(tiff[4..], little);
        if (directory > tiff.Length - 2) return Upright;
        var entries = tiff[(int)directory..];
        int count = Math.Min(Read16(entries, little), (entries.Length - 2) / EntrySize);
        for (int i = 0; i < count; i++)
        {
            var entry = entries.Slice(2 + i * EntrySize, EntrySize);
            if (Read16(entry, little) != OrientationTag) continue;
            int value = Read16(entry[8..], little);
            return Read16(entry[2..], little) == ShortType && value is >= 1 and <= 8 ? value : Upright;
        }

        return Upright;
    }

    /// <summary>The picture turned and mirrored as the orientation demands; the same one for 1.</summary>
    internal static RgbImage Apply(RgbImage image, int orientation)
    {
        if (orientation == Upright) return image;
        bool turned = orientation >= 5;
        var (width, height) = turned ? (image.Height, image.Width) : (image.Width, image.Height);

        // The offset of the upright picture's first pixel in the stored one, and the distances to the next column and row.
        int right = 3, down = 3 * image.Width;
        int farRight = right * (image.Width - 1), bottom = down * (image.Height - 1);
        var (start, column, row) = orientation switch
        {
            2 => (farRight, -right, down),
            3 => (farRight + bottom, -right, -down),
            4 => (bottom, right, -down),
            5 => (0, down, right),
            6 => (bottom, -down, right),
            7 => (farRight + bottom, -down, -right),
            _ => (farRight, down, -right),
        };

        byte[] from = image.Pixels, to = new byte[from.Length];
        int at = 0;
        for (int y = 0; y < height; y++)
        {
            int source = start + y * row;
            for (int x = 0; x < width; x++, source += column, at += 3)
                (to[at], to[at + 1], to[at + 2]) = (from[source], from[source + 1], from[source + 2]);
        }

        var (fullWidth, fullHeight) = turned ? (image.FullHeight, image.FullWidth) : (image.FullWidth, image.FullHeight);
        return new RgbImage(width, height, to) { FullWidth = fullWidth, FullHeight = fullHeight };
    }

    static int Read16(ReadOnlySpan<byte> from, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(from) : BinaryPrimitives.ReadUInt16BigEndian(from);

    static uint Read32(ReadOnlySpan<byte> from, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(from) : BinaryPrimitives.ReadUInt32BigEndian(from);
}
