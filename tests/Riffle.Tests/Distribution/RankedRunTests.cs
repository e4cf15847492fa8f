using Riffle.Data;
using Riffle.Distillation;
using Riffle.Distribution;
using Riffle.Evaluation;
using Riffle.Models;
using Riffle.Recipes;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Distribution;

/// <summary>A run that ranks share leaves the files of one process, byte for byte.</summary>
public sealed class RankedRunTests : IDisposable
{
    private const int Batch = 40;

    /// <summary>Validation images fill three batches of evaluation, one of them in part.</summary>
    private readonly TinyDataset _data = new(train: 2 * Batch + 7, validation: 300);

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData(OptimiserKind.Nesterov, false)]
    [InlineData(OptimiserKind.Adam, true)]
    public void A_run_gives_the_same_files_on_any_number_of_ranks(OptimiserKind optimiser, bool isSmoothed)
    {
        var recipe = TinyDataset.Recipe(optimiser, epochs: 2) with { Batch = Batch, Augmentation = Augmentation.Full, LabelSmoothing = isSmoothed ? 0.1 : 0 };
        var expected = Run("one", recipe, ranks: 1);
        foreach (var ranks in new[] { 2, 3, 4, 8, 16 })
            Assert.Equal(expected, Run($"of-{ranks}", recipe, ranks));
        Assert.Equal(expected, Run("streamed", recipe, 3, memory: 0));
    }

    [Fact]
    public void A_run_goes_on_with_another_number_of_ranks()
    {
        var recipe = TinyDataset.Recipe(epochs: 2) with { Batch = Batch, Augmentation = Augmentation.Full };
        var expected = Run("one", recipe, ranks: 1);
        foreach (var (stop, before, after) in new[] { (1, 2, 1), (2, 1, 3), (3, 4, 2) })
            Assert.Equal(expected, Run($"stopped-at-{stop}", recipe, before, stop, after));
    }

    [Fact]
    public void A_run_with_soft_labels_gives_the_same_files()
    {
        var recipe = TinyDataset.Recipe(epochs: 3) with { Batch = 32, Augmentation = Augmentation.Full };
        Run("teacher", recipe, ranks: 1);
        var soft = _data.Run("soft");
        Teachers.Teach(soft, [Checkpoint.Load(_data.Run("teacher"))], _data.Open(), recipe.Augmentation, views: 2, seed: 3, threads: 2);
        recipe = recipe with { Distillation = new() { Weight = 0.5 } };
        var expected = Run("one", recipe, ranks: 1, softLabels: soft);
        Assert.Equal(expected, Run("of-2", recipe, ranks: 2, softLabels: soft));
        Assert.Equal(expected, Run("of-3", recipe, ranks: 3, stopAt: 5, ranksAfter: 2, softLabels: soft));
    }

    [Fact]
    public void Teachers_make_the_same_soft_labels_on_any_number_of_ranks()
    {
        var recipe = TinyDataset.Recipe(epochs: 1) with { Batch = 32, Augmentation = Augmentation.Full };
        Run("teacher", recipe, ranks: 1);
        string[] Teach(string name, int count)
        {
            var soft = _data.Run(name);
            InProcessRanks.Run(count, ranks =>
            {
                Model[] teachers = [Checkpoint.Load(_data.Run("teacher"))];
                if (ranks.IsFirst)
                    Teachers.Teach(soft, teachers, _data.Open(), recipe.Augmentation, views: 2, seed: 3, threads: 1, ranks);
                else
                    Teachers.Assist(ranks, teachers, _data.Open(), recipe.Augmentation, views: 2, seed: 3, threads: 1);
                return true;
            });
            return [.. Directory.GetFiles(soft).Order().Select(file => Convert.ToHexString(File.ReadAllBytes(file)))];
        }

        var expected = Teach("soft-1", 1);
        Assert.Equal(expected, Teach("soft-2", 2));
        Assert.Equal(expected, Teach("soft-5", 5));
    }

    [Fact]
    public void A_fine_tuning_that_fits_its_classifier_gives_the_same_files()
    {
        Run("start", TinyDataset.Recipe(epochs: 1) with { Batch = Batch }, ranks: 1);
        var recipe = TinyDataset.Recipe(epochs: 1) with { Batch = Batch, FitClassifier = true };
        using var other = new TinyDataset(train: 2 * Batch, validation: 30, classes: 2);
        string[] Tune(string name, int ranks) => RunIn(other, name, recipe, ranks, from: _data.Run("start"));
        var expected = Tune("one", 1);
        Assert.Equal(expected, Tune("of-2", 2));
        Assert.Equal(expected, Tune("of-5", 5));
    }

    /// <summary>Each rank reads the images of its share, and no others.</summary>
    [Fact]
    public void Ranks_read_their_own_images_alone()
    {
        var reads = InProcessRanks.Run(2, ranks =>
        {
            var codec = new CountingCodec(ImageCodec.Default);
            var recipe = TinyDataset.Recipe(epochs: 1) with { Batch = Batch };
            using var trainer = Trainer.Start(
                Dataset.Open(_data.DataFolder, codec), _data.Spec(), recipe, _data.Run("counted"), new() { Ranks = ranks, Threads = 1 });
            trainer.Run();
            return codec.Decoded;
        });

        // Of each batch of 40 images they have one block and two; of three batches of validation images, one and two. At the end, rank 0 fits the doubt to all of these.
        Assert.Equal([2 * 16 + 128 + 300, 2 * 24 + 172], reads);
    }

    [Theory]
    [InlineData("another seed", "seed")]
    [InlineData("another recipe", "recipe")]
    [InlineData("another network", "network")]
    [InlineData("another data set", "data set")]
    [InlineData("a resume", "task")]
    public void A_rank_that_does_something_else_is_named(string difference, string named)
    {
        using var other = new TinyDataset(train: 2 * Batch, validation: 30, seed: 9);
        Run("begun", TinyDataset.Recipe(epochs: 1) with { Batch = Batch }, ranks: 1);
        var error = Assert.Throws<RiffleException>(() => InProcessRanks.Run<object?>(3, ranks =>
        {
            var differs = ranks.Rank == 2;
            ranks.Introduce($"node{ranks.Rank}");
            if (differs && difference == "a resume")
            {
                using var resumed = Trainer.Resume(_data.Run("begun"), ImageCodec.Default, ranks: ranks);
                return null;
            }

            var recipe = TinyDataset.Recipe(epochs: differs && difference == "another recipe" ? 2 : 1) with { Batch = Batch };
            var data = differs && difference == "another data set" ? other : _data;
            var spec = differs && difference == "another network" ? data.Spec() with { ImageSize = 32 } : data.Spec();
            using var trainer = Trainer.Start(
                data.Open(), spec, recipe, _data.Run("refused"), new() { Ranks = ranks, Threads = 1, Seed = differs && difference == "another seed" ? 4UL : 0 });
            return null;
        }));
        Assert.StartsWith($"rank 2 (node2) has another {named} than rank 0 (node0): ", error.Message);
        Assert.False(Directory.Exists(_data.Run("refused")));
    }

    [Fact]
    public void Evaluation_is_the_same_on_any_number_of_ranks()
    {
        Run("run", TinyDataset.Recipe(epochs: 1) with { Batch = Batch }, ranks: 1);
        var model = Checkpoint.Load(_data.Run("run"));
        (Metrics, int[]) Evaluate(Ranks? ranks)
        {
            var (confusions, mistakes) = (new ConfusionMatrix(model.Classes.Count), RankedImages.Mistakes(8));
            using var evaluator = new Evaluator(
                model.Weights, model.Normalisation, model.Classes, _data.Open(), Split.Validation, isWhole: false, FitKind.Crop, 1, null, null, default, ranks);
            var metrics = evaluator.Run(confusions, calibration: null, [mistakes], progress: null, default);
            int[] shown = ranks is null or { IsFirst: true } ? [.. mistakes.Kept.SelectMany(image => image.Pixels.Select(b => (int)b).Append(image.Number))] : [];
            return (metrics, [.. Enumerable.Range(0, confusions.Classes).Select(c => confusions.Of(c).Right), .. shown]);
        }

        var (expected, counts) = Evaluate(null);
        foreach (var count in new[] { 2, 3, 7 })
        {
            var results = InProcessRanks.Run(count, Evaluate);
            Assert.All(results, result => Assert.Equal(expected, result.Item1));
            Assert.Equal(counts, results[0].Item2);
        }
    }

    private string[] Run(
        string name, Recipe recipe, int ranks, int stopAt = 0, int ranksAfter = 1, string? softLabels = null, long? memory = null) =>
        RunIn(_data, name, recipe, ranks, stopAt, ranksAfter, softLabels, memory);

    private static string[] RunIn(
        TinyDataset data, string name, Recipe recipe, int ranks, int stopAt = 0, int ranksAfter = 1, string? softLabels = null, long? memory = null,
        string? from = null)
    {
        InProcessRanks.Run(ranks, own =>
        {
            using var stop = new CancellationTokenSource();
            using var trainer = Trainer.Start(data.Open(), data.Spec(), recipe, data.Run(name), new()
            {
                Seed = 8,
                Threads = own.Rank % 2 + 1,
                SoftLabels = softLabels,
                ImageMemory = memory,
                Ranks = own,
                From = from is null ? null : FineTuning.Load(from),
            });

            // The last rank that computes images is asked to stop, and no other.
            var asked = stopAt > 0 && own.Rank == Math.Min(own.Count, (recipe.Batch + 15) / 16) - 1;
            Assert.Equal(stopAt == 0, trainer.Run(asked ? new StopAt(stopAt, stop) : null, stop.Token).Completed);
            return true;
        });
        if (stopAt > 0)
        {
            InProcessRanks.Run(ranksAfter, own =>
            {
                using var trainer = Trainer.Resume(data.Run(name), ImageCodec.Default, threads: 1, ranks: own);
                Assert.True(trainer.Run().Completed);
                return true;
            });
        }

        return [.. TinyDataset.ResultFiles.Select(file => Convert.ToHexString(File.ReadAllBytes(Path.Combine(data.Run(name), file))))];
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

    private sealed class CountingCodec(IImageCodec codec) : IImageCodec
    {
        private int _decoded;

        public int Decoded => _decoded;

        public string Formats => codec.Formats;

        public string? FormatOf(ReadOnlySpan<byte> start) => codec.FormatOf(start);

        public RgbImage Decode(ReadOnlySpan<byte> encoded, string name, int? side)
        {
            Interlocked.Increment(ref _decoded);
            return codec.Decode(encoded, name, side);
        }

        public byte[] EncodeJpeg(RgbImage image, int quality) => codec.EncodeJpeg(image, quality);
    }
}
