using Riffle.Reports;

namespace Riffle.Tests.Reports;

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

    private static double Light(byte[] pixels, int at) => (0.299 * pixels[at]) + (0.587 * pixels[at + 1]) + (0.114 * pixels[at + 2]);
}
