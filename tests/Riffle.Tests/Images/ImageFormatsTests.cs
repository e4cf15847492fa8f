using Riffle.Formats;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Images;

/// <summary>Every format, against what Pillow makes of it.</summary>
public class ImageFormatsTests
{
    public static TheoryData<string> Names => [.. ImageFixture.All.Select(fixture => fixture.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_image_comes_out_as_Pillow_decodes_it(string name)
    {
        var fixture = ImageFixture.Named(name);
        Assert.Equal(name.Split(',')[0], ImageFormats.Detect(fixture.File));
        var image = ImageDecoder.Decode(fixture.File, name);
        Assert.Equal((fixture.Width, fixture.Pixels.Length), (image.Width, image.Pixels.Length));
        Assert.InRange(fixture.Pixels.Zip(image.Pixels, (a, b) => Math.Abs(a - b)).Max(), 0, fixture.Within);
    }

    /// <summary>What follows the first image of an animation may be missing, and so may the last byte of a GIF.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void A_file_that_is_cut_off_is_refused_or_has_the_whole_image(string name)
    {
        var fixture = ImageFixture.Named(name);
        var refused = 0;
        foreach (var cut in Damage.Truncations(fixture.File))
        {
            try
            {
                Assert.InRange(fixture.Pixels.Zip(ImageDecoder.Decode(cut, "cut").Pixels, (a, b) => Math.Abs(a - b)).Max(), 0, fixture.Within);
            }
            catch (BadDataException e)
            {
                Assert.StartsWith("cut: ", e.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, name.StartsWith("GIF, animated", StringComparison.Ordinal) ? fixture.File.Length / 3 : fixture.File.Length - 2, fixture.File.Length);
    }

    /// <summary>The scans of a progressive file refine each other. What is left out of one is zero, which no decoder reports as an error.</summary>
    [Theory]
    [InlineData("JPEG")]
    [InlineData("JPEG, grey")]
    [InlineData("JPEG, CMYK")]
    [InlineData("JPEG, progressive")]
    [InlineData("JPEG, progressive, full colour")]
    [InlineData("JPEG, CMYK, progressive")]
    public void A_scan_that_ends_early_is_noticed_wherever_it_ends(string name)
    {
        var jpeg = ImageFixture.Named(name).File;
        Assert.Null(JpegScans.Fault(jpeg));
        int at = 2, cuts = 0;
        while (JpegMarkers.Next(jpeg, ref at, out var marker, out _))
        {
            if (marker != JpegMarkers.StartOfScan)
                continue;
            var next = at;
            JpegMarkers.Next(jpeg, ref next, out var after, out _);
            var end = jpeg.AsSpan(at).IndexOf(new byte[] { 0xFF, after }) + at;
            for (var cut = at; cut < end - 1; cut++)
            {
                if (jpeg[cut - 1] == 0xFF)
                    continue;
                cuts++;
                Assert.Contains("premature end", JpegScans.Fault([.. jpeg[..cut], .. jpeg[end..]]), StringComparison.Ordinal);
            }
        }

        Assert.InRange(cuts, 100, jpeg.Length);
    }

    [Fact]
    public void A_restart_that_is_missing_is_noticed()
    {
        var jpeg = RestartJpeg();
        Assert.Null(JpegScans.Fault(jpeg));
        var restart = jpeg.AsSpan().IndexOf(new byte[] { 0xFF, 0xD0 });
        jpeg[restart + 1] = 0xD5;
        Assert.Contains("restart 0", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(jpeg, "jpeg")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Thousands_of_scans_are_refused()
    {
        var jpeg = ImageFixture.Named("JPEG, progressive").File;
        var scans = Enumerable.Range(0, jpeg.Length - 1).Where(at => jpeg[at] == 0xFF && jpeg[at + 1] == JpegMarkers.StartOfScan).ToArray();
        var second = jpeg[scans[1]..scans[2]];
        byte[] many = [.. jpeg[..scans[2]], .. Enumerable.Repeat(second, 600).SelectMany(bytes => bytes), .. jpeg[scans[2]..]];
        Assert.Contains("500 scans", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(many, "many")).Message, StringComparison.Ordinal);
    }

    /// <summary>Headers that ask for more than such a file can hold, or than is decoded of these formats.</summary>
    [Theory]
    [InlineData("GIF", 6)]
    [InlineData("BMP", 18)]
    [InlineData("WebP, lossy", 26)]
    public void A_size_beyond_reason_is_refused_by_the_header(string name, int at)
    {
        byte[] file = [.. ImageFixture.Named(name).File];
        var wide = name == "BMP" ? 4 : 2;
        foreach (var place in new[] { at, at + wide })
            (file[place], file[place + 1]) = (0xF0, 0x3A); // 15,088
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.StartsWith("huge: ", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(file, "huge")).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    /// <summary>A restart after each unit, in a file of 16×16 pixels to a unit, made of the one unit of a file of one unit.</summary>
    private static byte[] RestartJpeg()
    {
        var one = JpegEncoder.Encode(TestImages.Noise(16, 16));
        int frame = one.AsSpan().IndexOf(new byte[] { 0xFF, 0xC0 }), at = 2;
        while (JpegMarkers.Next(one, ref at, out var marker, out _) && marker != JpegMarkers.StartOfScan)
        {
        }

        one[frame + 8] = 48;
        byte[] interval = [0xFF, 0xDD, 0, 4, 0, 1], unit = one[at..^2];
        return [.. one[..frame], .. interval, .. one[frame..at], .. unit, 0xFF, 0xD0, .. unit, 0xFF, 0xD1, .. unit, 0xFF, 0xD9];
    }
}
