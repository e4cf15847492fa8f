namespace Riffle.Images;

/// <summary>PNG to upright RGB.</summary>
internal static unsafe class PngDecoder
{
    /// <summary>Deflate makes at most 1032 bytes of one (two bits for a run of 258), and a byte has at most eight pixels.</summary>
    private const long MaxPixelsPerByte = 8 * 1032;

    public static RgbImage Decode(ReadOnlySpan<byte> encoded, string name, long mostWhole)
    {
        var chunks = PngChunks.Find(encoded, name);
        var (width, height) = chunks.Size(encoded, name);
        ImageDecoder.CheckSize(width, height, MaxPixelsPerByte * encoded.Length, name);
        using var turn = (long)width * height > mostWhole ? ImageDecoder.WaitForTurn() : null;
        var image = turn is null ? DecodeWhole(chunks.Bare(encoded), name) : HalvedPng.Decode(encoded, chunks, name);
        return Exif.Apply(image, chunks.Orientation);
    }

    public static BadDataException Bad(string name, string message) => SkiaImage.Bad("PNG", name, message);

    private static RgbImage DecodeWhole(byte[] bare, string name)
    {
        fixed (byte* file = bare)
        {
            using var image = new SkiaImage(file, bare.Length, "PNG", name);
            return image.Decode();
        }
    }
}
