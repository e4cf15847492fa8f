using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Training;

namespace Riffle.Tests.Training;

public sealed class SoftmaxRegressionTests
{
    /// <summary>At the optimum of a convex cost its gradient is zero. It is computed here from its formula, over features as they are.</summary>
    [Theory]
    [InlineData(40, 3, 2, 0.1)]
    [InlineData(130, 7, 3, 0.01)]
    [InlineData(257, 16, 5, 0.3)]
    public void The_cost_is_least(int images, int width, int classes, double decay)
    {
        var features = Table(images, width, classes, seed: 1);
        var all = Enumerable.Range(0, images).ToArray();
        var (kernel, bias) = SoftmaxRegression.Fit(features, all, classes, decay, threads: 1, CancellationToken.None);
        var variance = Enumerable.Range(0, width).Average(f => all.Select(i => (double)features[i][f]).ToArray() is var column
            ? column.Sum(x => Math.Pow(x - column.Average(), 2)) / images : 0);
        for (var c = 0; c < classes; c++)
        {
            var gradients = new double[width + 1];
            foreach (var i in all)
            {
                var logits = Enumerable.Range(0, classes).Select(k => Logit(features, kernel, bias, i, k)).ToArray();
                var error = Math.Exp(logits[c]) / logits.Sum(Math.Exp) - (features.Labels[i] == c ? 1 : 0);
                for (var f = 0; f < width; f++)
                    gradients[f] += error * features[i][f] / images;
                gradients[width] += error / images;
            }

            // Weights of features that were divided by the common deviation are larger by it, and L2 is on those.
            for (var f = 0; f < width; f++)
                Assert.Equal(0, gradients[f] + decay * variance * kernel[c * width + f], 2e-3);
            Assert.Equal(0, gradients[width], 2e-3);
        }
    }

    [Fact]
    public void Threads_change_no_bit()
    {
        var features = Table(300, 20, 4, seed: 2);
        var all = Enumerable.Range(0, 300).ToArray();
        var (one, four) = (SoftmaxRegression.Fit(features, all, 4, 0.01, 1, CancellationToken.None), SoftmaxRegression.Fit(features, all, 4, 0.01, 4, CancellationToken.None));
        Assert.Equal(one.Kernel, four.Kernel);
        Assert.Equal(one.Bias, four.Bias);
    }

    [Fact]
    public void Features_that_never_vary_and_classes_without_images_do_no_harm()
    {
        var features = new FeatureTable(2, [1, 5, 1, 5, 1, 5], [0, 0, 1]);
        var (kernel, bias) = SoftmaxRegression.Fit(features, [0, 1, 2], classes: 3, 0.1, 1, CancellationToken.None);
        Assert.All(kernel.Concat(bias), value => Assert.True(float.IsFinite(value)));
        Assert.True(bias[0] + 0.1 > bias[1] && bias[1] > bias[2]);
    }

    [Fact]
    public void Cross_validation_judges_images_that_were_not_fitted()
    {
        // Labels that have nothing to do with the features can be learnt by heart, but not told of other images.
        var random = Random64.Create(5, 0, 0);
        var values = Enumerable.Range(0, 200 * 150).Select(_ => random.NextGaussian()).ToArray();
        var guessing = new FeatureTable(150, values, [.. Enumerable.Range(0, 200).Select(_ => (int)(random.NextFloat() * 2))]);
        Assert.InRange(ClassifierFit.CrossValidate(guessing, 2, 1).Measured.Top1, 30, 70);
        Assert.InRange(ClassifierFit.CrossValidate(Table(200, 10, 3, seed: 3), 3, 1).Measured.Top1, 85, 100);
    }

    /// <summary>Gaussian clouds, one for each class.</summary>
    private static FeatureTable Table(int images, int width, int classes, ulong seed)
    {
        var random = Random64.Create(seed, 0, 0);
        var labels = Enumerable.Range(0, images).Select(i => i % classes).ToArray();
        var values = new float[images * width];
        for (var i = 0; i < values.Length; i++)
            values[i] = random.NextGaussian() + (i % width % classes == labels[i / width] ? 2 : 0) + i % width;
        return new(width, values, labels);
    }

    private static double Logit(FeatureTable features, float[] kernel, float[] bias, int image, int c)
    {
        double sum = bias[c];
        for (var f = 0; f < features.Width; f++)
            sum += (double)kernel[c * features.Width + f] * features[image][f];
        return sum;
    }
}
