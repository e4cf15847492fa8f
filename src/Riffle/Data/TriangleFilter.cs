namespace Riffle.Data;

/// <summary>
/// Which source pixels make each output pixel of a scaled line, and with what weights: a triangle around the pixel's place in the source, two pixels wide
/// when enlarging and wider by the ratio when reducing; cut off at the line's ends and made to sum to 1.
/// </summary>
internal sealed class TriangleFilter
{
    /// <summary>Weights are whole multiples of 2^-22: 8-bit levels times their sum leave room in 32 bits.</summary>
    public const int FractionBits = 22;

    private readonly int[] _starts, _counts, _weights;
    private readonly int _stride;

    /// <summary>Plans a part of a scaled line.</summary>
    /// <param name="source">Pixels of the source line.</param>
    /// <param name="scaled">Pixels of the whole scaled line.</param>
    /// <param name="first">First pixel of the scaled line that is wanted.</param>
    /// <param name="count">Number of pixels wanted.</param>
    public TriangleFilter(int source, long scaled, long first, int count)
    {
        var ratio = (double)source / scaled;
        var reach = Math.Max(ratio, 1);
        _stride = ((int)Math.Ceiling(reach) * 2) + 1;
        (_starts, _counts, _weights) = (new int[count], new int[count], new int[checked(count * _stride)]);
        Span<double> exact = new double[_stride];
        for (var i = 0; i < count; i++)
        {
            var centre = (first + i + 0.5) * ratio;
            var start = Math.Max((int)(centre - reach + 0.5), 0);
            var taps = exact[..(Math.Min((int)(centre + reach + 0.5), source) - start)];
            var total = 0.0;
            for (var t = 0; t < taps.Length; t++)
                total += taps[t] = Math.Max(0, 1 - Math.Abs((start + t - centre + 0.5) / reach));

            (_starts[i], _counts[i]) = (start, taps.Length);
            for (var t = 0; t < taps.Length; t++)
                _weights[(i * _stride) + t] = (int)((taps[t] / total * (1 << FractionBits)) + 0.5);
        }
    }

    /// <summary>The first source pixel that any output pixel needs.</summary>
    public int First => _starts[0];

    /// <summary>How many source pixels from <see cref="First"/> on are needed.</summary>
    public int Reach => _starts[^1] + _counts[^1] - First;

    /// <summary>The first source pixel of one output pixel.</summary>
    public int Start(int pixel) => _starts[pixel];

    /// <summary>The weights of the source pixels of one output pixel.</summary>
    public ReadOnlySpan<int> Weights(int pixel) => _weights.AsSpan(pixel * _stride, _counts[pixel]);
}
