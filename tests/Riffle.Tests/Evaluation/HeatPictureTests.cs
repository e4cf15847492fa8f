using Riffle.Data;
using Riffle.Evaluation;

namespace Riffle.Tests.Evaluation;

public class HeatPictureTests
{
    /// <summary>So that it can be read in grey, and by those who do not tell red from green.</summary>
    [Fact]
    public void What_speaks_more_for_the_class_is_lighter()
    {
        float[] values = [-3, 0, 1, 2, 3, 4];
        var grey = new byte[60 * 60 * 3];
        Array.Fill(grey, (byte)128);
        var picture = HeatPicture.Of(grey, 60, new(values.Length, 1, [.. values], 0));
        var row = Enumerable.Range(0, picture.Width).Select(x => Light(picture.Pixels, 3 * x)).ToArray();
        Assert.All(row.Zip(row.Skip(1)), pair => Assert.True(pair.Second >= pair.First - 0.6)); // rounding
        Assert.InRange(row[^1] - row[0], 90, 255);
    }

    [Fact]
    public void A_map_that_speaks_against_the_class_everywhere_is_dark() =>
        Assert.All(HeatPicture.Of(new byte[4 * 4 * 3], 4, new(2, 2, [-1, -2, -3, -4], 0)).Pixels.Chunk(3), pixel => Assert.InRange(Light(pixel, 0), 0, 30));

    /// <summary>An image of 3:1 lies in the middle third of a padded square: two of six rows of the map.</summary>
    [Theory]
    [InlineData(FitKind.Pad, 2, 0.25)]
    [InlineData(FitKind.Pad, 3, 0.75)]
    [InlineData(FitKind.Stretch, 0, 1 / 12.0)]
    [InlineData(FitKind.Stretch, 4, 0.75)]
    public void A_map_lies_over_the_part_of_the_photo_that_it_speaks_of(FitKind fit, int row, double down)
    {
        var values = new float[36];
        values[(row * 6) + 1] = 1;
        var grey = new byte[600 * 200 * 3];
        Array.Fill(grey, (byte)128);
        var picture = HeatPicture.Of(new RgbImage(600, 200, grey), 66, fit, new(6, 6, [.. values], 0));
        Assert.Equal(3.0, (double)picture.Width / picture.Height, 0.05);
        var lightest = Enumerable.Range(0, picture.Width * picture.Height).MaxBy(pixel => Light(picture.Pixels, 3 * pixel));
        Assert.Equal(0.25, (lightest % picture.Width + 0.5) / picture.Width, 0.03);
        Assert.Equal(down, (lightest / picture.Width + 0.5) / picture.Height, 0.08);
    }

    private static double Light(byte[] pixels, int at) => (0.299 * pixels[at]) + (0.587 * pixels[at + 1]) + (0.114 * pixels[at + 2]);
}
