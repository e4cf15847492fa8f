using System.Runtime.InteropServices;

namespace Riffle.Formats;

/// <summary>Encodes JPEG through libjpeg-turbo: baseline, colour at half the resolution (4:2:0).</summary>
internal static unsafe class JpegEncoder
{
    /// <summary>The image as a JPEG file's bytes.</summary>
    /// <param name="image">The image.</param>
    /// <param name="quality">1 (smallest) to 100.</param>
    /// <exception cref="RiffleException">libjpeg-turbo is not installed, or can't encode an image of this size (over 65,500 pixels a side).</exception>
    public static byte[] Encode(RgbImage image, int quality = 90)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quality, 100);
        if (image.Width < 1 || image.Height < 1 || image.Pixels.Length != 3L * image.Width * image.Height)
            throw new ArgumentException($"The image has {image.Pixels.Length} samples, the wrong number for {image.Width}×{image.Height} RGB pixels.", nameof(image));

        nint handle = TurboJpeg.InitCompress();
        if (handle == 0) throw new RiffleException("Not enough memory for a JPEG encoder.");
        byte* jpeg = null;
        try
        {
            var size = new CULong(0);
            fixed (byte* pixels = image.Pixels)
            {
                int pitch = 3 * image.Width;
                if (TurboJpeg.Compress(
                        handle, pixels, image.Width, pitch, image.Height, TurboJpeg.PixelsRgb, ref jpeg, ref size, TurboJpeg.Subsampling420, quality, 0) != 0)
                    throw new RiffleException($"Can't encode {image.Width}×{image.Height} pixels as JPEG: {TurboJpeg.Error(handle)}.");
            }

            return new ReadOnlySpan<byte>(jpeg, checked((int)size.Value)).ToArray();
        }
        finally
        {
            if (jpeg is not null) TurboJpeg.Free(jpeg);
            _ = TurboJpeg.Destroy(handle);
        }
    }
}
