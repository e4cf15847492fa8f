using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Tests.Training;

public sealed class FineTuningTests : IDisposable
{
    private readonly TinyDataset _data = new();
    private readonly TinyDataset _other = new(train: 64, validation: 20, seed: 4, classes: 2);

    public void Dispose()
    {
        _data.Dispose();
        _other.Dispose();
    }

    [Fact]
    public void Other_classes_get_a_new_classifier_on_the_old_features()
    {
        var before = Train(_data, "first", TinyDataset.Recipe(epochs: 1));
        using var trainer = Start(_other, "second", before, TinyDataset.Recipe(epochs: 1));
        var start = Checkpoint.Read(Last(_other, "second"));
        Assert.Equal((_data.Run("first"), 2), (start.Training!.From, start.Spec.Classes));
        Assert.Equal(["diagonal", "horizontal"], start.Classes.Select(c => c.Name));
        foreach (var p in start.Weights.Network.Parameters.Where(p => !p.Name.StartsWith("fc.", StringComparison.Ordinal)))
            Assert.Equal(before.Weights[p.Name].ToArray(), start.Weights[p.Name].ToArray());
        Assert.NotEqual(before.Weights["fc.weight"][..8].ToArray(), start.Weights["fc.weight"][..8].ToArray());
        Assert.Contains(_data.Run("first"), File.ReadAllText(Path.Combine(_other.Run("second"), "run.json")));
    }

    [Fact]
    public void The_same_classes_keep_their_classifier_and_images_may_have_another_size()
    {
        var before = Train(_data, "first", TinyDataset.Recipe(epochs: 1));
        var from = new FineTuning(_data.Run("first"), before);
        using var trainer = Trainer.Start(_data.Open(), from.Network(3, imageSize: 32), TinyDataset.Recipe(), _data.Run("second"), new() { From = from });
        var start = Checkpoint.Read(Last(_data, "second"));
        Assert.Equal(32, start.Spec.ImageSize);
        Assert.Equal(before.Weights.Trained.ToArray(), start.Weights.Trained.ToArray());
        Assert.Equal(before.Weights.Running.ToArray(), start.Weights.Running.ToArray());
    }

