using System.Collections.Concurrent;
using Riffle.Data;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests;

public class ClassifierTests
{
    private const int Size = 24, Classes = 7;

    private static readonly Checkpoint Sample = MakeSample();

    [Fact]
    public void Predictions_are_the_softmax_of_the_logits_the_likeliest_first()
    {
        using var classifier = new Classifier(Sample);
        var jpeg = TinyDataset.Jpeg(1);
        var predictions = classifier.Classify(jpeg, "a.jpg", top: 10);

        var logits = new float[Classes];
        using var plan = new InferencePlan(Sample.Weights, 1, 1);
        plan.Run(ImageFit.ForInference(ImageDecoder.Decode(jpeg, "a.jpg"), Size), 1, Sample.Normalisation, logits);
        var sum = logits.Sum(logit => Math.Exp(logit));
        Assert.Equal(Enumerable.Range(0, Classes).OrderByDescending(i => logits[i]), predictions.Select(p => p.Index));
        Assert.All(predictions, p => Assert.Equal(Math.Exp(logits[p.Index]) / sum, p.Probability, 5));
        Assert.All(predictions, p => Assert.Equal($"class {p.Index}", p.Class));
        Assert.Equal(1, predictions.Sum(p => p.Probability), 5);
        Assert.Equal(predictions.Take(3), classifier.Classify(jpeg, "a.jpg", top: 3));
    }

    [Fact]
    public void Bytes_that_are_no_image_are_named_and_the_next_image_is_classified()
    {
        using var classifier = new Classifier(Sample);
        var expected = classifier.Classify(TinyDataset.Jpeg(0), "a.jpg");
        Assert.Contains("broken.jpg", Assert.Throws<BadDataException>(() => classifier.Classify("no image"u8, "broken.jpg")).Message);
        Assert.Equal(expected, classifier.Classify(TinyDataset.Jpeg(0), "a.jpg"));
    }

