using Riffle.Data;
using Riffle.Distillation;
using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Simd;
using Riffle.Tests.Kernels;
using Riffle.Tests.Networks;
using Riffle.Training;

namespace Riffle.Tests.Training;

/// <summary>The same seed gives the same bits: for any number of threads, once more, and after an interruption anywhere; with every augmentation on.</summary>
public sealed class SameBitsTests : IDisposable
{
    private const int Size = 18, Steps = 2;

    /// <summary>Eight blocks of sixteen images, so that eight threads have one each, and a rest.</summary>
    private const int Batch = 120;

    private readonly TinyDataset _data = new(train: 2 * Batch, validation: 20);

    public static TheoryData<string, string> FamiliesAtEachWidth => VectorWidths.With(SmallNetworks.Names);

    public void Dispose() => _data.Dispose();

    /// <summary>Forward, backward and optimiser on augmented batches of an epoch, at every width, emulated where the machine lacks one.</summary>
    [Theory]
    [MemberData(nameof(FamiliesAtEachWidth))]
    public void Each_family_gives_the_same_bits_at_each_width(string width, string family)
    {
        var level = VectorWidths.Count(width);
        var one = Train(family, level, threads: 1);
        Assert.All(one, value => Assert.True(float.IsFinite(value)));
        Assert.Equal(one, Train(family, level, threads: 1));
        foreach (var threads in new[] { 2, 3, 8 })
            Assert.Equal(one, Train(family, level, threads));
        for (var stop = 1; stop < Steps; stop++)
            Assert.Equal(one, Train(family, level, threads: 2, stop));
    }

    /// <summary>The whole of it: run folders with their metrics and checkpoints, from images in memory and from images read anew.</summary>
    [Theory]
    [InlineData(OptimiserKind.Nesterov)]
    [InlineData(OptimiserKind.Adam)]
    public void A_run_with_every_augmentation_gives_the_same_files(OptimiserKind optimiser)
    {
        var recipe = TinyDataset.Recipe(optimiser, epochs: 2) with { Batch = Batch, Augmentation = Augmentation.Full };
        var expected = Run("one", recipe, threads: 1);
        Assert.Equal(expected, Run("again", recipe, threads: 1));
        foreach (var threads in new[] { 2, 3, 8 })
            Assert.Equal(expected, Run($"of-{threads}", recipe, threads));
        for (var step = 1; step < 4; step++)
            Assert.Equal(expected, Run($"stopped-at-{step}", recipe, threads: 3, stopAt: step));
        foreach (var threads in new[] { 1, 2, 8 })
            Assert.Equal(expected, Run($"streamed-by-{threads}", recipe, threads, memory: 0));
        for (var step = 1; step < 4; step++)
        {
            Assert.Equal(expected, Run($"streamed-until-{step}", recipe, threads: 2, step, memory: 0));
            Assert.Equal(expected, Run($"streamed-from-{step}", recipe, threads: 2, step, memory: null, memoryAfter: 0));
        }

        Assert.NotEqual(expected, Run("plain", recipe with { Augmentation = Augmentation.None }, threads: 1));
    }

    [Fact]
    public void A_run_with_soft_labels_gives_the_same_files_from_memory_and_from_disk()
    {
        var recipe = TinyDataset.Recipe(epochs: 3) with { Batch = 32, Augmentation = Augmentation.Full };
        Run("teacher", recipe, threads: 2);
        var soft = _data.Run("soft");
        Teachers.Teach(soft, [Checkpoint.Load(_data.Run("teacher"))], _data.Open(), recipe.Augmentation, views: 2, seed: 3, threads: 2);
        recipe = recipe with { Distillation = new() { Weight = 0.5 } };
        var expected = Run("memory", recipe, threads: 2, softLabels: soft);
        Assert.Equal(expected, Run("disk", recipe, threads: 3, memory: 0, softLabels: soft));
        Assert.Equal(expected, Run("disk-then-memory", recipe, threads: 2, stopAt: 5, memory: 0, softLabels: soft));
        Assert.Equal(expected, Run("memory-then-disk", recipe, threads: 2, stopAt: 11, memory: null, memoryAfter: 0, softLabels: soft));
        Assert.NotEqual(expected, Run("unlabelled", recipe, threads: 2));
    }

    private float[] Train(string family, VectorLevel level, int threads, int stop = 0)
    {
        var units = family.StartsWith("mobile", StringComparison.Ordinal) ? null : (int[])[1, 1, 1];
        var weights = new Weights(NetworkCatalogue.Build(NetworkCatalogue.Resolve(family, imageSize: Size, classes: 3, units: units)));
        Initialisation.Fill(weights, InitialisationKind.He, seed: 5);
        var optimiser = new Optimiser(weights, OptimiserKind.Nesterov, 0.9f, 1e-4f);
        Continue(weights, optimiser, level, threads, 0, stop == 0 ? Steps : stop);

        // Another process goes on: all that it has are the numbers, a new plan and a new loader.
        if (stop > 0)
            Continue(weights, optimiser, level, threads, stop, Steps);
        return [.. weights.Trained, .. weights.Running, .. optimiser.State[0].Values];
    }

    private void Continue(Weights weights, Optimiser optimiser, VectorLevel level, int threads, int from, int to)
    {
        using var plan = new TrainingPlan(weights, Batch, threads, level);
        Assert.Equal(threads, plan.Threads);
        using var loader = new BatchLoader(_data.Open(), Split.Train, Size, Batch, Augmentation.Full, shuffle: true, dropLast: true, seed: 5, threads);
        for (var step = from; step < to; step++)
        {
            if (step == from || step % loader.BatchesPerEpoch == 0)
                loader.StartEpoch(step / loader.BatchesPerEpoch, step % loader.BatchesPerEpoch);
            Assert.True(loader.TryNext(out var batch));
            plan.Step(batch.Pixels, batch.Labels, Normalisation.ImageNet, 0.1f);
            optimiser.Apply(weights.Trained, plan.Gradients, 0.02, step);
        }
    }

    /// <summary>The files of a run; <paramref name="memory"/> is what decoded images may take, null: enough for all of them.</summary>
    private string[] Run(
        string name, Recipe recipe, int threads, int stopAt = 0, long? memory = null, long? memoryAfter = null, string? softLabels = null)
    {
        using var stop = new CancellationTokenSource();
        using (var trainer = Trainer.Start(
            _data.Open(), _data.Spec(), recipe, _data.Run(name), new() { Seed = 8, Threads = threads, SoftLabels = softLabels, ImageMemory = memory }))
            Assert.Equal(stopAt == 0, trainer.Run(stopAt == 0 ? null : new StopAt(stopAt, stop), stop.Token).Completed);
        if (stopAt > 0)
        {
            using var trainer = Trainer.Resume(_data.Run(name), ImageCodec.Default, threads: 1, imageMemory: memoryAfter);
            Assert.True(trainer.Run().Completed);
        }

        return [.. TinyDataset.ResultFiles.Select(file => Convert.ToHexString(File.ReadAllBytes(Path.Combine(_data.Run(name), file))))];
    }

    private sealed class StopAt(int step, CancellationTokenSource stop) : ITrainingObserver
    {
        private int _steps;

        public void Stepped(in TrainingPlace place)
        {
            if (++_steps == step)
                stop.Cancel();
        }
    }
}
