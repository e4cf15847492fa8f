using Riffle.Data;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data;

public class DemoImagesTests
{
    [Fact]
    public void There_are_at_least_eight_classes_in_sorted_order()
    {
        Assert.True(DemoImages.Classes.Count >= 8);
        Assert.Equal(DemoImages.Classes.Order(StringComparer.Ordinal), DemoImages.Classes);
    }

    [Fact]
    public void Images_are_of_64_to_96_pixels_and_each_is_another()
    {
        var images = Enumerable.Range(0, DemoImages.Classes.Count)
            .SelectMany(index => Enumerable.Range(0, 5).Select(number => DemoImages.Draw(index, number, 1))).ToArray();

        Assert.All(images, image => Assert.True(
            image is { Width: >= 64 and <= 96, Height: >= 64 and <= 96 } && image.Pixels.Length == image.Width * image.Height * 3));
        Assert.Equal(images.Length, images.Select(image => Convert.ToHexString(image.Pixels.AsSpan(0, 300))).Distinct().Count());
    }

    [Fact]
    public void The_same_seed_draws_the_same_image()
    {
        Assert.Equal(DemoImages.Draw(3, 14, 15).Pixels, DemoImages.Draw(3, 14, 15).Pixels);
        Assert.NotEqual(DemoImages.Draw(3, 14, 15).Pixels, DemoImages.Draw(3, 14, 16).Pixels);
    }

    /// <summary>A linear classifier over red, green and blue, the least squares fit to one-hot labels, does little better than chance (one in eight) on
    /// new images.</summary>
    [Fact]
    public void A_linear_model_cannot_tell_the_classes_by_colour()
    {
        var classes = DemoImages.Classes.Count;
        var train = Colours(from: 0, count: 80);
        var test = Colours(from: 80, count: 40);

        // Normal equations: (XᵀX)·W = XᵀY.
        var system = new double[4, 4 + classes];
        foreach (var (label, colour) in train)
        {
            for (var i = 0; i < 4; i++)
            {
                for (var j = 0; j < 4; j++)
                    system[i, j] += colour[i] * colour[j];
                system[i, 4 + label] += colour[i];
            }
        }

        Solve(system);
        int Predict(double[] colour) => Enumerable.Range(0, classes).MaxBy(c => Enumerable.Range(0, 4).Sum(i => colour[i] * system[i, 4 + c]));
        var accuracy = test.Average(image => Predict(image.Colour) == image.Label ? 1.0 : 0.0);

        Assert.InRange(accuracy, 0, 0.25);
    }

    [Fact]
    public void Written_images_lie_in_class_folders_and_can_be_decoded()
    {
        using var folder = new TemporaryFolder();
        var target = folder.PathOf("images");
        Directory.CreateDirectory(target);
        File.WriteAllText(Path.Combine(target, "left-over"), "");
        var done = new List<long>();
        DemoImages.Write(target, train: 2, validation: 1, seed: 5, ImageCodec.Default, done.Add);

        Assert.Equal(["train", "val"], Directory.GetFileSystemEntries(target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(DemoImages.Classes, Directory.GetDirectories(Path.Combine(target, "val")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var files = Directory.GetFiles(target, "*.jpg", SearchOption.AllDirectories);
        Assert.Equal(3 * DemoImages.Classes.Count, files.Length);
        Assert.Equal(Enumerable.Range(1, files.Length).Select(n => (long)n), done);
        Assert.All(files, file => Assert.InRange(ImageDecoder.Decode(File.ReadAllBytes(file), file).Width, 64, 96));
    }

    [Fact]
    public void Stopping_leaves_what_was_there()
    {
        using var folder = new TemporaryFolder();
        var target = folder.PathOf("images");
        DemoImages.Write(target, 1, 1, seed: 5, ImageCodec.Default);
        using var cancel = new CancellationTokenSource();

        Assert.Throws<OperationCanceledException>(() => DemoImages.Write(target, 9, 9, seed: 6, ImageCodec.Default, _ => cancel.Cancel(), cancel.Token));
        Assert.Equal(2 * DemoImages.Classes.Count, Directory.GetFiles(target, "*.jpg", SearchOption.AllDirectories).Length);
    }

    /// <summary>One and the mean red, green and blue of each image.</summary>
    private static List<(int Label, double[] Colour)> Colours(int from, int count)
    {
        var result = new List<(int, double[])>();
        for (var label = 0; label < DemoImages.Classes.Count; label++)
        {
            for (var number = from; number < from + count; number++)
            {
                var pixels = DemoImages.Draw(label, number, 1).Pixels;
                double[] colour = [1, 0, 0, 0];
                for (var i = 0; i < pixels.Length; i++)
                    colour[1 + (i % 3)] += pixels[i] * 3.0 / 255 / pixels.Length;
                result.Add((label, colour));
            }
        }

        return result;
    }

    /// <summary>Gauss-Jordan elimination of a symmetric positive definite system, in place: the right-hand sides become the solutions.</summary>
    private static void Solve(double[,] system)
    {
        var (rows, columns) = (system.GetLength(0), system.GetLength(1));
        for (var pivot = 0; pivot < rows; pivot++)
        {
            var scale = 1 / system[pivot, pivot];
            for (var column = 0; column < columns; column++)
                system[pivot, column] *= scale;
            for (var row = 0; row < rows; row++)
            {
                var factor = row == pivot ? 0 : system[row, pivot];
                for (var column = 0; column < columns; column++)
                    system[row, column] -= factor * system[pivot, column];
            }
        }
    }
}
