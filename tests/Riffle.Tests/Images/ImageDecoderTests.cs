using System.Security.Cryptography;
using System.Text.Json;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Images;

public class ImageDecoderTests
{
    [Fact]
    public void The_format_is_told_by_content()
    {
        Assert.Equal("JPEG", ImageFormats.Detect(JpegEncoder.Encode(TestImages.Noise(2, 2))));
        Assert.Equal("PNG", ImageFormats.Detect(TestImages.Png(TestImages.Noise(2, 2))));
        Assert.Equal("GIF", ImageFormats.Detect("GIF89a"u8));
        Assert.Null(ImageFormats.Detect("II*\0"u8));
        Assert.Null(ImageFormats.Detect([0xFF, 0xD8]));
        Assert.Null(ImageFormats.Detect([]));
    }

    [Theory]
    [InlineData("", "empty;")]
    [InlineData("\0\0\0 ftypavif", "an AVIF image;", "Convert")]
    [InlineData("\0\0\0 ftypheic", "a HEIC image;", "Convert")]
    [InlineData("II*\0", "a TIFF image;", "Convert")]
    [InlineData("\u00FF\n", "a JPEG XL image;", "Convert")]
    [InlineData(" <!DOCTYPE html><title>404</title>", "a web page")]
    [InlineData("<svg xmlns=''/>", "an SVG drawing;", "Replace")]
    [InlineData("version https://git-lfs.github.com/spec/v1", "a Git LFS pointer")]
    [InlineData("{}", "a JSON document;", "Replace")]
    [InlineData("\u00FF\u00D8", "not an image;")]
    public void What_is_no_image_that_is_read_is_named(string content, string kind, string wayOut = "")
    {
        var e = Assert.Throws<BadDataException>(() => ImageDecoder.Decode(System.Text.Encoding.Latin1.GetBytes(content), "val/images/val_1.JPEG"));
        Error.Names(e.Message, "val/images/val_1.JPEG: ", kind, wayOut);
    }

