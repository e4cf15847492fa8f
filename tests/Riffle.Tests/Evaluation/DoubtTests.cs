using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Evaluation;

public sealed class DoubtTests
{
    private const int Classes = 3, Features = 20;

    /// <summary>Labels drawn from the probabilities of known logits, which are then multiplied: the temperature is the factor.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(3)]
    public void The_temperature_undoes_what_makes_a_network_too_sure(double factor)
    {
        var random = new Random(1);
        var fit = new DoubtFit(Classes, 4000);
        for (var i = 0; i < 4000; i++)
        {
            var logits = Enumerable.Range(0, Classes).Select(_ => 3 * random.NextSingle()).ToArray();
            var shares = logits.Select(logit => Math.Exp(logit)).ToArray();
            var place = random.NextDouble() * shares.Sum();
            var label = Enumerable.Range(0, Classes).First(c => (place -= shares[c]) < 0 || c == Classes - 1);
            fit.Add(label, [.. logits.Select(logit => (float)(logit * factor))], []);
        }

        var doubt = fit.Fit();
        Assert.InRange(doubt.Temperature, 0.93 * factor, 1.07 * factor);
        Assert.Null(doubt.Threshold);
        Assert.InRange(fit.Check().CalibrationError!.Value, 0, 0.03);
    }

    [Fact]
    public void A_network_that_is_always_right_is_not_made_certain()
    {
        var fit = new DoubtFit(Classes, 200);
        for (var i = 0; i < 200; i++)
            fit.Add(i % Classes, [.. Enumerable.Range(0, Classes).Select(c => c == i % Classes ? 5f : 0)], []);
        var likeliest = 1 / (1 + 2 * Math.Exp(-5 / fit.Fit().Temperature));
        Assert.InRange(likeliest, 0.99, 0.999);
    }

    [Fact]
    public void The_threshold_keeps_95_percent_of_new_images_and_turns_others_away()
    {
        var random = new Random(2);
        var centres = Enumerable.Range(0, Classes + 1).Select(_ => Enumerable.Range(0, Features).Select(_ => random.NextSingle()).ToArray()).ToArray();
        float[] Near(int centre) => [.. centres[centre].Select(value => value + 0.1f * (random.NextSingle() - 0.5f))];
        var fit = new DoubtFit(Classes, 900);
        for (var i = 0; i < 900; i++)
            fit.Add(i % Classes, [.. Enumerable.Range(0, Classes).Select(c => c == i % Classes ? 5f : 0)], Near(i % Classes));
        var doubt = fit.Fit();

        int Rejected(int centre) => Enumerable.Range(0, 1000).Count(_ => doubt.Judge(1, doubt.Familiarity(Near(centre))) == Verdict.NoneOfTheClasses);
        Assert.InRange(Rejected(0) + Rejected(1) + Rejected(2), 50, 250);
        Assert.Equal(1000, Rejected(Classes));
        Assert.InRange(fit.Check().Kept!.Value, 0.92, 0.98);
        Assert.Equal((Verdict.Sure, Verdict.NotSure), (doubt.Judge(0.5f, 1), doubt.Judge(0.49f, 1)));
    }

    [Theory]
    [InlineData(DoubtFit.FewestImages - 1, false, false)]
    [InlineData(DoubtFit.FewestImages, true, true)]
    public void Too_few_images_are_said_to_be_too_few(int images, bool hasTemperature, bool hasThreshold)
    {
        var (random, fit) = (new Random(3), new DoubtFit(Classes, images));
        for (var i = 0; i < images; i++)
            fit.Add(i % Classes, [9, 1, 0], [.. Enumerable.Range(0, Features).Select(_ => random.NextSingle())]);
        var doubt = fit.Fit();
        Assert.Equal((hasTemperature, hasThreshold, !hasThreshold), (doubt.Temperature != 1, doubt.Threshold is not null, fit.Shortage is not null));
    }

    [Fact]
    public void A_class_without_images_leaves_no_threshold()
    {
        var fit = new DoubtFit(Classes, 200);
        for (var i = 0; i < 200; i++)
            fit.Add(i % 2, [1, 2, 0], [1, 2, i]);
        Assert.Null(fit.Fit().Threshold);
        Assert.Contains("a class", fit.Shortage, StringComparison.Ordinal);
    }

