using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Riffle.Data;

/// <summary>
/// Brightness, contrast, saturation and hue of RGB bytes as one affine map of each pixel. With Y the grey of a pixel (0.299 red + 0.587 green + 0.114 blue),
/// m the mean of Y over the image and R(h) the rotation of the chroma plane of YIQ by h turns:
/// <code>
/// x' = brightness · (contrast · (Y + saturation · R(hue)(x − Y)) + (1 − contrast) · m)
/// </code>
/// clamped to 0…255 and rounded. Each factor alone is torchvision's ColorJitter (hue there turns HSV; turning YIQ keeps Y, which HSV doesn't, and is linear).
/// Because saturation and hue keep Y, contrast keeps m and brightness is a factor, all 24 orders of the four are the same map. Products and sums are not
/// fused, so the bytes are the same for any vector width, with or without FMA.
/// </summary>
internal static class ColourJitter
{
    private const double Red = 0.299, Green = 0.587, Blue = 0.114;

    /// <summary>A pixel's channels reach from 2 before to 2 after a byte of it.</summary>
    private const int Shifts = 5, Halo = 2;

    /// <summary>Vectors of floats whose coefficients repeat: three; written twice, so that four in a row can begin at any of them.</summary>
    private const int Phases = 6;

    /// <summary>Bytes handled at once are whole vectors and whole pixels.</summary>
    private static readonly int _block = 3 * Vector<byte>.Count;

    /// <summary>Floats of a chunk stay in the first-level cache.</summary>
    private static readonly int _chunk = 10 * _block;

    /// <summary>A quarter turn of the chroma, seen in RGB: red moves towards yellow, as with a rising HSV hue.</summary>
    private static readonly double[] _quarterTurn = QuarterTurn();

    public static void Apply(Span<byte> pixels, float brightness, float contrast, float saturation, float hue)
    {
        if (brightness == 1 && contrast == 1 && saturation == 1 && hue == 0)
            return;
        Span<float> matrix = stackalloc float[9];
        FillMatrix(matrix, (double)brightness * contrast, saturation, hue);
        var offset = contrast == 1 ? 0 : brightness * (1.0 - contrast) * MeanGrey(pixels);

        var width = Vector<float>.Count;
        Span<float> coefficients = stackalloc float[Phases * Shifts * width];
        for (var i = 0; i < coefficients.Length; i++)
        {
            var (phase, shift, lane) = (i / (Shifts * width), i / width % Shifts, i % width);
            var row = ((phase * width) + lane) % 3;
            var column = row + shift - Halo;
            coefficients[i] = column is >= 0 and < 3 ? matrix[(row * 3) + column] : 0;
        }

        // Half a level added, and truncation, round to the nearest.
        Map(pixels, coefficients, new Vector<float>((float)offset + 0.5f));
    }

    private static void Map(Span<byte> pixels, ReadOnlySpan<float> coefficients, Vector<float> offset)
    {
        Span<float> scratch = stackalloc float[_chunk + (2 * Halo)];
        while (pixels.Length >= _block)
        {
            var chunk = pixels[..Math.Min(_chunk, pixels.Length / _block * _block)];
            MapBlocks(chunk, scratch, coefficients, offset);
            pixels = pixels[chunk.Length..];
        }

        Span<byte> rest = stackalloc byte[_block];
        pixels.CopyTo(rest);
        MapBlocks(rest, scratch, coefficients, offset);
        rest[..pixels.Length].CopyTo(pixels);
    }

