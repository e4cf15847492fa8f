using Riffle.Formats;

namespace Riffle.Images;

/// <summary>
/// What <see cref="ImageCodec"/> does, with its limits: chooses the decoder by the file's first bytes. Thread-safe.
/// </summary>
/// <remarks>
/// A JPEG or PNG of more than <see cref="MaxWholePixels"/> is decoded at half its width and height: memory for 12000×9000 pixels is
/// then 81 MB, twice that while it is turned upright, and for a progressive JPEG the whole picture's coefficients, up to 6 bytes a pixel (8 with four inks).
/// A JPEG that is scaled to a small square anyway is decoded at a reduced size, see <see cref="DecodeFor(ReadOnlySpan{byte}, string, int)"/>. The other formats have no such way: they may have
/// <see cref="MaxWholePixels"/>. All images together stay within the <see cref="DecodingBudget"/>.
/// </remarks>
internal static class ImageDecoder
{
    /// <summary>The most pixels an image may have, 200 million. An image that claims more is rejected before memory is allocated for it.</summary>
    public const long MaxPixels = 200_000_000;

    /// <summary>The most pixels of an image that is decoded whole, 100 million.</summary>
    public const long MaxWholePixels = 100_000_000;

    /// <summary>Environment variable that decodes every JPEG at its full size if it is <c>full</c>; <c>reduced</c> is the default.</summary>
    public const string Variable = "RIFFLE_DECODE";

    /// <summary>Decodes an image.</summary>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="name">Its name in error messages.</param>
    /// <exception cref="BadDataException">Not an image of these formats, or cut off, corrupt or too large; the message begins with <paramref name="name"/>.</exception>
    /// <exception cref="RiffleException">There is no memory for the image.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> encoded, string name) => Decode(encoded, name, MaxWholePixels);

    /// <summary>Decodes an image that is then scaled to a square. A JPEG is decoded at a half, a quarter or an eighth of its size where that is still at
    /// least twice as large as the square, because libjpeg then computes fewer pixels.</summary>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="name">Its name in error messages.</param>
    /// <param name="side">The square's side.</param>
    /// <exception cref="BadDataException">Not an image of these formats, or cut off, corrupt or too large; the message begins with <paramref name="name"/>.</exception>
    /// <exception cref="RiffleException">There is no memory for the image, or
    /// <see cref="Variable"/> has an unknown value.</exception>
    public static RgbImage DecodeFor(ReadOnlySpan<byte> encoded, string name, int side)
    {
        using var decoding = new Decoding();
        return DecodeFor(encoded, name, side, decoding);
    }

    /// <summary>The same; the caller keeps the memory until it needs the pixels no longer.</summary>
    internal static RgbImage DecodeFor(ReadOnlySpan<byte> encoded, string name, int side, Decoding decoding) =>
        Decode(encoded, name, MaxWholePixels, decoding, IsFull(Environment.GetEnvironmentVariable(Variable)) ? int.MaxValue : side);

    /// <summary>Whether a value of <see cref="Variable"/> asks for full sizes.</summary>
    internal static bool IsFull(string? setting) => setting switch
    {
        null or "" or "reduced" => false,
        "full" => true,
        _ => throw new RiffleException($"{Variable}={setting}: it can be full or reduced; unset it or choose one of these"),
    };

    /// <summary>The same with another limit, above which an image is decoded at half its size.</summary>
    internal static RgbImage Decode(ReadOnlySpan<byte> encoded, string name, long mostWhole, int side = int.MaxValue)
    {
        using var decoding = new Decoding();
        return Decode(encoded, name, mostWhole, decoding, side);
    }

    private static RgbImage Decode(ReadOnlySpan<byte> encoded, string name, long mostWhole, Decoding decoding, int side)
    {
        try
        {
            return ImageFormats.Detect(encoded) switch
            {
                "JPEG" => JpegDecoder.Decode(encoded, name, mostWhole, side, decoding),
                "PNG" => PngDecoder.Decode(encoded, name, mostWhole, decoding),
                { } format => SmallFormats.Decode(encoded, format, name, decoding),
                null => throw new BadDataException($"{name}: {Refusal(encoded)}"),
            };
        }
        catch (OutOfMemoryException e)
        {
            throw new RiffleException($"{name}: not enough memory to decode this image. Make it smaller, or decode fewer at the same time.", e);
        }
    }

    /// <summary>Why a file is not decoded, for an error that begins with its name: its kind, and what to do.</summary>
    internal static string Refusal(ReadOnlySpan<byte> encoded)
    {
        var kind = FileKind.Describe(encoded[..Math.Min(encoded.Length, FileKind.Bytes)]) ?? "not an image";
        return kind.EndsWith(" image", StringComparison.Ordinal)
            ? $"{kind}; Riffle reads {ImageFormats.Names}. Convert it, for example with ImageMagick's 'mogrify -format jpg', or remove it."
            : $"{kind}; Riffle reads {ImageFormats.Names}. Replace it with the image itself, or remove it.";
    }

    /// <summary>Checks the size that a file claims.</summary>
    /// <param name="width">The number of columns that the file claims.</param>
    /// <param name="height">The number of rows that the file claims.</param>
    /// <param name="most">The most pixels that a file of this length can hold.</param>
    /// <param name="name">The name of the image in the error message.</param>
    /// <param name="limit">The most pixels that are decoded.</param>
    /// <exception cref="BadDataException">No pixels, more than the limit, or more than the file can hold.</exception>
    internal static void CheckSize(long width, long height, long most, string name, long limit)
    {
        var claim = $"{name}: the image claims {width}×{height} pixels";
        if (width < 1 || height < 1) throw new BadDataException($"{claim}, which is impossible. Copy the file again, or remove it.");
        if (width > limit || height > limit || width * height > limit)
            throw new BadDataException($"{claim}, but the limit is {(limit % 1_000_000 == 0 ? $"{limit / 1_000_000} million" : $"{limit}")}. Make it smaller, or remove it.");
        if (width * height > most) throw new BadDataException($"{claim}, but the file is too short for that. Copy the file again, or remove it.");
    }
}
