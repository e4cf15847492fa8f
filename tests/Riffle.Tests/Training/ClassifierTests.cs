using Riffle.Data;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Networks;
using Riffle.Training;

namespace Riffle.Tests.Training;

public class ClassifierTests
{
    private static readonly Checkpoint Sample = MakeSample();

    [Fact]
    public void Predictions_are_the_softmax_of_the_logits_the_likeliest_first()
    {
        using var classifier = new Classifier(Sample);
        var jpeg = TinyDataset.Jpeg(1);
        var predictions = classifier.Classify(jpeg, "a.jpg", top: 10);

        var logits = new float[7];
        using var plan = new InferencePlan(Sample.Weights, 1, 1);
        plan.Run(ImageFit.ForInference(ImageDecoder.Decode(jpeg, "a.jpg"), 24), 1, Sample.Normalisation, logits);
        var sum = logits.Sum(logit => Math.Exp(logit));
        Assert.Equal(Enumerable.Range(0, 7).OrderByDescending(i => logits[i]), predictions.Select(p => p.Index));
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

    private static Checkpoint MakeSample()
    {
        var spec = NetworkCatalogue.Resolve("shufflenet-v2-x0.5", imageSize: 24, classes: 7, units: [1, 1, 1]);
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, InitialisationKind.He, 6);
        return new(spec, weights, [.. Enumerable.Range(0, 7).Select(i => new DatasetClass($"class {i}", ""))], Normalisation.ImageNet);
    }
}