    [Fact]
    public void Another_network_is_refused()
    {
        var from = new FineTuning("there", Train(_data, "first", TinyDataset.Recipe(epochs: 1)));
        var other = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 3, units: [1, 2, 1]);
        var error = Assert.Throws<ArgumentException>(() => Trainer.Start(_data.Open(), other, TinyDataset.Recipe(), _data.Run("second"), new() { From = from }));
        Error.Names(error.Message, "there: ", "shufflenet-v1-g3-x0.25", "units 1,1,1");
    }

    [Theory]
    [InlineData(OptimiserKind.Nesterov)]
    [InlineData(OptimiserKind.Adam)]
    public void Frozen_features_keep_every_bit_while_the_classifier_learns(OptimiserKind optimiser)
    {
        var before = Train(_data, "first", TinyDataset.Recipe(epochs: 4));
        var after = Train(_other, "second", Frozen(optimiser), before);
        foreach (var p in after.Weights.Network.Parameters.Where(p => !p.Name.StartsWith("fc.", StringComparison.Ordinal)))
            Assert.Equal(before.Weights[p.Name].ToArray(), after.Weights[p.Name].ToArray());
        Assert.True(after.Training!.History[^1].Train.Loss < after.Training.History[0].Train.Loss);
        Assert.Contains(after.Weights["fc.bias"].ToArray(), value => value != 0);
    }

    [Fact]
    public void A_frozen_training_is_resumed_to_the_same_bits_with_any_number_of_threads()
    {
        var before = Train(_data, "first", TinyDataset.Recipe(epochs: 1));
        Train(_other, "whole", Frozen(OptimiserKind.Nesterov), before);
        using (var trainer = Start(_other, "stopped", before, Frozen(OptimiserKind.Nesterov)))
        {
            using var stop = new CancellationTokenSource();
            Assert.False(trainer.Run(new StopAfter(3, stop), stop.Token).Completed);
        }

        using (var trainer = Trainer.Resume(_other.Run("stopped"), ImageCodec.Default, threads: 2))
            Assert.True(trainer.Run().Completed);
        Assert.Equal(File.ReadAllBytes(Last(_other, "whole")), File.ReadAllBytes(Last(_other, "stopped")));
    }

    [Fact]
    public void A_new_classifier_is_fitted_before_the_first_step_and_counts_as_epoch_0()
    {
        var before = Train(_data, "first", TinyDataset.Recipe(epochs: 4));
        using var trainer = Start(_other, "second", before, Fitted());
        var (start, best) = (Checkpoint.Read(Last(_other, "second")), Checkpoint.Load(_other.Run("second")));
        var fitted = start.Training!.Fitted!;
        Assert.Equal((0, 0), (fitted.Epoch, best.Training!.TakenAfter));
        Assert.Equal(fitted, best.Training.Measured);
        Assert.Equal(fitted, start.Training.Best);
        Assert.Equal(fitted.Validation.Top1, Evaluator.Evaluate(best, _other.Open()).Top1, 1e-9);
        Assert.True(fitted.Train.Top1 > 70, $"cross-validated: {fitted.Train.Top1}");

        // Features are as they were, but for the statistics that training goes on from.
        foreach (var p in best.Weights.Network.Parameters.Where(p => !p.Name.StartsWith("fc.", StringComparison.Ordinal)))
        {
            Assert.Equal(before.Weights[p.Name].ToArray(), best.Weights[p.Name].ToArray());
            Assert.Equal(p.IsTrained, before.Weights[p.Name].SequenceEqual(start.Weights[p.Name]));
        }

        Assert.True(trainer.Run().Completed);
        Assert.True(TrainingRecord.Rank(trainer.Training.Best!.Validation).CompareTo(TrainingRecord.Rank(fitted.Validation)) >= 0);
    }

    [Fact]
    public void A_fitted_classifier_has_the_same_bits_for_any_number_of_threads_and_after_an_interruption()
    {
        var before = Train(_data, "first", TinyDataset.Recipe(epochs: 2));
        Train(_other, "one", Fitted(), before);
        Train(_other, "three", Fitted(), before, threads: 3);
        using (var trainer = Start(_other, "stopped", before, Fitted()))
        {
            using var stop = new CancellationTokenSource();
            Assert.False(trainer.Run(new StopAfter(3, stop), stop.Token).Completed);
        }

        using (var trainer = Trainer.Resume(_other.Run("stopped"), ImageCodec.Default, threads: 2))
            Assert.True(trainer.Run().Completed);
        Assert.Equal(File.ReadAllBytes(Last(_other, "one")), File.ReadAllBytes(Last(_other, "three")));
        Assert.Equal(File.ReadAllBytes(Last(_other, "one")), File.ReadAllBytes(Last(_other, "stopped")));
    }

    [Fact]
    public void A_training_ends_early_after_epochs_without_gain()
    {
        var recipe = TinyDataset.Recipe(epochs: 50);
        recipe = recipe with { Schedule = recipe.Schedule with { StopAfter = 2 } };
        var training = Train(_data, "first", recipe).Training!;
        Assert.True(training.IsFinished);
        Assert.InRange(training.History.Length, 3, 49);
        Assert.All(training.History[^2..], epoch => Assert.True(epoch.Validation.Top1 <= training.Best!.Validation.Top1));
        Assert.Equal(training.History.Length - 2, training.History.First(epoch => epoch.Validation.Top1 == training.Best!.Validation.Top1).Epoch);
    }

    private static Recipe Fitted() => TinyDataset.Recipe(epochs: 2) with { FitClassifier = true };

    private static Recipe Frozen(OptimiserKind optimiser) => TinyDataset.Recipe(optimiser, epochs: 3) with { FreezeFeatures = true, LabelSmoothing = 0 };

    private static string Last(TinyDataset data, string run) => Path.Combine(data.Run(run), "checkpoints", "last.safetensors");

    private Trainer Start(TinyDataset data, string run, Checkpoint? from, Recipe recipe, int threads = 1)
    {
        var start = from is null ? null : new FineTuning(_data.Run("first"), from);
        var network = start?.Network(data.Open().Info.Classes.Length) ?? data.Spec();
        return Trainer.Start(data.Open(), network, recipe, data.Run(run), new() { Seed = 3, Threads = threads, From = start });
    }

    /// <summary>The run's last checkpoint.</summary>
    private Checkpoint Train(TinyDataset data, string run, Recipe recipe, Checkpoint? from = null, int threads = 1)
    {
        using (var trainer = Start(data, run, from, recipe, threads))
            Assert.True(trainer.Run().Completed);
        return Checkpoint.Read(Last(data, run));
    }

    private sealed class StopAfter(int steps, CancellationTokenSource stop) : ITrainingObserver
    {
        private int _steps;

        public void Stepped(in TrainingPlace place)
        {
            if (++_steps == steps)
                stop.Cancel();
        }
    }
}
