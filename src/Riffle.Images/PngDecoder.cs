namespace Riffle.Images;

/// <summary>PNG to upright RGB.</summary>
internal static unsafe class PngDecoder
{
    /// <summary>Deflate makes at most 1032 bytes of one (two bits for a run of 258), and a byte has at most eight pixels.</summary>
    private const long MaxPixelsPerByte = 8 * 1032;

    public static RgbImage Decode(ReadOnlySpan<byte> encoded, string name, long mostWhole, Decoding decoding)
    {
        var chunks = PngChunks.Find(encoded, name);
        var (width, height) = chunks.Size(encoded, name);
        ImageDecoder.CheckSize(width, height, MaxPixelsPerByte * encoded.Length, name, decoding.MaxPixels);
        var pixels = (long)width * height;
        var isInterlaced = chunks.Header(encoded, name)[12] != 0;
        RgbImage image;
        if (pixels > mostWhole)
        {
            decoding.Take(pixels / 4, isInterlaced ? sizeof(ushort) * 3 : 0, chunks.Orientation);
            image = HalvedPng.Decode(encoded, chunks, name);
        }
        else
        {
            decoding.Take(pixels, isInterlaced ? 4 : 0, chunks.Orientation, encoded.Length);
            image = DecodeWhole(chunks.Bare(encoded), name, isInterlaced);
        }

        return Exif.Apply(image, chunks.Orientation);
    }

    public static BadDataException Bad(string name, string message) => SkiaImage.Bad("PNG", name, message);

    private static RgbImage DecodeWhole(byte[] bare, string name, bool isInterlaced)
    {
        fixed (byte* file = bare)
        {
            using var image = new SkiaImage(file, bare.Length, "PNG", name);
            return isInterlaced ? image.Decode() : image.DecodeRows(part: 1);
        }
    }
}
