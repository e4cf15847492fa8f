namespace Riffle.Formats;

/// <summary>
/// Decodes JPEG (libjpeg-turbo) and PNG (libpng) by content, whatever the file's name says, to upright RGB of 8 bits: grey is repeated, a palette
/// looked up, CMYK converted without a colour profile, transparency dropped (the colour stored under it stays), colour profiles and gamma left
/// alone, of 16 bits the upper 8 taken, and the EXIF orientation applied. Safe to call from many threads.
/// </summary>
public static class ImageDecoder
{
    /// <summary>The most pixels an image may have, 100 million: what claims more is refused before memory is taken for it.</summary>
    public const long MaxPixels = 100_000_000;

    /// <summary><c>JPEG</c> or <c>PNG</c> by the first bytes, null for anything else.</summary>
    public static string? DetectFormat(ReadOnlySpan<byte> encoded) =>
        encoded.StartsWith(PngDecoder.Signature) ? "PNG"
        : encoded.StartsWith(JpegMarkers.Start) ? "JPEG"
        : null;

    /// <summary>Decodes an image.</summary>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="name">What error messages call it.</param>
    /// <exception cref="BadDataException">Neither JPEG nor PNG, or cut off, corrupt or too large; the message begins with <paramref name="name"/>.</exception>
    /// <exception cref="RiffleException">The library that decodes it is not installed.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> encoded, string name) => DetectFormat(encoded) switch
    {
        "JPEG" => JpegDecoder.Decode(encoded, name),
        "PNG" => PngDecoder.Decode(encoded, name),
        _ => throw new BadDataException($"{name}: {(encoded.IsEmpty ? "empty" : "neither a JPEG nor a PNG file")}. Convert it to one, or leave it out."),
    };

    /// <summary>The bytes that an image of this size takes, once the size has been found sensible.</summary>
    /// <param name="width">Columns as the file claims.</param>
    /// <param name="height">Rows as the file claims.</param>
    /// <param name="bytesPerPixel">What a pixel takes when it is decoded.</param>
    /// <param name="most">The most pixels that a file of this length can hold.</param>
    /// <param name="name">What the error calls the image.</param>
    /// <exception cref="BadDataException">No pixels, more than <see cref="MaxPixels"/>, or more than the file can hold.</exception>
    internal static int BytesFor(long width, long height, int bytesPerPixel, long most, string name)
    {
        if (width < 1 || height < 1 || width > MaxPixels || height > MaxPixels || width * height > MaxPixels)
            throw new BadDataException($"{name}: the image claims {width}×{height} pixels; from 1 to {MaxPixels:N0} can be decoded.");
        if (width * height > most)
            throw new BadDataException($"{name}: the image claims {width}×{height} pixels, the file is too short for them. Get a whole copy, or leave it out.");
        return checked((int)(width * height * bytesPerPixel));
    }
}