    /// <summary>The oracle is the same network with a row of the unit matrix for each feature in its last layer.</summary>
    [Theory]
    [InlineData("shufflenet-v1-g3-x0.25", 1)]
    [InlineData("shufflenet-v1-g3-x0.25", 16)]
    [InlineData("shufflenet-v2-x0.5", 1)]
    [InlineData("mobilenet-v3-small-x1.0", 17)]
    public void Features_are_what_the_last_layer_reads_and_logits_stay_the_same_bits(string name, int images)
    {
        var spec = NetworkCatalogue.Resolve(name, imageSize: 32, classes: Classes);
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, InitialisationKind.He, 1);
        using var plan = new InferencePlan(weights, images, 1);
        var last = weights.Network.Layers[^1].Parameters;
        Assert.Equal(last[0].Shape[1], plan.Features);

        var large = new Weights(NetworkCatalogue.Build(spec with { Classes = Classes + plan.Features }));
        foreach (var parameter in large.Network.Parameters)
            weights[parameter.Name].CopyTo(large[parameter.Name]);
        for (var i = 0; i < plan.Features; i++)
            large[last[0].Name][((Classes + i) * plan.Features) + i] = 1;
        using var oracle = new InferencePlan(large, images, 1);

        var pixels = new byte[images * 32 * 32 * 3];
        new Random(4).NextBytes(pixels);
        float[] logits = new float[images * Classes], plain = new float[images * Classes], features = new float[images * plan.Features], all = new float[images * (Classes + plan.Features)];
        plan.Run(pixels, images, Normalisation.ImageNet, logits, features);
        plan.Run(pixels, images, Normalisation.ImageNet, plain);
        oracle.Run(pixels, images, Normalisation.ImageNet, all);
        Assert.Equal(plain, logits);
        for (var i = 0; i < images; i++)
            Assert.Equal(all[(i * (Classes + plan.Features) + Classes)..((i + 1) * (Classes + plan.Features))], features[(i * plan.Features)..((i + 1) * plan.Features)]);
    }

    [Fact]
    public void A_doubt_is_kept_in_checkpoints_and_ONNX_files_and_changes_no_weight()
    {
        using var folder = new TemporaryFolder();
        var (file, onnx) = (folder.PathOf("a.safetensors"), folder.PathOf("a.onnx"));
        var spec = NetworkCatalogue.Resolve("shufflenet-v2-x0.5", imageSize: 32, classes: Classes);
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, InitialisationKind.He, 1);
        var checkpoint = new Checkpoint(spec, weights, [.. Enumerable.Range(0, Classes).Select(i => new DatasetClass($"{i}", ""))], Normalisation.ImageNet);
        checkpoint.Save(file);
        Assert.Null(Checkpoint.Load(file).Doubt);

        var means = new byte[Classes * 1024];
        new Random(5).NextBytes(means);
        Checkpoint.Store(file, new(1.25f, 0.75f, means, Classes));
        OnnxFile.Write(Checkpoint.Load(file), onnx);
        foreach (var model in (Model[])[Checkpoint.Load(file), Model.Open(onnx)])
        {
            Assert.Equal((1.25f, 0.75f), (model.Doubt!.Temperature, model.Doubt.Threshold));
            Assert.Equal(means, model.Doubt.ClassMeans);
            using var classifier = new Classifier(model);
            Assert.NotNull(classifier.Classify(new byte[32 * 32 * 3], 32, 32).Verdict);
        }

        Assert.Equal(checkpoint.Fingerprint(), Checkpoint.Load(file).Fingerprint());
        Checkpoint.Store(file, new(1, 0.75f, means[..(Classes * 8)], Classes));
        Assert.Throws<BadDataException>(() => Classifier.Load(file));
    }

    [Fact]
    public void A_finished_training_leaves_two_models_with_a_doubt()
    {
        using var data = new Riffle.Tests.Training.TinyDataset(train: 12, validation: 120);
        using (var trainer = Trainer.Start(data.Open(), data.Spec(), Recipe.Best with { Epochs = 2, Batch = 6 }, data.Run("run"), new() { Threads = 1 }))
            trainer.Run();
        foreach (var name in (string[])["best", "last"])
        {
            var file = Path.Combine(data.Run("run"), "checkpoints", $"{name}.safetensors");
            var stored = Checkpoint.Load(file);
            Assert.NotNull(stored.Doubt?.Threshold);
            var fit = new DoubtFit(stored.Classes.Count, 120);
            Evaluator.Evaluate(stored, data.Open(), threads: 2, doubt: fit);
            Assert.Equal((stored.Doubt.Temperature, stored.Doubt.Threshold), (fit.Fit().Temperature, fit.Fit().Threshold));
            Assert.Equal(stored.Doubt.ClassMeans, fit.Fit().ClassMeans);
        }
    }
}
