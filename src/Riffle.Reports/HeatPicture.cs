using Riffle.Evaluation;

namespace Riffle.Reports;

/// <summary>
/// A heat map over the grey image that it is of. What speaks for the class goes from dark blue over grey to light yellow: it is lighter the warmer it is, so that it can be read
/// in print and by those who do not tell red from green.
/// </summary>
internal static class HeatPicture
{
    /// <summary>The least side of the picture in pixels; smaller images are enlarged.</summary>
    private const int LeastSide = 160;

    /// <summary>How much of the colour is the map's.</summary>
    private const double Share = 0.6;

    /// <summary>Colours at equal distances, each lighter than those before it.</summary>
    private static readonly (double Red, double Green, double Blue)[] Colours = [(0, 24, 72), (40, 68, 112), (108, 110, 120), (184, 160, 88), (255, 232, 60)];

    /// <summary>Draws it.</summary>
    /// <param name="pixels">size × size × 3 bytes, row by row, red first: the image as the network saw it.</param>
    /// <param name="size">Its height and width.</param>
    /// <param name="map">The map. Its highest value gets the lightest colour; what speaks against the class gets the darkest.</param>
    public static RgbImage Of(ReadOnlySpan<byte> pixels, int size, HeatMap map)
    {
        var side = size * Math.Max(1, (LeastSide + size - 1) / size);
        var highest = Math.Max(map.Values.Max(), 1e-12f);
        var result = new byte[side * side * 3];
        for (var y = 0; y < side; y++)
        {
            for (var x = 0; x < side; x++)
            {
                var from = 3 * ((y * size / side * size) + (x * size / side));
                var grey = (0.299 * pixels[from]) + (0.587 * pixels[from + 1]) + (0.114 * pixels[from + 2]);
                var heat = Math.Clamp(At(map, (x + 0.5) / side, (y + 0.5) / side) / highest, 0, 1);
                var (red, green, blue) = ColourOf(heat);
                var to = 3 * ((y * side) + x);
                (result[to], result[to + 1], result[to + 2]) = (Mix(grey, red), Mix(grey, green), Mix(grey, blue));
            }
        }

        return new(side, side, result);
    }

    private static byte Mix(double grey, double colour) => (byte)Math.Round(((1 - Share) * grey) + (Share * colour));

    /// <summary>The map between the middles of its cells, bilinearly; from 0 to 1 in both directions.</summary>
    private static double At(HeatMap map, double x, double y)
    {
        var (left, right, ofRight) = Between(x, map.Width);
        var (top, bottom, ofBottom) = Between(y, map.Height);
        double Row(int row) => ((1 - ofRight) * map.Values[(row * map.Width) + left]) + (ofRight * map.Values[(row * map.Width) + right]);
        return ((1 - ofBottom) * Row(top)) + (ofBottom * Row(bottom));
    }

    private static (int First, int Second, double OfSecond) Between(double place, int cells)
    {
        var at = Math.Clamp((place * cells) - 0.5, 0, cells - 1);
        var first = (int)at;
        return (first, Math.Min(first + 1, cells - 1), at - first);
    }

    private static (double Red, double Green, double Blue) ColourOf(double heat)
    {
        var at = heat * (Colours.Length - 1);
        var first = Math.Min((int)at, Colours.Length - 2);
        var (a, b, share) = (Colours[first], Colours[first + 1], at - first);
        double Between(double from, double to) => from + (share * (to - from));
        return (Between(a.Red, b.Red), Between(a.Green, b.Green), Between(a.Blue, b.Blue));
    }
}
