using System.IO.Compression;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Images;

/// <summary>Images of more than 100 million pixels, which are decoded at half their size, and small ones that are decoded as if they were large.</summary>
public class LargeImageTests
{
    public static TheoryData<byte, byte, bool> PngKinds
    {
        get
        {
            var kinds = new TheoryData<byte, byte, bool>();
            foreach (var (type, depths) in new (byte, byte[])[] { (0, [1, 2, 4, 8, 16]), (2, [8, 16]), (3, [1, 2, 4, 8]), (4, [8]), (6, [8]) })
                foreach (byte depth in depths)
                    foreach (bool interlaced in new[] { false, true })
                        kinds.Add(type, depth, interlaced);
            return kinds;
        }
    }

    /// <summary>Skia, which decodes it whole, is the oracle.</summary>
    [Theory]
    [MemberData(nameof(PngKinds))]
    public void A_halved_png_has_the_means_of_what_the_whole_has(byte type, byte depth, bool interlaced)
    {
        foreach (var (width, height) in new[] { (1, 1), (2, 3), (9, 8), (33, 17) })
        {
            byte[] png = RandomPng(width, height, type, depth, interlaced);
            var halved = ImageDecoder.Decode(png, "large", mostWhole: 0);
            Assert.Equal((width, height), (halved.FullWidth, halved.FullHeight));
            var expected = Halved(ImageDecoder.Decode(png, "whole"));
            Assert.Equal((expected.Width, expected.Height), (halved.Width, halved.Height));
            Assert.Equal(expected.Pixels, halved.Pixels);
        }
    }

    [Fact]
    public void A_halved_png_is_refused_when_it_is_cut_off_or_damaged()
    {
        byte[] png = RandomPng(8, 6, type: 2, depth: 8, interlaced: false);
        var expected = ImageDecoder.Decode(png, "whole", mostWhole: 0);
        foreach (byte[] cut in Damage.Truncations(png))
            Assert.StartsWith("cut: ", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(cut, "cut", mostWhole: 0)).Message);
        int noticed = 0;
        foreach (byte[] damaged in Damage.Flips(png))
        {
            try
            {
                Assert.Equal(expected.Pixels, ImageDecoder.Decode(damaged, "png", mostWhole: 0).Pixels);
            }
            catch (BadDataException)
            {
                noticed++;
            }
        }

