namespace Riffle.Kernels;

/// <summary>
/// One image into planes.
/// <code>
/// bytes  [H·W][3]
/// x      [3][H·W]
/// </code>
/// </summary>
internal static unsafe class ImagePlanes
{
    /// <summary>x = scale[colour] · byte + shift[colour].</summary>
    /// <param name="pixels">The image.</param>
    /// <param name="positions">H·W.</param>
    /// <param name="scale">Three factors.</param>
    /// <param name="shift">Three summands.</param>
    /// <param name="target">The first plane.</param>
    /// <param name="stride">Distance between planes.</param>
    public static void FromBytes(byte* pixels, int positions, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, float* target, long stride)
    {
        float* red = target, green = target + stride, blue = target + 2 * stride;
        for (var p = 0; p < positions; p++, pixels += 3)
        {
            red[p] = pixels[0] * scale[0] + shift[0];
            green[p] = pixels[1] * scale[1] + shift[1];
            blue[p] = pixels[2] * scale[2] + shift[2];
        }
    }
}
