using System.Runtime.InteropServices;
using SkiaSharp;

namespace Riffle.Images;

/// <summary>Encodes JPEG: baseline, colour at half the resolution (4:2:0).</summary>
internal static unsafe class JpegEncoder
{
    /// <summary>The longest side that a JPEG can have.</summary>
    private const int MaxSide = 65_500;

    /// <summary>The image as a JPEG file's bytes.</summary>
    /// <param name="image">The image.</param>
    /// <param name="quality">1 (smallest) to 100.</param>
    /// <exception cref="RiffleException">A side is longer than 65,500 pixels.</exception>
    public static byte[] Encode(RgbImage image, int quality = 90)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quality, 100);
        if (image.Width < 1 || image.Height < 1 || image.Pixels.Length != 3L * image.Width * image.Height)
            throw new ArgumentException($"The image has {image.Pixels.Length} samples, the wrong number for {image.Width}×{image.Height} RGB pixels.", nameof(image));
        if (image.Width > MaxSide || image.Height > MaxSide)
            throw new RiffleException($"Can't encode {image.Width}×{image.Height} pixels as JPEG: no side can be longer than {MaxSide} pixels.");

        var rgba = (byte*)NativeMemory.Alloc((nuint)image.Width * (nuint)image.Height, 4);
        try
        {
            for (int from = 0, to = 0; from < image.Pixels.Length; from += 3, to += 4)
                (rgba[to], rgba[to + 1], rgba[to + 2], rgba[to + 3]) = (image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2], 255);
            using var pixels = new SKPixmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque, null), (nint)rgba);
            var options = new SKJpegEncoderOptions(quality, SKJpegEncoderDownsample.Downsample420, SKJpegEncoderAlphaOption.Ignore);
            using var encoded = pixels.Encode(options) ?? throw new RiffleException($"Can't encode {image.Width}×{image.Height} pixels as JPEG.");
            return encoded.ToArray();
        }
        finally
        {
            NativeMemory.Free(rgba);
        }
    }
}
