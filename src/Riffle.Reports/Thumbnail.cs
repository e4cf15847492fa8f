using Riffle.Data;
using Riffle.Evaluation;

namespace Riffle.Reports;

/// <summary>Small pictures for pages.</summary>
internal static class Thumbnail
{
    /// <summary>The longest side in pixels: pages show them at about 104, and phones have finer screens.</summary>
    private const int Side = 160;

    private const int Quality = 80;

    /// <summary>A square image as a JPEG file's bytes, no larger than a page shows.</summary>
    /// <param name="codec">Encodes it.</param>
    /// <param name="pixels">size × size × 3 bytes.</param>
    /// <param name="size">Its side.</param>
    public static byte[] Of(IImageCodec codec, byte[] pixels, int size) => Of(codec, new RgbImage(size, size, pixels));

    /// <summary>The same for an image of any shape, of which the middle square is shown.</summary>
    public static byte[] Of(IImageCodec codec, RgbImage image)
    {
        if (image.Width != image.Height || image.Width > Side)
        {
            var side = Math.Min(Side, Math.Min(image.Width, image.Height));
            var square = new byte[side * side * 3];
            ImageFit.FitSquare(image, side, square);
            image = new(side, side, square);
        }

        return codec.EncodeJpeg(image, Quality);
    }

    /// <summary>A heat map over the image that it is of, as large as a page shows.</summary>
    public static byte[] Of(IImageCodec codec, byte[] pixels, int size, HeatMap map) => Of(codec, HeatPicture.Of(pixels, size, map));
}
