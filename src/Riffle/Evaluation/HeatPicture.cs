using Riffle.Data;

namespace Riffle.Evaluation;

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
        var side = SideOf(size);
        var enlarged = new byte[side * side * 3];
        for (var i = 0; i < side * side; i++)
            pixels.Slice(3 * ((i / side * size / side * size) + (i % side * size / side)), 3).CopyTo(enlarged.AsSpan(3 * i));
        return Draw(new(side, side, enlarged), map, 0, 0, 1, 1);
    }

    /// <summary>Draws it over an image of which the network saw all, in the image's own shape.</summary>
    /// <param name="image">The image.</param>
    /// <param name="size">Height and width of the network's input.</param>
    /// <param name="fit">How it became that square: by pad or stretch.</param>
    /// <param name="map">The map of the square.</param>
    public static RgbImage Of(RgbImage image, int size, FitKind fit, HeatMap map)
    {
        var (_, _, width, height) = ImageFit.PlaceOf(image.Width, image.Height, Math.Max(size, LeastSide), FitKind.Pad);
        var scaled = new byte[width * height * 3];
        Resize.Whole(new(image), width, height, scaled);
        var seen = ImageFit.PlaceOf(image.Width, image.Height, size, fit);
        double Share(int pixels) => (double)pixels / size;
        return Draw(new(width, height, scaled), map, Share(seen.Left), Share(seen.Top), Share(seen.Width), Share(seen.Height));
    }

    /// <summary>Draws the part of a map that lies over a picture; its place and size are shares of the map's.</summary>
    private static RgbImage Draw(RgbImage picture, HeatMap map, double left, double top, double width, double height)
    {
        var highest = HighestOf(map);
        var result = new byte[picture.Pixels.Length];
        for (var y = 0; y < picture.Height; y++)
        {
            for (var x = 0; x < picture.Width; x++)
            {
                var at = 3 * ((y * picture.Width) + x);
                var grey = (0.299 * picture.Pixels[at]) + (0.587 * picture.Pixels[at + 1]) + (0.114 * picture.Pixels[at + 2]);
                var (across, down) = (left + (width * (x + 0.5) / picture.Width), top + (height * (y + 0.5) / picture.Height));
                var (red, green, blue) = ColourOf(At(map, across, down) / highest);
                (result[at], result[at + 1], result[at + 2]) = (Mix(grey, red), Mix(grey, green), Mix(grey, blue));
            }
        }

        return new(picture.Width, picture.Height, result);
    }

    /// <summary>The map alone, to lie over the image: its colours, through which as much of the image is seen as in a picture.</summary>
    /// <param name="size">Height and width of the image that the network saw.</param>
    /// <param name="map">The map.</param>
    /// <returns>Its side in pixels, and side × side × 4 bytes, red first and alpha last.</returns>
    public static (int Side, byte[] Rgba) Overlay(int size, HeatMap map)
    {
        var (side, highest) = (SideOf(size), HighestOf(map));
        var result = new byte[side * side * 4];
        for (var y = 0; y < side; y++)
        {
            for (var x = 0; x < side; x++)
            {
                var (red, green, blue) = ColourOf(At(map, (x + 0.5) / side, (y + 0.5) / side) / highest);
                var to = 4 * ((y * side) + x);
                (result[to], result[to + 1], result[to + 2]) = ((byte)Math.Round(red), (byte)Math.Round(green), (byte)Math.Round(blue));
                result[to + 3] = (byte)Math.Round(255 * Share);
            }
        }

        return (side, result);
    }

    private static int SideOf(int size) => size * Math.Max(1, (LeastSide + size - 1) / size);

    private static double HighestOf(HeatMap map) => Math.Max(map.Values.Max(), 1e-12f);

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
        var at = Math.Clamp(heat, 0, 1) * (Colours.Length - 1);
        var first = Math.Min((int)at, Colours.Length - 2);
        var (a, b, share) = (Colours[first], Colours[first + 1], at - first);
        double Between(double from, double to) => from + (share * (to - from));
        return (Between(a.Red, b.Red), Between(a.Green, b.Green), Between(a.Blue, b.Blue));
    }
}
