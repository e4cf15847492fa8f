using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Riffle.Data;

/// <summary>Antialiased bilinear scaling by Pillow's convention: a <see cref="TriangleFilter"/> along each row, then along each column, with rounding to
/// whole levels after each.</summary>
internal static class Resize
{
    private const int FractionBits = TriangleFilter.FractionBits, Half = 1 << (FractionBits - 1);

    /// <summary>Scales an image to width × height and cuts a rectangle out of the result, of which alone the pixels are computed. Allocates nothing.</summary>
    /// <param name="image">A rectangle of pixels.</param>
    /// <param name="width">Width of the whole scaled image.</param>
    /// <param name="height">Its height.</param>
    /// <param name="left">The first column of the rectangle in it.</param>
    /// <param name="top">The first row of the rectangle in it.</param>
    /// <param name="columns">Width of the rectangle.</param>
    /// <param name="rows">Height of the rectangle.</param>
    /// <param name="destination">Receives rows × columns × 3 bytes.</param>
    public static void Window(PixelRectangle image, long width, long height, long left, long top, int columns, int rows, Span<byte> destination)
    {
        if (height == image.Height)
        {
            ScaleAcross(image, (int)top, rows, width, left, columns, destination);
            return;
        }

        using var down = new TriangleFilter(image.Height, height, top, rows);
        var rowBytes = columns * 3;
        var narrowed = ArrayPool<byte>.Shared.Rent(checked(down.Reach * rowBytes));
        ScaleAcross(image, down.First, down.Reach, width, left, columns, narrowed);
        for (var y = 0; y < rows; y++)
            ScaleDown(narrowed.AsSpan((down.Start(y) - down.First) * rowBytes), down.Weights(y), destination.Slice(y * rowBytes, rowBytes));
        ArrayPool<byte>.Shared.Return(narrowed);
    }

    /// <summary>Scales an image to width × height.</summary>
    /// <param name="image">A rectangle of pixels.</param>
    /// <param name="width">Width of the result.</param>
    /// <param name="height">Height of the result.</param>
    /// <param name="destination">Receives height × width × 3 bytes.</param>
    public static void Whole(PixelRectangle image, int width, int height, Span<byte> destination) =>
        Window(image, width, height, 0, 0, width, height, destination);

    private static void ScaleAcross(PixelRectangle image, int firstRow, int rows, long width, long left, int columns, Span<byte> destination)
    {
        if (width == image.Width)
        {
            for (var y = 0; y < rows; y++)
                image.Row(firstRow + y).Slice((int)left * 3, columns * 3).CopyTo(destination[(y * columns * 3)..]);
            return;
        }

        // Pixels are read as four bytes, so the last one of a row needs a byte after it.
        using var filter = new TriangleFilter(image.Width, width, left, columns);
        var padded = ArrayPool<byte>.Shared.Rent((image.Width * 3) + 1);
        for (var y = 0; y < rows; y++)
        {
            image.Row(firstRow + y).CopyTo(padded);
            var to = destination.Slice(y * columns * 3, columns * 3);
            for (var x = 0; x < columns; x++)
                WeightedPixel(padded.AsSpan(filter.Start(x) * 3), filter.Weights(x), to.Slice(x * 3, 3));
        }

        ArrayPool<byte>.Shared.Return(padded);
    }

    private static void WeightedPixel(ReadOnlySpan<byte> from, ReadOnlySpan<int> weights, Span<byte> to)
    {
        var sum = Vector128.Create(Half);
        for (var i = 0; i < weights.Length; i++)
        {
            var pixel = Vector128.CreateScalar(MemoryMarshal.Read<uint>(from[(i * 3)..])).AsByte();
            sum += Vector128.WidenLower(Vector128.WidenLower(pixel)).AsInt32() * weights[i];
        }

        sum >>= FractionBits;
        (to[0], to[1], to[2]) = ((byte)sum[0], (byte)sum[1], (byte)sum[2]);
    }

    /// <summary>Weighted sum of rows that lie one after the other.</summary>
    private static void ScaleDown(ReadOnlySpan<byte> rows, ReadOnlySpan<int> weights, Span<byte> to)
    {
        var x = 0;
        for (; x + Vector<byte>.Count <= to.Length; x += Vector<byte>.Count)
        {
            Vector<uint> a = new(Half), b = a, c = a, d = a;
            for (var i = 0; i < weights.Length; i++)
            {
                var weight = (uint)weights[i];
                Vector.Widen(new Vector<byte>(rows[((i * to.Length) + x)..]), out var low, out var high);
                Vector.Widen(low, out var a1, out var b1);
                Vector.Widen(high, out var c1, out var d1);
                (a, b, c, d) = (a + (a1 * weight), b + (b1 * weight), c + (c1 * weight), d + (d1 * weight));
            }

            var lower = Vector.Narrow(a >> FractionBits, b >> FractionBits);
            var upper = Vector.Narrow(c >> FractionBits, d >> FractionBits);
            Vector.Narrow(lower, upper).CopyTo(to[x..]);
        }

        for (; x < to.Length; x++)
        {
            var sum = Half;
            for (var i = 0; i < weights.Length; i++)
                sum += rows[(i * to.Length) + x] * weights[i];
            to[x] = (byte)(sum >> FractionBits);
        }
    }
}

/// <summary>Pixels of red, green and blue bytes whose rows lie <paramref name="stride"/> bytes apart: an image or a part of one.</summary>
internal readonly ref struct PixelRectangle(ReadOnlySpan<byte> pixels, int width, int height, int stride)
{
    /// <summary>A whole image.</summary>
    public PixelRectangle(RgbImage image)
        : this(image.Pixels, image.Width, image.Height, image.Width * 3)
    {
    }

    private readonly ReadOnlySpan<byte> _pixels = pixels;

    public int Width => width;

    public int Height => height;

    public ReadOnlySpan<byte> Row(int y) => _pixels.Slice(y * stride, width * 3);
}
