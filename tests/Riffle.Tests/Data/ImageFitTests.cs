using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;

namespace Riffle.Tests.Data;

public class ImageFitTests
{
    /// <summary>What Pillow made of the same pixels; make_pillow_fit.py beside the file wrote it.</summary>
    public static TheoryData<int, int, int, byte[]> PillowCases()
    {
        var cases = new TheoryData<int, int, int, byte[]>();
        ReadOnlySpan<byte> file = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "pillow_fit.bin"));
        while (!file.IsEmpty)
        {
            int Number(ReadOnlySpan<byte> bytes, int index) => BinaryPrimitives.ReadInt32LittleEndian(bytes[(index * 4)..]);
            var side = Number(file, 2);
            cases.Add(Number(file, 0), Number(file, 1), side, file.Slice(12, side * side * 3).ToArray());
            file = file[(12 + (side * side * 3))..];
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(PillowCases))]
    public void Fits_as_Pillow_does(int width, int height, int side, byte[] expected)
    {
        var fitted = new byte[side * side * 3];
        ImageFit.FitSquare(Pattern(width, height), side, fitted);
        Assert.Equal(expected, fitted);
    }

    [Fact]
    public void The_cases_from_Pillow_are_there() => Assert.Equal(11, PillowCases().Count);

    [Theory]
    [InlineData(56, 64)]
    [InlineData(224, 256)]
    [InlineData(28, 32)]
    [InlineData(1, 1)]
    public void An_eighth_of_the_stored_side_can_be_cut_away(int imageSize, int side) => Assert.Equal(side, ImageFit.StoredSide(imageSize));

    [Fact]
    public void A_uniform_image_stays_uniform_at_any_size() =>
        Prop.ForAll(
            (from width in Gen.Choose(1, 200)
             from height in Gen.Choose(1, 200)
             from side in Gen.Choose(1, 70)
             from level in Gen.Choose(0, 255)
             select (width, height, side, level)).ToArbitrary(),
            c =>
            {
                var pixels = new byte[c.width * c.height * 3];
                Array.Fill(pixels, (byte)c.level);
                var fitted = new byte[c.side * c.side * 3];
                ImageFit.FitSquare(new(c.width, c.height, pixels), c.side, fitted);
                return fitted.All(p => p == c.level);
            }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(1, 100_000)]
    [InlineData(100_000, 1)]
    [InlineData(3, 40_000)]
    public void A_line_of_pixels_is_fitted_in_the_memory_of_the_square(int width, int height)
    {
        var fitted = new byte[64 * 64 * 3];
        var image = Pattern(width, height);
        var before = GC.GetAllocatedBytesForCurrentThread();
        ImageFit.FitSquare(image, 64, fitted);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
        Assert.NotEqual(fitted.Min(), fitted.Max());
    }

    [Fact]
    public void Inference_sees_the_centre_of_the_stored_square()
    {
        var image = Pattern(100, 80);
        var square = new byte[64 * 64 * 3];
        ImageFit.FitSquare(image, 64, square);
        var seen = ImageFit.ForInference(image, 56);
        for (var y = 0; y < 56; y++)
            Assert.Equal(square.AsSpan((((y + 4) * 64) + 4) * 3, 56 * 3), seen.AsSpan(y * 56 * 3, 56 * 3));
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        var bytes = new byte[64 * 64 * 3];
        Assert.Throws<ArgumentException>(() => ImageFit.FitSquare(new(64, 63, bytes), 64, bytes));
        Assert.Throws<ArgumentException>(() => ImageFit.FitSquare(new(64, 64, bytes), 63, bytes));
        Assert.Throws<ArgumentException>(() => ImageFit.CentreCrop(bytes, 64, 65, bytes));
        Assert.Throws<ArgumentException>(() => ImageFit.CentreCrop(bytes, 64, 56, bytes));
        Assert.Throws<ArgumentException>(() => ImageFit.CentreCrop(bytes, 64, 0, []));
    }

    private static RgbImage Pattern(int width, int height)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, y, channel) = (i / 3 % width, i / 3 / width, i % 3);
            pixels[i] = (byte)(((x * 7) + (y * 13) + (channel * 50)) ^ ((x * y) >> 2));
        }

        return new(width, height, pixels);
    }
}
