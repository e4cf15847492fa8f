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

    /// <summary>The antialiased triangle filter by its definition, without rounding in between, at the place that the fit's definition gives.</summary>
    [Theory]
    [InlineData(40, 20, 16)]
    [InlineData(23, 61, 20)]
    [InlineData(5, 9, 32)]
    [InlineData(32, 7, 32)]
    [InlineData(1, 50, 8)]
    [InlineData(17, 17, 17)]
    public void Padded_and_stretched_images_are_those_of_a_naive_scaling(int width, int height, int side)
    {
        var image = Pattern(width, height);
        foreach (var fit in (FitKind[])[FitKind.Pad, FitKind.Stretch])
        {
            var (across, down) = fit == FitKind.Stretch ? (side, side) : (Math.Max(1, side * width / Math.Max(width, height)), Math.Max(1, side * height / Math.Max(width, height)));
            var (left, top) = (Math.Round((side - across) / 2.0), Math.Round((side - down) / 2.0));
            var fitted = new byte[side * side * 3];
            ImageFit.FitSquare(image, side, fitted, fit);
            for (var i = 0; i < fitted.Length; i++)
            {
                var (x, y) = ((i / 3 % side) - left, (i / 3 / side) - top);
                if (x < 0 || y < 0 || x >= across || y >= down)
                    Assert.Equal(128, fitted[i]);
                else
                    Assert.InRange(fitted[i], Naive(image, across, down, x, y, i % 3) - 1.01, Naive(image, across, down, x, y, i % 3) + 1.01);
            }
        }
    }

    [Fact]
    public void All_fits_make_the_same_of_a_square_and_all_but_crop_see_every_side() =>
        Prop.ForAll(
            (from width in Gen.Choose(1, 120)
             from height in Gen.Choose(1, 120)
             from side in Gen.Choose(1, 60)
             select (width, height, side)).ToArbitrary(),
            c =>
            {
                byte[] Fitted(RgbImage image, FitKind fit)
                {
                    var square = new byte[c.side * c.side * 3];
                    ImageFit.FitSquare(image, c.side, square, fit);
                    return square;
                }

                var same = Enum.GetValues<FitKind>().Select(fit => Convert.ToHexString(Fitted(Pattern(c.width, c.width), fit))).Distinct().Count() == 1;
                var white = Enumerable.Repeat((byte)255, c.width * c.height * 3).ToArray();
                var marked = white.ToArray();
                for (var y = 0; y < c.height; y++)
                    marked.AsSpan(y * c.width * 3, 3).Clear();
                var seen = ((FitKind[])[FitKind.Pad, FitKind.Stretch])
                    .All(fit => !Fitted(new(c.width, c.height, white), fit).SequenceEqual(Fitted(new(c.width, c.height, marked), fit)));
                return same && seen;
            }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(FitKind.Pad)]
    [InlineData(FitKind.Stretch)]
    public void Inference_sees_all_of_an_image_that_is_not_cropped(FitKind fit)
    {
        var square = new byte[56 * 56 * 3];
        ImageFit.FitSquare(Pattern(100, 80), 56, square, fit);
        Assert.Equal(square, ImageFit.ForInference(Pattern(100, 80), 56, isWhole: true, fit));
    }

    private static double Naive(RgbImage image, int width, int height, double x, double y, int channel)
    {
        static (int Pixel, double Weight)[] Weights(int source, int scaled, double at)
        {
            var reach = Math.Max((double)source / scaled, 1);
            var weights = Enumerable.Range(0, source).Select(pixel => (pixel, Math.Max(0, 1 - (Math.Abs(pixel + 0.5 - ((at + 0.5) * source / scaled)) / reach)))).ToArray();
            return [.. weights.Select(weight => (weight.pixel, weight.Item2 / weights.Sum(one => one.Item2)))];
        }

        var columns = Weights(image.Width, width, x);
        return Weights(image.Height, height, y).Sum(row => row.Weight * columns.Sum(column => column.Weight * image.Pixels[(((row.Pixel * image.Width) + column.Pixel) * 3) + channel]));
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
