using Riffle.Data;
using Riffle.Learning;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Tests.Formats;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Learning;

public sealed class LearnerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Run => _folder.PathOf("run");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Few_photos_are_trained_on_cross_validated_and_reported()
    {
        DemoImages.Write(_folder.PathOf("demo"), 10, 1, seed: 1, ImageCodec.Default);
        var photos = Path.Combine(_folder.PathOf("demo"), "train"); // without validation images
        var learner = new Learner(new(photos, Run) { Time = TimeSpan.FromHours(10), Starts = [Start()], Threads = 1 }, ImageCodec.Default);
        var (seen, steps) = (new Seen(), new List<LearningStep>());
        foreach (var step in learner.Steps(seen))
        {
            steps.Add(step);
            Take(step);
        }

        string[] ofFold = [nameof(PreparationStep), nameof(FineTuningStep)];
        Assert.Equal(
            [.. ofFold, nameof(EvaluationStep), .. Enumerable.Repeat(ofFold, 4).SelectMany(names => names), nameof(ReportStep)], steps.Select(step => step.GetType().Name));
        Assert.Equal(8, steps.Count(step => step.IsOfFold));
        Assert.Equal([null, 1, 2, 3, 4], steps.OfType<PreparationStep>().Select(step => step.Fold));
        Assert.All(steps.OfType<FineTuningStep>(), step => Assert.InRange(step.Time, TimeSpan.FromMinutes(1), TimeSpan.FromHours(9)));

        // Every image is judged once, and the run keeps it.
        Assert.Equal(Directory.GetFiles(photos, "*", SearchOption.AllDirectories).Length, seen.Found!.Images);
        var model = Checkpoint.Load(Run);
        Assert.Equal(new(seen.Found.Right, seen.Found.Images), RunResults.Of(Run, model).CrossValidated);

        // All of that is there now, so it is only gone through again.
        var again = new Learner(new(photos, Run) { Starts = [Start()], Time = TimeSpan.FromHours(10) }, ImageCodec.Default).Steps(new Seen()).ToArray();
        Assert.Equal(5, again.OfType<ResumptionStep>().Count());
        Assert.Empty(again.OfType<PreparationStep>());
    }

    [Theory]
    [InlineData(999, "", 0.2, null)]
    [InlineData(1000, "", 0.2, 0.1)]
    [InlineData(1000, "train/", null, null)]
    public void Images_are_set_aside_where_there_are_none_and_enough_are_left(int images, string training, double? validation, double? test)
    {
        for (var i = 0; i < images; i++)
            Write($"{training}{(i % 2 == 0 ? "ant" : "bee")}/{i}.jpg");
        if (training.Length > 0)
        {
            Write("val/ant/a.jpg");
            Write("val/bee/b.jpg");
        }

        var first = Assert.IsType<PreparationStep>(new Learner(new(_folder.PathOf("photos"), Run), ImageCodec.Default).Steps(new Seen()).First());
        Assert.Equal((validation, test), (first.Validation, first.Test));

        void Write(string name)
        {
            var path = Path.Combine(_folder.PathOf("photos"), name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, [0xFF, 0xD8, 0xFF]); // nothing decodes it
        }
    }

    [Fact]
    public void A_run_goes_on_as_it_was_begun()
    {
        using var data = new TinyDataset();
        using (Trainer.Start(data.Open(), data.Spec(), TinyDataset.Recipe(), Run))
        {
        }

        var request = new LearningRequest(data.DataFolder, Run);
        Assert.Equal(Run, Assert.IsType<ResumptionStep>(new Learner(request, ImageCodec.Default).Steps(new Seen()).First()).Run);
        var other = new Learner(request with { Fit = FitKind.Pad }, ImageCodec.Default);
        Error.Names(Assert.ThrowsAny<ArgumentException>(() => other.Steps(new Seen()).First()).Message, Run, "crop", "pad");
    }

    [Fact]
    public void A_run_on_other_photos_is_refused()
    {
        using var data = new TinyDataset();
        var own = Directory.CreateDirectory(Path.Combine(Run, "data")).FullName;
        foreach (var file in Directory.GetFiles(data.DataFolder))
            File.Copy(file, Path.Combine(own, Path.GetFileName(file)));
        Error.Names(Assert.ThrowsAny<ArgumentException>(() => new Learner(new(_folder.PathOf("photos"), Run), ImageCodec.Default)).Message, Run, "photos");
    }

    /// <summary>Weights to start from, which were never trained.</summary>
    private string Start()
    {
        var path = _folder.PathOf("start.safetensors");
        if (File.Exists(path))
            return path;
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 2, units: [1, 1, 1]);
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, Riffle.Recipes.InitialisationKind.He, seed: 1);
        new Checkpoint(spec, weights, [new("a", "a"), new("b", "b")], Normalisation.ImageNet).Save(path);
        return path;
    }

    private static void Take(LearningStep step)
    {
        switch (step)
        {
            case PreparationStep prepare:
                var options = new PreparationOptions { ValidationFraction = prepare.Validation, TestFraction = prepare.Test, Fold = prepare.Fold ?? 0, Seed = prepare.Seed, Threads = 1 };
                Preparation.Run(prepare.Photos, prepare.Data, options, ImageCodec.Default);
                break;
            case FineTuningStep train:
                var (data, from) = (Dataset.Open(train.Data, ImageCodec.Default), FineTuning.Load(train.From));
                using (var trainer = Trainer.Start(
                    data, from.Network(data.Info.Classes.Length, train.ImageSize), train.Recipe with { Epochs = 1 }, train.Run, new() { From = from, Seed = train.Seed, Threads = 1 }))
                {
                    Assert.True(trainer.Run().Completed);
                }

                break;
        }
    }

    private sealed class Seen : ILearningObserver
    {
        public CrossValidation? Found { get; private set; }

        public LearningPlan Compare(Func<IProgress<WorkProgress>, LearningPlan> compare) => compare(new ImmediateProgress(_ => { }));

        public void CrossValidating(int validation)
        {
        }

        public void CrossValidated(CrossValidation found) => Found = found;

        public void Compared(int images, double before, double now)
        {
        }
    }
}
