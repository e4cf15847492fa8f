using System.Buffers.Binary;

namespace Riffle.Images;

/// <summary>WebP, GIF, BMP and ICO to upright RGB: the first image of an animation, the largest of an icon.</summary>
internal static unsafe class SmallFormats
{
    /// <summary>The most pixels to a byte of the file. A code of GIF has up to 12 bits and stands for up to 4096 pixels. The runs of BMP are shorter. WebP
    /// stores an image of one colour in some bytes, whatever its size.</summary>
    private const long MaxPixelsPerByte = 4096;

    public static RgbImage Decode(ReadOnlySpan<byte> encoded, string format, string name, Decoding decoding)
    {
        var file = format switch
        {
            "GIF" => Opaque(encoded, name),
            "WebP" when WebPLength(encoded) > encoded.Length => throw Cut(format, name, encoded.Length),
            "ICO" when IconLength(encoded) > encoded.Length => throw Cut(format, name, encoded.Length),
            _ => encoded,
        };
        fixed (byte* bytes = file)
        {
            using var image = new SkiaImage(bytes, file.Length, format, name);
            ImageDecoder.CheckSize(
                image.Width, image.Height, format == "WebP" ? long.MaxValue : MaxPixelsPerByte * encoded.Length, name, Math.Min(decoding.MaxPixels, ImageDecoder.MaxWholePixels));
            decoding.Take((long)image.Width * image.Height, 4, image.Orientation);
            return Exif.Apply(image.Decode(), image.Orientation);
        }
    }

    private static BadDataException Cut(string format, string name, int length) => SkiaImage.Bad(format, name, $"the file ends too early, at byte {length}");

    /// <summary>The length that the header of a WebP file states. Without this check the end of an animation could be missing.</summary>
    private static long WebPLength(ReadOnlySpan<byte> file) => file.Length < 8 ? 8 : 8L + BinaryPrimitives.ReadUInt32LittleEndian(file[4..]);

    /// <summary>Where the last image of an icon ends. If the largest one is cut off, Skia would take a smaller one.</summary>
    private static long IconLength(ReadOnlySpan<byte> file)
    {
        const int Header = 6, Entry = 16;
        if (file.Length < Header)
            return Header;
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file[4..]);
        long end = Header + (count * Entry);
        for (var i = 0; i < count && Header + ((i + 1) * Entry) <= file.Length; i++)
        {
            var entry = file.Slice(Header + (i * Entry), Entry);
            end = Math.Max(end, (long)BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]) + BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]));
        }

        return end;
    }

    /// <summary>The file with the first image's transparent colour made opaque, so that its colour comes out (GIF89a, sections 18 to 23).</summary>
    private static ReadOnlySpan<byte> Opaque(ReadOnlySpan<byte> gif, string name)
    {
        const int Header = 13;
        const byte Extension = 0x21, Control = 0xF9, Transparent = 1;
        var at = gif.Length < Header ? gif.Length : Header + TableBytes(gif[10]);
        while (at + 4 < gif.Length && gif[at] == Extension)
        {
            if (gif[at + 1] == Control && (gif[at + 3] & Transparent) != 0)
            {
                var opaque = gif.ToArray();
                opaque[at + 3] &= 0xFF - Transparent;
                return opaque;
            }

            for (at += 2; at < gif.Length && gif[at] != 0;)
                at += gif[at] + 1;
            at++;
        }

        return at < gif.Length ? gif : throw Cut("GIF", name, gif.Length);

        static int TableBytes(byte flags) => (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);
    }
}
