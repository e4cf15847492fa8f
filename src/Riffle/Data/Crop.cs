using System.Runtime.Intrinsics;

namespace Riffle.Data;

/// <summary>Cuts a square out of a square image of RGB bytes, as it is or mirrored.</summary>
internal static class Crop
{
    /// <summary>Pixels that fit into 16 bytes, whole.</summary>
    private const int PixelsAtOnce = 5;

    /// <summary>Five pixels in reverse order; the first of the 16 bytes belongs to none. A constant where it is used, not a field: see
    /// <see cref="PixelWords"/>.</summary>
    private static Vector128<byte> Reversed => Vector128.Create((byte)13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0);

    public static void Copy(ReadOnlySpan<byte> source, int side, int left, int top, int size, bool mirrored, Span<byte> destination)
    {
        for (var y = 0; y < size; y++)
        {
            var from = source.Slice((((top + y) * side) + left) * 3, size * 3);
            var to = destination.Slice(y * size * 3, size * 3);
            if (mirrored)
                Mirror(from, to);
            else
                from.CopyTo(to);
        }
    }

    private static void Mirror(ReadOnlySpan<byte> from, Span<byte> to)
    {
        var pixels = from.Length / 3;
        var x = 0;

        // One byte more is read before the five and written behind them: while a pixel is left there, that byte is inside, and it is written again later.
        for (; x + PixelsAtOnce < pixels; x += PixelsAtOnce)
        {
            var five = Vector128.Create(from[(((pixels - x - PixelsAtOnce) * 3) - 1)..]);
            Vector128.Shuffle(five, Reversed).CopyTo(to[(x * 3)..]);
        }

        for (; x < pixels; x++)
        {
            var pixel = from.Slice((pixels - x - 1) * 3, 3);
            (to[x * 3], to[(x * 3) + 1], to[(x * 3) + 2]) = (pixel[0], pixel[1], pixel[2]);
        }
    }
}
