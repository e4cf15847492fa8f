using Riffle.Formats;

namespace Riffle.Images;

/// <summary>
/// Decodes JPEG, PNG, WebP, GIF, BMP and ICO by their content, whatever the file's name, to upright RGB of 8 bits: grey is repeated, a palette is looked up,
/// CMYK is converted without a colour profile, transparency is dropped (the colour stored under it stays), colour profiles and gamma are ignored, the upper 8 of
/// 16 bits are used, and the EXIF orientation is applied. Of an animation the first image is read, of an icon the largest.
/// </summary>
public sealed class ImageCodec : IImageCodec
{
    private ImageCodec()
    {
    }

    /// <summary>The codec. It has no state.</summary>
    public static ImageCodec Default { get; } = new();

    /// <inheritdoc/>
    public string Formats => ImageFormats.Names;

    /// <inheritdoc/>
    public string? FormatOf(ReadOnlySpan<byte> start) => ImageFormats.Detect(start);

    /// <inheritdoc/>
    public RgbImage Decode(ReadOnlySpan<byte> encoded, string name, int? side = null) =>
        side is { } square ? ImageDecoder.DecodeFor(encoded, name, square) : ImageDecoder.Decode(encoded, name);

    /// <inheritdoc/>
    public byte[] EncodeJpeg(RgbImage image, int quality) => JpegEncoder.Encode(image, quality);
}
