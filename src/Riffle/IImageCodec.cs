namespace Riffle;

/// <summary>
/// Turns image files into pixels, and pixels into JPEG files. Data sets are prepared, checked and read through it. <c>ImageCodec.Default</c> is one for the
/// usual formats; a program that has a decoder of its own can pass that instead. All members may be called from several threads at the same time.
/// </summary>
public interface IImageCodec
{
    /// <summary>The names of the formats that it decodes, for messages: <c>JPEG and PNG</c>.</summary>
    string Formats { get; }

    /// <summary>The format of a file, for example <c>JPEG</c>; null if it is not one that is decoded.</summary>
    /// <param name="start">The file's first bytes: 512, or all if there are fewer.</param>
    string? FormatOf(ReadOnlySpan<byte> start);

    /// <summary>Decodes an image to upright RGB.</summary>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="name">Its name in error messages.</param>
    /// <param name="side">The side of the square that the image will be scaled to. The image may be decoded at a reduced size that is at least twice as large.
    /// Null: decode the whole image.</param>
    /// <exception cref="BadDataException">It can't be decoded; the message begins with <paramref name="name"/>.</exception>
    /// <exception cref="RiffleException">There is no memory for the image.</exception>
    RgbImage Decode(ReadOnlySpan<byte> encoded, string name, int? side = null);

    /// <summary>Encodes an image as JPEG.</summary>
    /// <param name="image">The image.</param>
    /// <param name="quality">1 (smallest) to 100.</param>
    byte[] EncodeJpeg(RgbImage image, int quality);
}
