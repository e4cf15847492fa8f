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
        var isHalved = pixels > mostWhole;
        if (isHalved)
            decoding.Take(pixels / 4, chunks.Header(encoded, name)[12] == 0 ? 0 : 3 * sizeof(ushort), chunks.Orientation);
        var image = isHalved ? HalvedPng.Decode(encoded, chunks, name) : DecodeWhole(chunks, encoded, name, decoding);
        return Exif.Apply(image, chunks.Orientation);
    }

    public static BadDataException Bad(string name, string message) => SkiaImage.Bad("PNG", name, message);

    private static RgbImage DecodeWhole(PngChunks chunks, ReadOnlySpan<byte> encoded, string name, Decoding decoding)
    {
        var bare = chunks.Bare(encoded);
        fixed (byte* file = bare)
        {
            using var image = new SkiaImage(file, bare.Length, "PNG", name);
            var hasRows = image.HasRows();
            decoding.Take((long)image.Width * image.Height, hasRows ? 0 : 4, chunks.Orientation);
            return hasRows ? image.DecodeRows(part: 1) : image.Decode();
        }
    }
}
