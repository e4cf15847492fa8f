using SkiaSharp;

namespace Riffle.Images;

/// <summary>Encodes PNG with alpha.</summary>
internal static unsafe class PngEncoder
{
    /// <summary>The image as a PNG file's bytes.</summary>
    /// <param name="width">Columns, from 1.</param>
    /// <param name="height">Rows, from 1.</param>
    /// <param name="rgba">width × height × 4 bytes, row by row, red first; colours are not multiplied by alpha.</param>
    public static byte[] Encode(int width, int height, ReadOnlySpan<byte> rgba)
    {
        if (rgba.Length != 4L * width * height)
            throw new ArgumentException($"The image has {rgba.Length} samples, the wrong number for {width}×{height} RGBA pixels.", nameof(rgba));
        fixed (byte* first = rgba)
        {
            using var pixels = new SKPixmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, null), (nint)first);
            using var encoded = pixels.Encode(SKPngEncoderOptions.Default) ?? throw new RiffleException($"Can't encode {width}×{height} pixels as PNG.");
            return encoded.ToArray();
        }
    }
}
