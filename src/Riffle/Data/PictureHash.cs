using System.Numerics;

namespace Riffle.Data;

/// <summary>
/// What a picture looks like, in few bytes: a hash of which pictures that look alike share most bits (the signs of the lowest frequencies of its cosine
/// transform, against their median; Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010), and a small grey image to verify that.
/// </summary>
internal sealed class PictureHash
{
    /// <summary>Pictures are alike if at most so many of 64 bits differ, and their small images are as much correlated as this: grey levels, and edges.</summary>
    public const int MostBits = 7;

    private const double LeastOfLevels = 0.85, LeastOfEdges = 0.7;

    /// <summary>Standard deviation of grey levels below which a picture is too plain to be told from others.</summary>
    private const double LeastContrast = 6;

    private const int Side = 32, Frequencies = 8, Small = 16;

    private static readonly float[,] Cosines = CreateCosines();

    private readonly sbyte[] _small;

    private PictureHash(ulong bits, ulong mirrored, sbyte[] small) => (Bits, Mirrored, _small) = (bits, mirrored, small);

    /// <summary>The hash.</summary>
    public ulong Bits { get; }

    /// <summary>The hash of the mirror image.</summary>
    public ulong Mirrored { get; }

    /// <summary>The hash of an image, stretched to a square; null if it is too plain to be told from others.</summary>
    public static PictureHash? Of(RgbImage image)
    {
        var square = new byte[Side * Side * 3];
        Resize.Whole(new(image), Side, Side, square);
        var grey = new float[Side * Side];
        for (var i = 0; i < grey.Length; i++)
            grey[i] = (0.299f * square[3 * i]) + (0.587f * square[(3 * i) + 1]) + (0.114f * square[(3 * i) + 2]);

        var small = new float[Small * Small];
        for (var i = 0; i < small.Length; i++)
        {
            var at = (2 * (i / Small) * Side) + (2 * (i % Small));
            small[i] = (grey[at] + grey[at + 1] + grey[at + Side] + grey[at + Side + 1]) / 4;
        }

        var mean = small.Average();
        var deviation = Math.Sqrt(small.Sum(value => (value - mean) * (value - mean)) / small.Length);
        if (deviation < LeastContrast)
            return null;
        var coefficients = Transform(grey);
        return new(
            BitsOf(coefficients, isMirrored: false), BitsOf(coefficients, isMirrored: true),
            [.. small.Select(value => (sbyte)Math.Clamp(Math.Round(32 * (value - mean) / deviation), -127, 127))]);
    }

    /// <summary>Whether two pictures look alike.</summary>
    /// <param name="other">The other picture.</param>
    /// <param name="mirrored">Whether this one is mirrored first.</param>
    public bool IsLike(PictureHash other, bool mirrored)
    {
        if (BitOperations.PopCount((mirrored ? Mirrored : Bits) ^ other.Bits) > MostBits)
            return false;
        var (own, others) = (Levels(mirrored), other.Levels(mirrored: false));
        var (levels, edges) = (Correlation(own, others), Correlation(Edges(own), Edges(others)));
        return levels >= LeastOfLevels && edges >= LeastOfEdges;
    }

    private int[] Levels(bool mirrored) => [.. Enumerable.Range(0, _small.Length).Select(i => (int)_small[mirrored ? (i / Small * Small) + Small - 1 - (i % Small) : i])];

    /// <summary>The differences of neighbours, which pictures that only have the same light and dark areas do not share.</summary>
    private static int[] Edges(int[] small) =>
    [
        .. small.Select((value, i) => i % Small == 0 ? 0 : value - small[i - 1]),
        .. small.Select((value, i) => i < Small ? 0 : value - small[i - Small]),
    ];

    private static double Correlation(int[] a, int[] b)
    {
        double product = 0, left = 0, right = 0;
        for (var i = 0; i < a.Length; i++)
            (product, left, right) = (product + (a[i] * b[i]), left + (a[i] * a[i]), right + (b[i] * b[i]));
        return product / Math.Sqrt(left * right);
    }

    /// <summary>The coefficients of the cosine transform for the lowest frequencies but the mean: down, then across.</summary>
    private static float[] Transform(float[] grey)
    {
        var rows = new float[Side * Frequencies];
        for (var y = 0; y < Side; y++)
        {
            for (var u = 0; u < Frequencies; u++)
            {
                for (var x = 0; x < Side; x++)
                    rows[(y * Frequencies) + u] += Cosines[u, x] * grey[(y * Side) + x];
            }
        }

        var result = new float[Frequencies * Frequencies];
        for (var i = 0; i < result.Length; i++)
        {
            for (var y = 0; y < Side; y++)
                result[i] += Cosines[i / Frequencies, y] * rows[(y * Frequencies) + (i % Frequencies)];
        }

        return result;
    }

    /// <summary>Odd frequencies across change their sign in a mirror.</summary>
    private static ulong BitsOf(float[] coefficients, bool isMirrored)
    {
        float[] values = [.. coefficients.Select((value, i) => isMirrored && i % 2 == 1 ? -value : value)];
        var median = values.Skip(1).Order().ElementAt(values.Length / 2);
        return values.Select((value, i) => value > median ? 1UL << i : 0).Aggregate((a, b) => a | b);
    }

    private static float[,] CreateCosines()
    {
        var table = new float[Frequencies, Side];
        for (var u = 0; u < Frequencies; u++)
        {
            for (var x = 0; x < Side; x++)
            {
                // A cosine falls for half a turn and comes back.
                var halfTurns = u * (x + 0.5) / Side % 2;
                table[u, x] = (float)PortableMath.CosPi(Math.Min(halfTurns, 2 - halfTurns));
            }
        }

        return table;
    }
}
