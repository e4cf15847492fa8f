using System.Buffers;

namespace Riffle.Data;

/// <summary>
/// The source pixels and weights of each output pixel of a scaled line: a triangle around the pixel's position in the source, two pixels wide
/// when enlarging and wider by the ratio when reducing. The weights are cut off at the line's ends and sum to 1. Its memory is rented, so dispose it.
/// </summary>
internal readonly struct TriangleFilter : IDisposable
{
    /// <summary>Weights are whole multiples of 2^-22: 8-bit levels times their sum leave room in 32 bits.</summary>
    public const int FractionBits = 22;

    private readonly int[] _table;
    private readonly int _pixels, _stride;

    /// <summary>Plans a part of a scaled line.</summary>
    /// <param name="source">Pixels of the source line.</param>
    /// <param name="scaled">Pixels of the whole scaled line.</param>
    /// <param name="first">The first pixel of the scaled line to compute.</param>
    /// <param name="count">The number of pixels to compute.</param>
    public TriangleFilter(int source, long scaled, long first, int count)
    {
        var ratio = (double)source / scaled;
        var reach = Math.Max(ratio, 1);

        // A row of the table is an output pixel: its first source pixel, their number, their weights.
        (_pixels, _stride) = (count, ((int)Math.Ceiling(reach) * 2) + 3);
        _table = ArrayPool<int>.Shared.Rent(checked(count * _stride));
        var rented = ArrayPool<double>.Shared.Rent(_stride);
        for (var i = 0; i < count; i++)
        {
            var centre = (first + i + 0.5) * ratio;
            var start = Math.Max((int)(centre - reach + 0.5), 0);
            var taps = rented.AsSpan(0, Math.Min((int)(centre + reach + 0.5), source) - start);
            var total = 0.0;
            for (var t = 0; t < taps.Length; t++)
                total += taps[t] = Math.Max(0, 1 - Math.Abs((start + t - centre + 0.5) / reach));

            var row = _table.AsSpan(i * _stride, _stride);
            (row[0], row[1]) = (start, taps.Length);
            for (var t = 0; t < taps.Length; t++)
                row[2 + t] = (int)((taps[t] / total * (1 << FractionBits)) + 0.5);
        }

        ArrayPool<double>.Shared.Return(rented);
    }

    /// <summary>The first source pixel that any output pixel needs.</summary>
    public int First => Start(0);

    /// <summary>How many source pixels from <see cref="First"/> on are needed.</summary>
    public int Reach => Start(_pixels - 1) + Count(_pixels - 1) - First;

    /// <summary>The first source pixel of one output pixel.</summary>
    public int Start(int pixel) => _table[pixel * _stride];

    /// <summary>The weights of the source pixels of one output pixel.</summary>
    public ReadOnlySpan<int> Weights(int pixel) => _table.AsSpan((pixel * _stride) + 2, Count(pixel));

    /// <inheritdoc/>
    public void Dispose() => ArrayPool<int>.Shared.Return(_table);

    private int Count(int pixel) => _table[(pixel * _stride) + 1];
}
