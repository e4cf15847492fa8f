using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Data;

/// <summary>Images that were cut to the network's size when the data set was made, and those of other sizes.</summary>
public sealed class BakedImagesTests : IDisposable
{
    private const int Size = 28;

    private readonly TemporaryFolder _folder = new();

    private string DataFolder => Path.Combine(_folder.Path, "data");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData(0L)]
    public void Both_splits_are_taken_pixel_for_pixel(long? budget)
    {
        var data = Prepare(bake: Size);
        foreach (var split in new[] { Split.Train, Split.Validation })
            Assert.Equal(Records(split).Select(example => Decode(example).Pixels), Images(data, split, Size, budget));
    }

    /// <summary>As in the study: scaled, not augmented and with no border cut away, but for being compressed once more.</summary>
    [Fact]
    public void A_validation_image_is_the_whole_image_scaled()
    {
        var baked = Images(Prepare(bake: Size), Split.Validation, Size);
        var names = Records(Split.Validation).Select(example => example.FileName).ToArray();
        Prepare(bake: 0);
        var whole = Records(Split.Validation).ToDictionary(example => example.FileName, example => Whole(Decode(example)));
        Assert.Equal(whole.Count, names.Length);
        foreach (var (name, pixels) in names.Zip(baked))
        {
            Assert.InRange(Difference(whole[name], pixels), 0, 6);
            Assert.InRange(whole.Where(other => other.Key != name).Min(other => Difference(other.Value, pixels)), 10, 255);
        }
    }

    /// <summary>Networks this small take blurred images for something else, so training images must not be sharper than those of validation.</summary>
    [Fact]
    public void Training_images_are_as_sharp_as_validation_images()
    {
        var noise = new byte[64 * 64 * 3];
        new Random(1).NextBytes(noise);
        var image = new RgbImage(64, 64, noise);
        static double Sharpness(ReadOnlySpan<byte> pixels)
        {
            var sum = 0.0;
            for (var i = 3; i < pixels.Length; i++)
                sum += Math.Abs(pixels[i] - pixels[i - 3]);
            return sum / pixels.Length;
        }

        double OfFile(byte[] file) => Sharpness(ImageDecoder.Decode(file, "baked").Pixels);
        var validation = OfFile(Baking.Whole(ImageCodec.Default, image, 56));
        var training = Baking.Copies(ImageCodec.Default, image, "noise", 50, 56, 0).Average(OfFile);
        Assert.InRange(training / validation, 0.8, 1.2);
        Assert.InRange(Sharpness(noise) / validation, 1.5, 10);
    }

    /// <summary>The study's data from end to end: augmented copies of the network's size, one-hot labels, shuffled; batches of any size.</summary>
    [Fact]
    public void The_study_s_recipe_sees_what_the_study_s_did()
    {
        var data = Prepare(bake: Size);
        var records = Records(Split.Train).ToArray();
        Assert.All(records, example =>
        {
            Assert.Equal((Size, Size), (example.Height, example.Width));
            Assert.Equal(Enumerable.Range(0, 2).Select(label => label == example.Label ? 1f : 0f), example.OneHot!);
        });

        // Two copies of an image are augmented differently, and neither is the whole image.
        foreach (var copies in records.GroupBy(example => example.FileName))
        {
            var (one, other) = (Decode(copies.First()).Pixels, Decode(copies.Last()).Pixels);
            Assert.InRange(Difference(one, other), 0.5, 255);
        }

        // Each epoch shuffles them anew, whatever the batch.
        using var loader = new BatchLoader(data, Split.Train, Size, 5, augmentation: null, shuffle: true, dropLast: false, 0);
        string Epoch(int epoch)
        {
            var seen = new List<string>();
            loader.StartEpoch(epoch);
            while (loader.TryNext(out var batch))
                seen.AddRange(batch.Pixels.ToArray().Chunk(Size * Size * 3).Select(Convert.ToHexString));
            Assert.Equal(records.Length, seen.Count);
            return string.Concat(seen);
        }

        Assert.NotEqual(Epoch(0), Epoch(1));

        // The trained model sees images that were not baked whole, too.
        var checkpoint = Train(data, "baked");
        Assert.Equal(checkpoint.Training!.Best!.Validation.Top1, Evaluator.Evaluate(checkpoint, data).Top1, 1e-9);
        Prepare(bake: 0);
        var evaluation = Evaluator.Evaluate(checkpoint, Dataset.Open(DataFolder, ImageCodec.Default));
        var hits = Records(Split.Validation).Count(example => Classified(checkpoint, example.Encoded.Span).Index().MaxBy(score => score.Item).Index == example.Label);
        Assert.Equal(100.0 * hits / evaluation.Images, evaluation.Top1, 1e-9);
    }

    /// <summary>An eighth is there to cut away, in training by chance and in validation around the middle.</summary>
    [Theory]
    [InlineData(32, 28, 32)]
    [InlineData(28, 24, 27)]
    [InlineData(28, 32, 37)]
    [InlineData(0, 28, 32)]
    public void Images_of_another_size_are_scaled_and_cut_in_both_splits(int bake, int network, int stored)
    {
        var data = Prepare(bake);
        foreach (var split in new[] { Split.Train, Split.Validation })
        {
            var expected = Records(split).Select(Decode).Select(image =>
            {
                var (square, centre) = (new byte[stored * stored * 3], new byte[network * network * 3]);
                ImageFit.FitSquare(image, stored, square);
                ImageFit.CentreCrop(square, stored, network, centre);
                return centre;
            });
            Assert.Equal(expected, Images(data, split, network));
        }
    }

    /// <summary>A model that was trained on baked images sees every image whole; others see the middle.</summary>
    [Fact]
    public void Predicting_a_baked_file_sees_what_evaluating_it_sees()
    {
        var (baked, whole) = (Train(Prepare(bake: Size), "baked"), Train(Prepare(bake: 0), "whole"));
        Prepare(bake: Size);
        Assert.True(baked.TakesBakedImages);
        Assert.False(whole.TakesBakedImages);

        var records = Records(Split.Validation).ToArray();
        using var classifier = new Classifier(baked);
        var hits = records.Count(example => classifier.Classify(example.Encoded.Span, example.FileName, top: 1)[0].Index == example.Label);
        Assert.Equal(100.0 * hits / records.Length, Evaluator.Evaluate(baked, Dataset.Open(DataFolder, ImageCodec.Default)).Top1, 1e-9);

        foreach (var example in records)
        {
            Assert.Equal(Scores(baked, Decode(example).Pixels), Classified(baked, example.Encoded.Span));
            Assert.Equal(Scores(whole, ImageFit.ForInference(Decode(example), Size)), Classified(whole, example.Encoded.Span));
            var photo = JpegEncoder.Encode(TestImages.Gradient(50, 40));
            Assert.Equal(Scores(baked, Whole(ImageDecoder.Decode(photo, "photo"))), Classified(baked, photo));
        }

        // Exported and read again it is the same model.
        var file = Path.Combine(_folder.Path, "baked.onnx");
        OnnxFile.Write(baked, file);
        Assert.True(Model.Open(file).TakesBakedImages);
        OnnxFile.Write(whole, file);
        Assert.False(Model.Open(file).TakesBakedImages);
    }

    private static byte[] Whole(RgbImage image)
    {
        var pixels = new byte[Size * Size * 3];
        ImageFit.FitSquare(image, Size, pixels);
        return pixels;
    }

    private static float[] Scores(Model model, byte[] pixels)
    {
        using var classifier = new Classifier(model);
        var scores = new float[model.Classes.Count];
        classifier.Score(pixels, scores);
        return scores;
    }

    private static float[] Classified(Model model, ReadOnlySpan<byte> file)
    {
        using var classifier = new Classifier(model);
        return [.. classifier.Classify(file, "image", top: model.Classes.Count).OrderBy(prediction => prediction.Index).Select(prediction => prediction.Probability)];
    }

    private static double Difference(byte[] one, byte[] other) => one.Zip(other, (a, b) => Math.Abs(a - b)).Average();

    private static RgbImage Decode(ImageExample example) => ImageDecoder.Decode(example.Encoded.Span, example.FileName);

    private static byte[][] Images(Dataset data, Split split, int size, long? budget = null)
    {
        using var loader = new BatchLoader(data, split, size, 3, augmentation: null, shuffle: false, dropLast: false, 0, 2, budget);
        var images = new List<byte[]>();
        loader.StartEpoch(0);
        while (loader.TryNext(out var batch))
            images.AddRange(batch.Pixels.ToArray().Chunk(size * size * 3));
        return [.. images];
    }

    private Checkpoint Train(Dataset data, string name)
    {
        var run = Path.Combine(_folder.Path, name);
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: Size, classes: data.Info.Classes.Length, units: [1, 1, 1]);
        using (var trainer = Trainer.Start(data, spec, Recipe.Paper with { Epochs = 1, Batch = 4 }, run, new() { Threads = 1 }))
            trainer.Run();
        return Checkpoint.Load(run);
    }

    private IEnumerable<ImageExample> Records(Split split)
    {
        foreach (var shard in Dataset.Open(DataFolder, ImageCodec.Default).Shards(split))
        {
            using var reader = new TFRecordReader(shard);
            while (reader.TryRead(out var record))
                yield return ImageExample.Parse(record.ToArray());
        }
    }

    /// <summary>Pictures with content, lying, standing and square, larger and smaller than the network's images.</summary>
    private Dataset Prepare(int bake)
    {
        var source = new PreparationSource();
        (int, int)[] sizes = [(28, 28), (32, 32), (60, 41), (41, 60), (90, 30), (13, 17), (64, 64)];
        foreach (var (i, (width, height)) in sizes.Index())
        {
            foreach (var folder in new[] { "train", "val" })
                source.Files[$"{folder}/{(i % 2 == 0 ? "even" : "odd")}/{i}.jpg"] = JpegEncoder.Encode(Picture(width, height, i), 95);
        }

        Preparation.Run(source.Write("folder", _folder.Path), DataFolder, new() { Shards = 2, BakeCopies = bake == 0 ? 0 : 2, BakeSize = Math.Max(bake, 8), Replace = true }, ImageCodec.Default);
        return Dataset.Open(DataFolder, ImageCodec.Default);
    }

    /// <summary>Smooth, so that JPEG keeps it, and different in every place and for every number.</summary>
    private static RgbImage Picture(int width, int height, int number)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (x, y) = ((double)(i / 3 % width) / width, (double)(i / 3 / width) / height);
            pixels[i] = (byte)(127 + (120 * Math.Sin((x * (3 + number)) + (y * (9 - number)) + (i % 3 * 2) + number)));
        }

        return new(width, height, pixels);
    }
}
