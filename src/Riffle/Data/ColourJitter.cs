using System.Numerics;
using System.Runtime.InteropServices;

namespace Riffle.Data;

/// <summary>
/// Brightness, contrast, saturation and hue of RGB bytes as one affine map of each pixel. With Y the grey of a pixel (0.299 red + 0.587 green + 0.114 blue),
/// m the mean of Y over the image and R(h) the rotation of the chroma plane of YIQ by h turns:
/// <code>
/// x' = brightness · (contrast · (Y + saturation · R(hue)(x − Y)) + (1 − contrast) · m)
/// </code>
/// clamped to 0…255 and rounded. Each factor alone is torchvision's ColorJitter (hue there turns HSV; turning YIQ keeps Y, which HSV doesn't, and is linear).
/// Because saturation and hue keep Y, contrast keeps m and brightness is a factor, all 24 orders of the four are the same map. It is computed in whole
/// numbers of 2^-16, so that the bytes are the same on every machine; that moves a value by less than a hundredth of a level.
/// </summary>
internal static class ColourJitter
{
    private const double Red = 0.299, Green = 0.587, Blue = 0.114;

    /// <summary>Bits behind the point. Sums of the strongest map stay below 25 · 255 levels, which leaves room for them in 32 bits.</summary>
    private const int FractionBits = 16;

    private const int One = 1 << FractionBits;

    /// <summary>Pixels of a chunk, as words, stay in the first-level cache. It is a multiple of every vector's length.</summary>
    private const int ChunkPixels = 512;

    /// <summary>A quarter turn of the chroma, seen in RGB: red moves towards yellow, as with a rising HSV hue.</summary>
    private static readonly double[] _quarterTurn = QuarterTurn();

    /// <summary>Changes an image in place.</summary>
    /// <param name="pixels">Whole pixels, red first.</param>
    /// <param name="brightness">From 0 to 2, as are the next two; 1 changes nothing.</param>
    /// <param name="contrast">Of the distance from the mean grey.</param>
    /// <param name="saturation">Of the distance from the pixel's own grey.</param>
    /// <param name="hue">Turns, from -1 to 1.</param>
    public static void Apply(Span<byte> pixels, float brightness, float contrast, float saturation, float hue)
    {
        if (brightness == 1 && contrast == 1 && saturation == 1 && hue == 0)
            return;
        Span<uint> words = stackalloc uint[ChunkPixels];
        Span<int> matrix = stackalloc int[9];
        FillMatrix(matrix, (double)brightness * contrast, saturation, hue);
        var offset = contrast == 1 ? 0 : brightness * (1.0 - contrast) * MeanGrey(pixels, words);

        // Adding half a level and truncating rounds to the nearest.
        var summand = (int)Math.Round(offset * One) + (One / 2);
        while (!pixels.IsEmpty)
        {
            var chunk = Chunk(pixels);
            PackedPixels.Read(chunk, words);
            Map(words, matrix, summand);
            PackedPixels.Write(words, chunk);
            pixels = pixels[chunk.Length..];
        }
    }

    private static void Map(Span<uint> words, ReadOnlySpan<int> matrix, int summand)
    {
        Vector<int> rr = new(matrix[0]), rg = new(matrix[1]), rb = new(matrix[2]);
        Vector<int> gr = new(matrix[3]), gg = new(matrix[4]), gb = new(matrix[5]);
        Vector<int> br = new(matrix[6]), bg = new(matrix[7]), bb = new(matrix[8]);
        Vector<int> start = new(summand), level = new(byte.MaxValue);
        foreach (ref var word in MemoryMarshal.Cast<uint, Vector<int>>(words))
        {
            var (red, green, blue) = (word & level, (word >>> 8) & level, (word >>> 16) & level);
            var newRed = Level(start + (red * rr) + (green * rg) + (blue * rb));
            var newGreen = Level(start + (red * gr) + (green * gg) + (blue * gb));
            var newBlue = Level(start + (red * br) + (green * bg) + (blue * bb));
            word = newRed | (newGreen << 8) | (newBlue << 16);
        }

        Vector<int> Level(Vector<int> sum) => Vector.Min(Vector.Max(sum >> FractionBits, Vector<int>.Zero), level);
    }

    private static double MeanGrey(ReadOnlySpan<byte> pixels, Span<uint> words)
    {
        long red = 0, green = 0, blue = 0;
        Vector<uint> level = new(byte.MaxValue);
        for (var rest = pixels; !rest.IsEmpty;)
        {
            var chunk = Chunk(rest);
            PackedPixels.Read(chunk, words);
            Vector<uint> r = default, g = default, b = default;
            foreach (var word in MemoryMarshal.Cast<uint, Vector<uint>>(words))
            {
                r += word & level;
                g += (word >>> 8) & level;
                b += (word >>> 16) & level;
            }

            red += Vector.Sum(r);
            green += Vector.Sum(g);
            blue += Vector.Sum(b);
            rest = rest[chunk.Length..];
        }

        return ((Red * red) + (Green * green) + (Blue * blue)) / (pixels.Length / 3);
    }

    private static Span<byte> Chunk(Span<byte> pixels) => pixels[..Math.Min(3 * ChunkPixels, pixels.Length)];

    private static ReadOnlySpan<byte> Chunk(ReadOnlySpan<byte> pixels) => pixels[..Math.Min(3 * ChunkPixels, pixels.Length)];

    private static void FillMatrix(Span<int> matrix, double scale, double saturation, double hue)
    {
        ReadOnlySpan<double> grey = [Red, Green, Blue];
        var (sine, cosine) = Math.SinCos(2 * Math.PI * hue);
        for (var i = 0; i < 9; i++)
        {
            var own = i % 4 == 0 ? 1.0 : 0.0;
            var factor = scale * (grey[i % 3] + (saturation * ((cosine * (own - grey[i % 3])) + (sine * _quarterTurn[i]))));
            matrix[i] = (int)Math.Round(factor * One);
        }
    }

    private static double[] QuarterTurn()
    {
        // YIQ from RGB as in the NTSC standard (FCC, 1953). Rising HSV hues, red to green, go from I towards −Q.
        double[] i = [0.595716, -0.274453, -0.321263], q = [0.211456, -0.522591, 0.311135];
        double[] grey = [Red, Green, Blue];

        // A colour of grey Y and chroma (I, Q) is Y + I·u + Q·v; u and v are columns of the inverse, by Cramer's rule.
        var (u, v) = (Cross(q, grey), Cross(grey, i));
        var determinant = (i[0] * u[0]) + (i[1] * u[1]) + (i[2] * u[2]);
        var turn = new double[9];
        for (var entry = 0; entry < 9; entry++)
            turn[entry] = ((q[entry % 3] * u[entry / 3]) - (i[entry % 3] * v[entry / 3])) / determinant;
        return turn;
    }

    private static double[] Cross(double[] a, double[] b) =>
        [(a[1] * b[2]) - (a[2] * b[1]), (a[2] * b[0]) - (a[0] * b[2]), (a[0] * b[1]) - (a[1] * b[0])];
}