    [Fact]
    public void A_file_is_classified_as_its_bytes_are_and_errors_name_it()
    {
        using var folder = new TemporaryFolder();
        using var classifier = new Classifier(Sample);
        var (image, text, none) = (folder.PathOf("a.jpg"), folder.PathOf("text.jpg"), folder.PathOf("none.jpg"));
        File.WriteAllBytes(image, TinyDataset.Jpeg(2));
        File.WriteAllText(text, "no image");

        Assert.Equal(classifier.Classify(TinyDataset.Jpeg(2), "a.jpg", top: 3), classifier.Classify(image, top: 3));
        Assert.Equal(5, classifier.Classify(image).Count);
        Assert.Contains(text, Assert.Throws<BadDataException>(() => classifier.Classify(text)).Message, StringComparison.Ordinal);
        Assert.Contains(none, Assert.Throws<RiffleException>(() => classifier.Classify(none)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => classifier.Classify(image, top: 0));
    }

    [Fact]
    public void A_stream_and_decoded_pixels_are_classified_as_the_file_is()
    {
        using var classifier = new Classifier(Sample);
        var jpeg = TinyDataset.Jpeg(2);
        var expected = classifier.Classify(jpeg);
        using var stream = new MemoryStream(jpeg);
        Assert.Equal(expected, classifier.Classify(stream));
        Assert.True(stream.CanRead);
        var image = ImageDecoder.Decode(jpeg, "a.jpg");
        Assert.Equal(expected, classifier.Classify(image.Pixels, image.Width, image.Height));

        Assert.StartsWith("upload: ", Assert.Throws<BadDataException>(() => classifier.Classify(new MemoryStream(new byte[9]), "upload")).Message, StringComparison.Ordinal);
        Assert.Throws<OperationCanceledException>(() => classifier.Classify(new MemoryStream(jpeg), cancel: new CancellationToken(canceled: true)));
        Assert.Throws<ArgumentException>(() => classifier.Classify(image.Pixels, image.Width, image.Height + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => classifier.Classify(image.Pixels, 0, image.Height));
    }

    [Fact]
    public void Scores_are_the_probabilities_of_the_predictions_and_what_is_behind_them_stays()
    {
        using var classifier = new Classifier(Sample);
        var probabilities = Enumerable.Repeat(-1f, Classes + 1).ToArray();
        classifier.Score(ImageFit.ForInference(ImageDecoder.Decode(TinyDataset.Jpeg(1), "a.jpg"), Size), probabilities);

        Assert.All(classifier.Classify(TinyDataset.Jpeg(1), "a.jpg", Classes), p => Assert.Equal(p.Probability, probabilities[p.Index]));
        Assert.Equal(-1, probabilities[Classes]);
    }

    [Fact]
    public void Scores_need_pixels_of_the_network_s_size_room_for_every_class_and_a_classifier_that_is_alive()
    {
        var classifier = new Classifier(Sample);
        byte[] pixels = new byte[Size * Size * 3];
        var probabilities = new float[Classes];
        Assert.Throws<ArgumentException>(() => classifier.Score(pixels.AsSpan(1), probabilities));
        Assert.Throws<ArgumentException>(() => classifier.Score(new byte[pixels.Length + 3], probabilities));
        Assert.Throws<ArgumentException>(() => classifier.Score(pixels, probabilities.AsSpan(1)));
        classifier.Score(pixels, probabilities);
        classifier.Dispose();
        Assert.Throws<ObjectDisposedException>(() => classifier.Score(pixels, probabilities));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(33)]
    public void Many_images_get_the_bits_that_each_gets_alone(int images)
    {
        using var classifier = new Classifier(Sample, threads: 3);
        var pixels = new byte[images * Size * Size * 3];
        new Random(images).NextBytes(pixels);
        float[] together = new float[images * Classes], alone = new float[Classes], logits = new float[images * Classes];
        classifier.Score(pixels, images, together);
        classifier.Logits(pixels, images, logits);
        for (var i = 0; i < images; i++)
        {
            classifier.Score(pixels.AsSpan(i * Size * Size * 3, Size * Size * 3), alone);
            Assert.Equal(alone, together[(i * Classes)..((i + 1) * Classes)]);
            var sum = logits[(i * Classes)..((i + 1) * Classes)].Sum(logit => Math.Exp(logit));
            Assert.All(Enumerable.Range(0, Classes), c => Assert.Equal(Math.Exp(logits[(i * Classes) + c]) / sum, alone[c], 5));
        }

        Assert.Throws<ArgumentException>(() => classifier.Score(pixels, images, together, new Verdict[images])); // no doubt
        Assert.Throws<ArgumentException>(() => classifier.Score(pixels.AsSpan(3), images, together));
        Assert.Throws<OperationCanceledException>(() => classifier.Score(pixels, images, together, default, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void A_doubt_s_temperature_and_verdict_are_those_of_the_logits_and_the_features()
    {
        var means = new byte[Classes * 1024];
        new Random(1).NextBytes(means);
        var pixels = new byte[Size * Size * 3];
        new Random(2).NextBytes(pixels);
        float[] logits = new float[Classes], probabilities = new float[Classes];
        foreach (var (threshold, expected) in ((float, Verdict)[])[(-1.1f, Verdict.NotSure), (1.1f, Verdict.NoneOfTheClasses)])
        {
            using var classifier = new Classifier(Sample.With(new Doubt(50, threshold, means, Classes)));
            classifier.Logits(pixels, 1, logits);
            var verdicts = new Verdict[1];
            classifier.Score(pixels, 1, probabilities, verdicts);
            var sum = logits.Sum(logit => Math.Exp(logit / 50));
            Assert.All(Enumerable.Range(0, Classes), c => Assert.Equal(Math.Exp(logits[c] / 50) / sum, probabilities[c], 5));
            Assert.Equal(expected, verdicts[0]);
        }
    }

    [Fact]
    public void Pixels_are_what_the_network_sees_of_a_file()
    {
        using var classifier = new Classifier(Sample);
        var probabilities = new float[Classes];
        classifier.Score(classifier.Pixels(TinyDataset.Jpeg(1)), probabilities);
        Assert.Equal(classifier.Classify(TinyDataset.Jpeg(1)).Best.Probability, probabilities.Max());
    }

    [Fact]
    public void One_classifier_tells_many_threads_what_it_tells_one()
    {
        const int Images = 12;
        using var classifier = new Classifier(Sample);
        var images = Enumerable.Range(0, Images).Select(i => TinyDataset.Jpeg(i % 3, seed: i)).ToArray();
        var expected = images.Select(image => classifier.Classify(image, "a.jpg", Classes)).ToArray();
        Assert.Equal(Images, expected.Select(predictions => predictions[0].Probability).Distinct().Count());

        // Threads of their own: as many as there are, and all of them from the beginning.
        var failures = new ConcurrentQueue<Exception>();
        var threads = Enumerable.Range(0, 6).Select(first => new Thread(() =>
        {
            try
            {
                for (var i = first; i < first + 8 * Images; i++)
                    Assert.Equal(expected[i % Images], classifier.Classify(images[i % Images], "a.jpg", Classes));
            }
            catch (Exception e)
            {
                failures.Enqueue(e);
            }
        })).ToArray();
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Empty(failures);
    }

    private static Checkpoint MakeSample()
    {
        var spec = NetworkCatalogue.Resolve("shufflenet-v2-x0.5", imageSize: Size, classes: Classes, units: [1, 1, 1]);
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, InitialisationKind.He, 6);
        return new(spec, weights, [.. Enumerable.Range(0, Classes).Select(i => new DatasetClass($"class {i}", ""))], Normalisation.ImageNet);
    }
}
