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

    private static Recipe Frozen(OptimiserKind optimiser) => TinyDataset.Recipe(optimiser, epochs: 3) with { FreezeFeatures = true, LabelSmoothing = 0 };

    private static string Last(TinyDataset data, string run) => Path.Combine(data.Run(run), "checkpoints", "last.safetensors");

    private Trainer Start(TinyDataset data, string run, Checkpoint? from, Recipe recipe)
    {
        var start = from is null ? null : new FineTuning(_data.Run("first"), from);
        var network = start?.Network(data.Open().Info.Classes.Length) ?? data.Spec();
        return Trainer.Start(data.Open(), network, recipe, data.Run(run), new() { Seed = 3, Threads = 1, From = start });
    }

    /// <summary>The run's last checkpoint.</summary>
    private Checkpoint Train(TinyDataset data, string run, Recipe recipe, Checkpoint? from = null)
    {
        using (var trainer = Start(data, run, from, recipe))
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
