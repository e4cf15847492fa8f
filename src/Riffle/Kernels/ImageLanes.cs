using System.Numerics;
using System.Runtime.CompilerServices;
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
    /// <summary>Four positions are twelve bytes, and so three words of four.</summary>
    private const int GroupPositions = 4, GroupWords = 3;

    /// <summary>Groups whose words, of all lanes, stay in the first-level cache.</summary>
    private const int ChunkGroups = 32;

    /// <summary>x = scale[colour] · byte + shift[colour], rounded after the product and after the sum: the same numbers at every vector width.</summary>
    /// <param name="pixels">The first image of the block.</param>
    /// <param name="images">Images in the block, at most 16.</param>
    /// <param name="positions">H·W.</param>
    /// <param name="scale">Three factors.</param>
    /// <param name="shift">Three summands.</param>
    /// <param name="target">Three planes in one run.</param>
    public static void FromBytes(byte* pixels, int images, int positions, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, float* target)
    {
        // Words change places one by one, which is a quarter of the work of bytes; vectors then take them apart.
        var words = stackalloc uint[ChunkGroups * GroupWords * Lanes.Count];
        var (imageBytes, groups) = (3L * positions, positions / GroupPositions);
        for (var first = 0; first < groups; first += ChunkGroups)
        {
            var count = Math.Min(ChunkGroups, groups - first);
            for (var n = 0; n < images; n++)
            {
                var source = (uint*)(pixels + (n * imageBytes)) + ((long)first * GroupWords);
                for (var w = 0; w < count * GroupWords; w++)
                    words[(w * Lanes.Count) + n] = source[w];
            }

            Convert(words, count, positions, scale, shift, target + ((long)first * GroupPositions * Lanes.Count));
        }

        for (var i = groups * GroupPositions * 3; i < imageBytes; i++)
        {
            var lanes = target + (((i % 3 * (long)positions) + (i / 3)) * Lanes.Count);
            for (var n = 0; n < images; n++)
                lanes[n] = (pixels[(n * imageBytes) + i] * scale[i % 3]) + shift[i % 3];
        }

        for (var i = 0L; i < imageBytes && images < Lanes.Count; i++)
            new Span<float>(target + (i * Lanes.Count) + images, Lanes.Count - images).Clear();
    }

    private static void Convert(uint* words, int groups, int positions, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, float* target)
    {
        Vector<float> redScale = new(scale[0]), greenScale = new(scale[1]), blueScale = new(scale[2]);
        Vector<float> redShift = new(shift[0]), greenShift = new(shift[1]), blueShift = new(shift[2]);
        Vector<uint> level = new(byte.MaxValue);
        for (var g = 0; g < groups; g++)
        {
            for (var lane = 0; lane < Lanes.Count; lane += Vector<float>.Count)
            {
                // Bytes from the lowest: red green blue red, green blue red green, blue red green blue.
                var from = words + (g * GroupWords * Lanes.Count) + lane;
                var (a, b, c) = (Vector.Load(from), Vector.Load(from + Lanes.Count), Vector.Load(from + (2 * Lanes.Count)));
                var red = target + ((long)g * GroupPositions * Lanes.Count) + lane;
                Store(red, Level(a), Level(a >>> 24), Level(b >>> 16), Level(c >>> 8), redScale, redShift);
                var green = red + ((long)positions * Lanes.Count);
                Store(green, Level(a >>> 8), Level(b), Level(b >>> 24), Level(c >>> 16), greenScale, greenShift);
                var blue = green + ((long)positions * Lanes.Count);
                Store(blue, Level(a >>> 16), Level(b >>> 8), Level(c), Level(c >>> 24), blueScale, blueShift);
            }
        }

        Vector<float> Level(Vector<uint> word) => Vector.ConvertToSingle(Vector.AsVectorInt32(word & level));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(
        float* to, Vector<float> first, Vector<float> second, Vector<float> third, Vector<float> fourth, Vector<float> scale, Vector<float> shift)
    {
        Vector.Store((first * scale) + shift, to);
        Vector.Store((second * scale) + shift, to + Lanes.Count);
        Vector.Store((third * scale) + shift, to + (2 * Lanes.Count));
        Vector.Store((fourth * scale) + shift, to + (3 * Lanes.Count));
    }

    /// <summary>x = the images' own numbers.</summary>
    /// <param name="values">The first image of the block.</param>
    /// <param name="images">Images in the block, at most 16.</param>
    /// <param name="positions">H·W.</param>
    /// <param name="target">Three planes in one run.</param>
    public static void FromFloats(float* values, int images, int positions, float* target)
    {
        var image = 3 * positions;
        for (var i = 0; i < image; i++, values++, target += Lanes.Count)
        {
            var value = values;
            for (var n = 0; n < images; n++, value += image)
                target[n] = *value;
            for (var n = images; n < Lanes.Count; n++)
                target[n] = 0;
        }
    }
}