        Assert.InRange(noticed, png.Length * 7, png.Length * 8);
    }

    [Theory]
    [InlineData(64, 48)]
    [InlineData(63, 47)]
    [InlineData(1, 5)]
    public void A_halved_jpeg_has_nearly_the_means_of_what_the_whole_has(int width, int height)
    {
        byte[] jpeg = JpegEncoder.Encode(TestImages.Gradient(width, height), 98);
        var halved = ImageDecoder.Decode(jpeg, "large", mostWhole: 0);
        var expected = Halved(ImageDecoder.Decode(jpeg, "whole"));
        Assert.Equal((width, height), (halved.FullWidth, halved.FullHeight));
        Assert.Equal((expected.Width, expected.Height), (halved.Width, halved.Height));
        Assert.InRange(expected.Pixels.Zip(halved.Pixels, (a, b) => Math.Abs(a - b)).Average(), 0, width < 9 ? 20 : 2);
    }

    [Fact]
    public void A_large_image_is_turned_upright()
    {
        byte[] exif = [.. "Exif\0\0II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];
        byte[] jpeg = TestImages.WithSegment(JpegEncoder.Encode(TestImages.Gradient(40, 20)), 0xE1, exif);
        var image = ImageDecoder.Decode(jpeg, "large", mostWhole: 0);
        Assert.Equal((20, 40, 10, 20), (image.FullWidth, image.FullHeight, image.Width, image.Height));
    }

    [Theory]
    [InlineData(12_000, 9_000)]
    [InlineData(20_000, 10_000)]
    public void A_photo_of_100_to_200_million_pixels_is_decoded_in_half_a_byte_a_pixel_and_little_more(int width, int height)
    {
        byte[] jpeg = GreyJpeg(width, height);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var image = ImageDecoder.Decode(jpeg, "photo");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, (long)width * height * 3 / 4 + 1_000_000);
        Assert.Equal((width, height, width / 2, height / 2), (image.FullWidth, image.FullHeight, image.Width, image.Height));
        Assert.Equal(-1, image.Pixels.AsSpan().IndexOfAnyExcept((byte)128));
    }

    [Fact]
    public void A_png_of_more_than_100_million_pixels_is_decoded()
    {
        const int width = 12_000, height = 9_000;
        using var packed = new MemoryStream();
        using (var deflater = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            // Black and white in stripes of eight columns, a row of white less in each hundred.
            byte[] striped = [0, .. Enumerable.Range(0, width / 8).Select(i => (byte)(i % 2 == 0 ? 0xFF : 0))], black = new byte[1 + width / 8];
            for (int y = 0; y < height; y++) deflater.Write(y % 100 == 99 ? black : striped);
        }

        byte[] png = TestImages.PngFile(("IHDR", TestImages.PngHeader(width, height, 1, 0)), ("IDAT", packed.ToArray()), ("IEND", []));
        var image = ImageDecoder.Decode(png, "scan");
        Assert.Equal((width, height, 6_000, 4_500), (image.FullWidth, image.FullHeight, image.Width, image.Height));
        foreach (var (x, y, level) in new[] { (0, 0, 255), (4, 0, 0), (8, 48, 255), (8, 49, 128), (5_999, 4_499, 0), (5_992, 4_499, 128) })
            Assert.Equal((x, y, level), (x, y, image.Pixels[(y * 6_000 + x) * 3 + 1]));
    }

    [Theory]
    [InlineData(20_000, 10_001)]
    [InlineData(50_000, 50_000)]
    public void More_than_200_million_pixels_are_refused_by_the_header(int width, int height)
    {
        byte[] png = TestImages.PngFile(("IHDR", TestImages.PngHeader(width, height, 8, 2)), ("IDAT", new byte[200_000]), ("IEND", []));
        byte[] jpeg = GreyJpeg(16, 16);
        int frame = jpeg.AsSpan().IndexOf(new byte[] { 0xFF, 0xC0 });
        (jpeg[frame + 5], jpeg[frame + 6], jpeg[frame + 7], jpeg[frame + 8]) = ((byte)(height >> 8), (byte)height, (byte)(width >> 8), (byte)width);
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (byte[] huge in new[] { png, [.. jpeg, .. new byte[400_000]] })
            Error.Names(Assert.Throws<BadDataException>(() => ImageDecoder.Decode(huge, "huge")).Message, "huge: ", "200 million");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void A_png_of_Apple_s_own_form_is_named()
    {
        byte[] png = TestImages.PngFile(("CgBI", new byte[4]), ("IHDR", TestImages.PngHeader(4, 4, 8, 2)), ("IDAT", [1, 2, 3]), ("IEND", []));
        Assert.Contains("CgBI", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(png, "icon.png")).Message);
    }

    /// <summary>In a file of one grey, each unit of 16×16 pixels is coded as four blocks of luma and two of chroma, all without a change: the encoder has a code
    /// of one bit for that in each of its tables.</summary>
    private static byte[] GreyJpeg(int width, int height)
    {
        var small = JpegEncoder.Encode(new RgbImage(64, 64, [.. Enumerable.Repeat((byte)128, 64 * 64 * 3)]));
        int frame = small.AsSpan().IndexOf(new byte[] { 0xFF, 0xC0 }), at = 2;
        while (JpegMarkers.Next(small, ref at, out var marker, out _) && marker != JpegMarkers.StartOfScan)
        {
        }

        Assert.Equal(new byte[16 * 12 / 8], small[at..^2]);
        (small[frame + 5], small[frame + 6], small[frame + 7], small[frame + 8]) = ((byte)(height >> 8), (byte)height, (byte)(width >> 8), (byte)width);
        return [.. small[..at], .. new byte[((width + 15) / 16 * ((height + 15) / 16) * 12 + 7) / 8], 0xFF, 0xD9];
    }

    /// <summary>Random rows with random filters: whatever the bytes, they are a picture.</summary>
    private static byte[] RandomPng(int width, int height, byte type, byte depth, bool interlaced)
    {
        var random = new Random(width * 1000 + type * 100 + depth);
        int bits = depth * type switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };
        (int X, int Y, int StepX, int StepY)[] passes = interlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)];
        using var packed = new MemoryStream();
        using (var deflater = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            foreach (var (left, top, stepX, stepY) in passes)
            {
                int columns = (width - left + stepX - 1) / stepX, rows = (height - top + stepY - 1) / stepY;
                for (int y = 0; y < rows && columns > 0; y++)
                {
                    var row = new byte[1 + (columns * bits + 7) / 8];
                    random.NextBytes(row);
                    row[0] = (byte)random.Next(5);
                    deflater.Write(row);
                }
            }
        }

        var palette = new byte[3 << depth % 16];
        random.NextBytes(palette);
        byte[] header = TestImages.PngHeader(width, height, depth, type), data = packed.ToArray();
        header[12] = (byte)(interlaced ? 1 : 0);
        (string, byte[])[] colours = type == 3 ? [("PLTE", palette)] : [];

        // In several chunks, as encoders write them.
        return TestImages.PngFile([("IHDR", header), .. colours, .. data.Chunk(50).Select(part => ("IDAT", part)), ("IEND", [])]);
    }

    private static RgbImage Halved(RgbImage image)
    {
        int width = (image.Width + 1) / 2, height = (image.Height + 1) / 2;
        var pixels = new byte[width * height * 3];
        for (int i = 0; i < pixels.Length; i++)
        {
            int x = i / 3 % width * 2, y = i / 3 / width * 2;
            int[] group = [.. from row in new[] { y, y + 1 } from column in new[] { x, x + 1 } where row < image.Height && column < image.Width
                              select (int)image.Pixels[(row * image.Width + column) * 3 + i % 3]];
            pixels[i] = (byte)((group.Sum() + group.Length / 2) / group.Length);
        }

        return new(width, height, pixels);
    }
}
