namespace Riffle.Images;

/// <summary>JPEG to upright RGB.</summary>
internal static unsafe class JpegDecoder
{
    /// <summary>
    /// The most pixels to a byte of the file. Huffman coding spends at least a bit on each block of 8×8 coefficients, of which there are at least 9 to
    /// 32×32 pixels, for each dimension is sampled four times as coarsely at most and in full by one of the components: 910 pixels. (Arithmetic coding, which
    /// nobody uses, can get below that for an image of one colour.)
    /// </summary>
    private const long MaxPixelsPerByte = 1024;

    /// <summary>Of a progressive file, libjpeg keeps all coefficients, two bytes each: so many to a pixel where no colour is sampled more coarsely.</summary>
    private const int CoefficientBytes = 6;

    public static RgbImage Decode(ReadOnlySpan<byte> encoded, string name, long mostWhole, int side, Decoding decoding)
    {
        if (JpegMarkers.UnreadKind(encoded) is { } kind)
            throw new BadDataException($"{name}: {kind}; Riffle reads only baseline and progressive JPEG with 8 bits. Convert or remove it.");
        fixed (byte* file = encoded)
        {
            using var image = new SkiaImage(file, encoded.Length, "JPEG", name);
            ImageDecoder.CheckSize(image.Width, image.Height, MaxPixelsPerByte * encoded.Length, name, decoding.MaxPixels);
            var pixels = (long)image.Width * image.Height;
            if (JpegScans.Fault(encoded) is { } fault)
                throw SkiaImage.Bad("JPEG", name, fault);
            var part = Math.Max(pixels > mostWhole ? 2 : 1, Part(Math.Min(image.Width, image.Height), side));
            decoding.Take(pixels / (part * part), 0, image.Orientation, JpegMarkers.IsProgressive(encoded) ? CoefficientBytes * pixels : 0);
            return Exif.Apply(image.DecodeRows(part), image.Orientation);
        }
    }

    /// <summary>The part of its size, 1 to 8 as its reciprocal, at which an image is decoded to be scaled to a square.</summary>
    private static int Part(int shorter, int side)
    {
        const int Most = 8, Reserve = 2;
        var part = 1;
        while (part < Most && shorter / (2 * part) >= (long)Reserve * side)
            part *= 2;
        return part;
    }
}
