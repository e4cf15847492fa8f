using System.Buffers;
using System.Runtime.Intrinsics;

namespace Riffle.Data;

/// <summary>Cuts a part out of a square image of RGB bytes, as it is, scaled or mirrored.</summary>
internal static class Crop
{
    /// <summary>Pixels that fit into 16 bytes, whole.</summary>
    private const int PixelsAtOnce = 5;

    /// <summary>Five pixels in reverse order; the first of the 16 bytes belongs to none. A constant where it is used, not a field: see
    /// <see cref="PackedPixels"/>.</summary>
    private static Vector128<byte> Reversed => Vector128.Create((byte)13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0);

    /// <summary>Scales a rectangle of a square image to a square of another size.</summary>
    public static void Scaled(
        ReadOnlySpan<byte> source, int side, int left, int top, int width, int height, int size, bool mirrored, Span<byte> destination)
    {
        if ((width, height) == (size, size))
        {
            Copy(source, side, left, top, size, mirrored, destination);
            return;
        }

        var rectangle = new PixelRectangle(source[(((top * side) + left) * 3)..], width, height, side * 3);
        if (!mirrored)
        {
            Resize.Whole(rectangle, size, size, destination);
            return;
        }

        var bytes = size * size * 3;
        var scaled = ArrayPool<byte>.Shared.Rent(bytes);
        Resize.Whole(rectangle, size, size, scaled);
        Copy(scaled.AsSpan(0, bytes), size, 0, 0, size, mirrored: true, destination);
        ArrayPool<byte>.Shared.Return(scaled);
    }

    /// <summary>Cuts a square out of a square image.</summary>
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

        // One extra byte is read before the five pixels and written after them. While a pixel remains, that byte is inside the row and is overwritten later.
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