    [Theory]
    [InlineData(0xC3, 8, "a lossless JPEG image")]
    [InlineData(0xC5, 8, "a hierarchical JPEG image")]
    [InlineData(0xCF, 8, "a hierarchical JPEG image")]
    [InlineData(0xF7, 8, "a JPEG-LS image")]
    [InlineData(0xC1, 12, "a JPEG image with 12 bits per sample")]
    public void A_jpeg_of_a_kind_that_is_not_read_is_named(byte frame, byte bits, string kind)
    {
        byte[] jpeg = JpegEncoder.Encode(TestImages.Noise(16, 16));
        int at = jpeg.AsSpan().IndexOf(new byte[] { 0xFF, 0xC0 });
        (jpeg[at + 1], jpeg[at + 4]) = (frame, bits);
        Assert.StartsWith($"x.jpg: {kind};", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(jpeg, "x.jpg")).Message);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(17, 5)]
    [InlineData(64, 64)]
    public void A_png_comes_out_as_it_went_in(int width, int height)
    {
        var image = TestImages.Noise(width, height);
        var read = ImageDecoder.Decode(TestImages.Png(image), "png");
        Assert.Equal((width, height), (read.Width, read.Height));
        Assert.Equal(image.Pixels, read.Pixels);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(17, 5)]
    [InlineData(64, 48)]
    public void A_jpeg_comes_out_nearly_as_it_went_in(int width, int height)
    {
        var image = TestImages.Gradient(width, height);
        var read = ImageDecoder.Decode(JpegEncoder.Encode(image, 98), "jpeg");
        Assert.Equal((width, height), (read.Width, read.Height));
        double error = Math.Sqrt(image.Pixels.Zip(read.Pixels, (a, b) => (double)(a - b) * (a - b)).Average());
        Assert.InRange(error, 0, width < 64 ? 16 : 2); // colour has half the resolution, which tells in few pixels
    }

    /// <summary>Never below twice the square, never less than an eighth.</summary>
    [Theory]
    [InlineData(300, 200, 56, 300)]
    [InlineData(300, 224, 56, 150)]
    [InlineData(301, 224, 56, 151)]
    [InlineData(447, 900, 56, 224)]
    [InlineData(448, 900, 56, 112)]
    [InlineData(900, 448, 56, 225)]
    [InlineData(2000, 2000, 10, 250)]
    [InlineData(2000, 2000, int.MaxValue, 2000)]
    public void A_jpeg_for_a_square_is_decoded_at_a_reduced_size(int width, int height, int side, int decodedWidth)
    {
        var jpeg = JpegEncoder.Encode(TestImages.Gradient(width, height), 95);

        var image = ImageDecoder.Decode(jpeg, "image", ImageDecoder.MaxWholePixels, side);

        Assert.Equal((decodedWidth, width, height), (image.Width, image.FullWidth, image.FullHeight));
        Assert.Equal(image.Width * image.Height * 3, image.Pixels.Length);
    }

    [Fact]
    public void A_reduced_jpeg_makes_nearly_the_same_square()
    {
        const int Side = 64;
        var jpeg = JpegEncoder.Encode(TestImages.Gradient(640, 480), 95);
        byte[] Square(RgbImage image)
        {
            var square = new byte[Side * Side * 3];
            ImageFit.FitSquare(image, Side, square);
            return square;
        }

        var (whole, reduced) = (ImageDecoder.Decode(jpeg, "image"), ImageDecoder.DecodeFor(jpeg, "image", Side));

        Assert.Equal((640, 320), (whole.Width, reduced.Width));
        Assert.InRange(Square(whole).Zip(Square(reduced), (a, b) => Math.Abs(a - b)).Average(), 0, 1);
    }

    [Fact]
    public void How_jpegs_are_decoded_is_checked()
    {
        Assert.Equal((false, false, true), (ImageDecoder.IsFull(null), ImageDecoder.IsFull("reduced"), ImageDecoder.IsFull("full")));
        Assert.Contains(ImageDecoder.Variable, Assert.Throws<RiffleException>(() => ImageDecoder.IsFull("half")).Message);
    }

    [Fact]
    public void Less_quality_takes_fewer_bytes()
    {
        var image = TestImages.Noise(64, 64);
        int[] sizes = [.. new[] { 1, 50, 90, 100 }.Select(quality => JpegEncoder.Encode(image, quality).Length)];
        Assert.Equal(sizes.Order(), sizes);
        Assert.Throws<ArgumentOutOfRangeException>(() => JpegEncoder.Encode(image, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => JpegEncoder.Encode(image, 101));
    }

    [Fact]
    public void What_no_jpeg_can_hold_is_told()
    {
        Assert.Throws<ArgumentException>(() => JpegEncoder.Encode(new RgbImage(2, 2, new byte[11])));
        Assert.Throws<RiffleException>(() => JpegEncoder.Encode(new RgbImage(70_000, 1, new byte[210_000])));
    }

    /// <summary>A quarter of a JPEG decodes to a picture with three quarters of grey, which nobody would notice in training.</summary>
    [Fact]
    public void Every_truncation_is_noticed()
    {
        foreach (byte[] whole in new[] { JpegEncoder.Encode(TestImages.Noise(24, 24)), TestImages.Png(TestImages.Noise(8, 8)) })
            foreach (byte[] cut in Damage.Truncations(whole))
                Assert.StartsWith("cut: ", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(cut, "cut")).Message);
    }

    /// <summary>Checksums and lengths of a PNG guard the whole picture.</summary>
    [Fact]
    public void A_flipped_bit_in_a_png_is_noticed_or_does_not_touch_the_picture()
    {
        var image = TestImages.Noise(4, 4);
        byte[] whole = TestImages.Png(image);
        int noticed = 0;
        foreach (byte[] damaged in Damage.Flips(whole))
        {
            try
            {
                Assert.Equal(image.Pixels, ImageDecoder.Decode(damaged, "png").Pixels);
            }
            catch (BadDataException)
            {
                noticed++;
            }
        }

        Assert.InRange(noticed, whole.Length * 7, whole.Length * 8);
    }

    /// <summary>JPEG has no checksums: another picture may come of a flip, but never another exception, and never a picture that is not all there.</summary>
    [Fact]
    public void A_flipped_bit_in_a_jpeg_gives_bad_data_or_a_whole_picture()
    {
        byte[] whole = JpegEncoder.Encode(TestImages.Noise(16, 16));
        int noticed = 0;
        foreach (byte[] damaged in Damage.Flips(whole))
        {
            try
            {
                var image = ImageDecoder.Decode(damaged, "jpeg");
                Assert.Equal(image.Width * image.Height * 3, image.Pixels.Length);
            }
            catch (BadDataException)
            {
                noticed++;
            }
        }

        Assert.InRange(noticed, whole.Length, whole.Length * 8);
    }

    /// <summary>Files that were made by hand of what cjpeg writes, and what Pillow makes of them.</summary>
    [Fact]
    public void Stray_bytes_anywhere_change_nothing()
    {
        using var cases = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "odd_jpegs.json")));
        foreach (var odd in cases.RootElement.EnumerateObject())
        {
            var image = ImageDecoder.Decode(odd.Value.GetProperty("jpeg").GetBytesFromBase64(), odd.Name);
            Assert.Equal((odd.Name, 24, 20), (odd.Name, image.Width, image.Height));
            Assert.Equal((odd.Name, odd.Value.GetProperty("sha1").GetString()), (odd.Name, Convert.ToHexStringLower(SHA1.HashData(image.Pixels))));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(65)]
    [InlineData(2226)]
    [InlineData(100_000)]
    public void Any_number_of_stray_bytes_before_the_end_is_no_damage_unless_the_end_is_missing(int count)
    {
        byte[] whole = JpegEncoder.Encode(TestImages.Noise(16, 16));
        byte[] padded = [.. whole[..^2], .. new byte[count], .. whole[^2..]];
        Assert.Equal(ImageDecoder.Decode(whole, "whole").Pixels, ImageDecoder.Decode(padded, "padded").Pixels);
        Assert.Equal(ImageDecoder.Decode(whole, "whole").Pixels, ImageDecoder.Decode([.. whole, .. new byte[count]], "trailing").Pixels);
        Assert.Throws<BadDataException>(() => ImageDecoder.Decode(padded.AsSpan(..^2), "cut"));
    }

    /// <summary>Neither stray bytes nor an unknown JFIF revision are an error.</summary>
    [Fact]
    public void A_harmless_oddity_does_not_hide_an_incomplete_scan()
    {
        byte[] incomplete = [.. JpegEncoder.Encode(TestImages.Noise(32, 32))[..^200], 0xFF, 0xD9];
        byte[] otherRevision = [.. incomplete];
        otherRevision[11] = 0;
        foreach (byte[] jpeg in new byte[][] { incomplete, otherRevision, [.. incomplete[..20], 1, 2, 3, .. incomplete[20..]] })
            Assert.Contains("premature end", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(jpeg, "half")).Message);
    }

    [Fact]
    public void A_harmless_oddity_does_not_hide_a_missing_end()
    {
        byte[] whole = JpegEncoder.Encode(TestImages.Noise(32, 32));
        Assert.Equal("JFIF"u8.ToArray(), whole[6..10]);
        whole[11] = 9;
        Assert.Equal(32, ImageDecoder.Decode(whole, "whole").Width);
        byte[] withThumbnail = TestImages.WithSegment(whole[..^200], 0xE2, [0xFF, 0xD8, 0xFF, 0xD9]);
        Assert.Contains("premature end", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(withThumbnail, "cut")).Message);
    }

    /// <summary>Four rows of luma to one of chroma: as many blocks as 4:2:0 has, so a header changed by hand makes a right file of it.</summary>
    [Fact]
    public void A_sampling_without_a_name_is_decoded()
    {
        byte[] jpeg = JpegEncoder.Encode(TestImages.Gradient(16, 16));
        int frame = jpeg.AsSpan().IndexOf(new byte[] { 0xFF, 0xC0 });
        (jpeg[frame + 6], jpeg[frame + 8], jpeg[frame + 11]) = (32, 8, 0x14);
        var image = ImageDecoder.Decode(jpeg, "odd");
        Assert.Equal((8, 32), (image.Width, image.Height));
    }

    [Fact]
    public void A_size_beyond_reason_is_refused_before_memory_is_taken()
    {
        byte[] jpeg = JpegEncoder.Encode(TestImages.Noise(16, 16));
        int frame = jpeg.AsSpan().IndexOf(new byte[] { 0xFF, 0xC0 });
        (jpeg[frame + 5], jpeg[frame + 6], jpeg[frame + 7], jpeg[frame + 8]) = (0xFF, 0xDC, 0xFF, 0xDC);
        byte[] png = TestImages.PngFile(("IHDR", TestImages.PngHeader(20_000, 20_000, 8, 2)), ("IDAT", [1, 2, 3]), ("IEND", []));
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (byte[] huge in new[] { jpeg, png })
            Assert.Contains("pixels", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(huge, "huge")).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void A_jpeg_of_tables_alone_has_no_picture()
    {
        byte[] whole = JpegEncoder.Encode(TestImages.Noise(16, 16));
        int frame = whole.AsSpan().IndexOf(new byte[] { 0xFF, 0xC0 });
        byte[] tables = [.. whole[..frame], 0xFF, 0xD9];
        Assert.StartsWith("tables: ", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(tables, "tables")).Message);
    }

    /// <summary>Sizes that would be allowed, and 300 MB of pixels, in files of some hundred bytes.</summary>
    [Fact]
    public void A_size_that_the_file_is_too_short_for_is_refused_before_memory_is_taken()
    {
        byte[] jpeg = JpegEncoder.Encode(TestImages.Noise(16, 16));
        int frame = jpeg.AsSpan().IndexOf(new byte[] { 0xFF, 0xC0 });
        (jpeg[frame + 5], jpeg[frame + 6], jpeg[frame + 7], jpeg[frame + 8]) = (0x27, 0x10, 0x27, 0x10);
        byte[] png = TestImages.PngFile(("IHDR", TestImages.PngHeader(10_000, 10_000, 8, 2)), ("IDAT", new byte[300]), ("IEND", []));
        long before = GC.GetAllocatedBytesForCurrentThread();
        foreach (byte[] huge in new[] { jpeg, png })
            Error.Names(Assert.Throws<BadDataException>(() => ImageDecoder.Decode(huge, "huge")).Message, "huge: ", "10000×10000 pixels", "too short");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Theory]
    [InlineData(50_000, 50_000)]
    [InlineData(1, 2_000_000_000)]
    [InlineData(1_000_000, 1_000_000)]
    public void A_png_of_some_bytes_that_claims_to_be_huge_is_refused_before_memory_is_taken(int width, int height)
    {
        byte[] png = TestImages.PngFile(("IHDR", TestImages.PngHeader(width, height, 1, 0)), ("IDAT", [1, 2, 3]), ("IEND", []));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.StartsWith("huge: ", Assert.Throws<BadDataException>(() => ImageDecoder.Decode(png, "huge")).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    /// <summary>As few bytes as an encoder can make of so many pixels.</summary>
    [Fact]
    public void A_blank_picture_is_not_taken_for_one_that_is_too_short()
    {
        var blank = new RgbImage(2000, 2000, new byte[2000 * 2000 * 3]);
        Assert.Equal(2000, ImageDecoder.Decode(JpegEncoder.Encode(blank, 1), "blank").Width);
        using var lines = new MemoryStream();
        using (var deflater = new System.IO.Compression.ZLibStream(lines, System.IO.Compression.CompressionLevel.SmallestSize, leaveOpen: true))
            deflater.Write(new byte[4000 * (1 + 500)]);
        byte[] png = TestImages.PngFile(("IHDR", TestImages.PngHeader(4000, 4000, 1, 0)), ("IDAT", lines.ToArray()), ("IEND", []));
        Assert.Equal(4000, ImageDecoder.Decode(png, "blank").Width);
    }

    [Fact]
    public void Gamma_and_profiles_do_not_change_the_samples()
    {
        var image = TestImages.Noise(8, 8);
        byte[] png = TestImages.Png(image, ("gAMA", [0, 1, 0x86, 0xA0]), ("tEXt", [.. "Comment\0none"u8]));
        Assert.Equal(image.Pixels, ImageDecoder.Decode(png, "png").Pixels);
    }
}
