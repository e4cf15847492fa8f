using Riffle.Simd;

namespace Riffle.Kernels;

/// <summary>
/// Images into lanes.
/// <code>
/// bytes  [N][H·W][3]  or floats [N][3][H·W]
/// x      [3][H·W][16]     unused lanes are zero
/// </code>
/// </summary>
internal static unsafe class ImageLanes
{
    /// <summary>x = scale[colour] · byte + shift[colour].</summary>
    /// <param name="pixels">The first image of the block.</param>
    /// <param name="images">Images in the block, at most 16.</param>
    /// <param name="positions">H·W.</param>
    /// <param name="scale">Three factors.</param>
    /// <param name="shift">Three summands.</param>
    /// <param name="target">Three planes in one run.</param>
    public static void FromBytes(byte* pixels, int images, int positions, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, float* target)
    {
        // A table instead of a conversion: 3 × 256 floats stay in the L1 cache.
        var table = stackalloc float[3 * 256];
        for (var i = 0; i < 3 * 256; i++)
            table[i] = i % 256 * scale[i / 256] + shift[i / 256];
        for (var p = 0; p < positions; p++)
        {
            for (var c = 0; c < 3; c++)
            {
                var source = pixels + (long)p * 3 + c;
                var lanes = target + ((long)c * positions + p) * Lanes.Count;
                for (var n = 0; n < images; n++)
                    lanes[n] = table[c * 256 + source[(long)n * positions * 3]];
                for (var n = images; n < Lanes.Count; n++)
                    lanes[n] = 0;
            }
        }
    }

    /// <summary>x = the images' own numbers.</summary>
    /// <param name="values">The first image of the block.</param>
    /// <param name="images">Images in the block, at most 16.</param>
    /// <param name="positions">H·W.</param>
    /// <param name="target">Three planes in one run.</param>
    public static void FromFloats(float* values, int images, int positions, float* target)
    {
        for (var i = 0; i < 3 * positions; i++)
        {
            for (var n = 0; n < Lanes.Count; n++)
                target[(long)i * Lanes.Count + n] = n < images ? values[(long)n * 3 * positions + i] : 0;
        }
    }
}