    private static void MapBlocks(Span<byte> pixels, Span<float> scratch, ReadOnlySpan<float> coefficients, Vector<float> offset)
    {
        ref var bytes = ref MemoryMarshal.GetReference(pixels);
        ref var floats = ref MemoryMarshal.GetReference(scratch);
        ref var table = ref MemoryMarshal.GetReference(coefficients);
        var (step, width) = ((nuint)Vector<byte>.Count, (nuint)Vector<float>.Count);
        for (nuint i = 0; i < (nuint)pixels.Length; i += step)
        {
            Vector.Widen(Vector.LoadUnsafe(ref bytes, i), out var low, out var high);
            Vector.Widen(low, out var a, out var b);
            Vector.Widen(high, out var c, out var d);
            ref var to = ref Unsafe.Add(ref floats, i + Halo);
            Vector.ConvertToSingle(Vector.AsVectorInt32(a)).StoreUnsafe(ref to);
            Vector.ConvertToSingle(Vector.AsVectorInt32(b)).StoreUnsafe(ref to, width);
            Vector.ConvertToSingle(Vector.AsVectorInt32(c)).StoreUnsafe(ref to, 2 * width);
            Vector.ConvertToSingle(Vector.AsVectorInt32(d)).StoreUnsafe(ref to, 3 * width);
        }

        // Four vectors of floats make one of bytes, so the phase of the first moves on by one with each.
        nuint phase = 0;
        for (nuint i = 0; i < (nuint)pixels.Length; i += step)
        {
            ref var from = ref Unsafe.Add(ref floats, i);
            ref var factors = ref Unsafe.Add(ref table, phase * Shifts * width);
            var a = MapVector(ref from, ref factors, offset);
            var b = MapVector(ref Unsafe.Add(ref from, width), ref Unsafe.Add(ref factors, Shifts * width), offset);
            var c = MapVector(ref Unsafe.Add(ref from, 2 * width), ref Unsafe.Add(ref factors, 2 * Shifts * width), offset);
            var d = MapVector(ref Unsafe.Add(ref from, 3 * width), ref Unsafe.Add(ref factors, 3 * Shifts * width), offset);
            Vector.Narrow(Vector.Narrow(a, b), Vector.Narrow(c, d)).StoreUnsafe(ref bytes, i);
            phase = phase == 2 ? 0 : phase + 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> MapVector(ref float from, ref float factors, Vector<float> sum)
    {
        var width = (nuint)Vector<float>.Count;
        sum += Vector.LoadUnsafe(ref from) * Vector.LoadUnsafe(ref factors);
        sum += Vector.LoadUnsafe(ref from, 1) * Vector.LoadUnsafe(ref factors, width);
        sum += Vector.LoadUnsafe(ref from, 2) * Vector.LoadUnsafe(ref factors, 2 * width);
        sum += Vector.LoadUnsafe(ref from, 3) * Vector.LoadUnsafe(ref factors, 3 * width);
        sum += Vector.LoadUnsafe(ref from, 4) * Vector.LoadUnsafe(ref factors, 4 * width);
        return Vector.AsVectorUInt32(Vector.ConvertToInt32Native(Vector.MinNative(Vector.MaxNative(sum, Vector<float>.Zero), new Vector<float>(255.5f))));
    }

    private static double MeanGrey(ReadOnlySpan<byte> pixels)
    {
        long red = 0, green = 0, blue = 0;
        for (var i = 0; i + 2 < pixels.Length; i += 3)
        {
            red += pixels[i];
            green += pixels[i + 1];
            blue += pixels[i + 2];
        }

        return ((Red * red) + (Green * green) + (Blue * blue)) / (pixels.Length / 3);
    }

    private static void FillMatrix(Span<float> matrix, double scale, double saturation, double hue)
    {
        ReadOnlySpan<double> grey = [Red, Green, Blue];
        var (sine, cosine) = Math.SinCos(2 * Math.PI * hue);
        for (var i = 0; i < 9; i++)
        {
            var own = i % 4 == 0 ? 1.0 : 0.0;
            matrix[i] = (float)(scale * (grey[i % 3] + (saturation * ((cosine * (own - grey[i % 3])) + (sine * _quarterTurn[i])))));
        }
    }

    private static double[] QuarterTurn()
    {
        // YIQ from RGB as the NTSC standard has it (FCC, 1953). Rising HSV hues, red to green, go from I towards −Q.
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
