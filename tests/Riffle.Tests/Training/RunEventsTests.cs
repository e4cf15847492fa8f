using System.Diagnostics;
using System.Runtime.InteropServices;
using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Formats.Protos;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Tests.Training;

/// <summary>What TensorBoard finds in a run folder.</summary>
public sealed class RunEventsTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string[] Epochs = ["epoch_loss", "epoch_accuracy", "epoch_top_5_accuracy"];

    private readonly TinyDataset _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public void A_run_writes_what_Keras_writes_under_the_same_names()
    {
        var recipe = TinyDataset.Recipe(epochs: 2);
        using (var trainer = Start(recipe))
            trainer.Run();
        var history = Checkpoint.Read(Path.Combine(_data.Run("run"), "checkpoints", "last.safetensors")).Training!.History;
        var (train, validation) = (Values("train"), Values("validation"));
        foreach (var (values, of) in new[] { (train, (Func<EpochMetrics, Metrics>)(epoch => epoch.Train)), (validation, epoch => epoch.Validation) })
        {
            Assert.Equal(history.Select(epoch => (float)of(epoch).Loss), Scalars(values, "epoch_loss"));
            Assert.Equal(history.Select(epoch => (float)(of(epoch).Top1 / 100)), Scalars(values, "epoch_accuracy"));
            Assert.All(Epochs, tag => Assert.Equal([1L, 2L], values.Where(v => v.Tag == tag).Select(v => v.Step)));
        }

        Assert.Equal([1L, 2L], train.Where(v => v.Tag == "epoch_learning_rate").Select(v => v.Step));
        Assert.Equal([1L, 2L, 3L, 4L], train.Where(v => v.Tag == "batch_loss").Select(v => v.Step));
        Assert.Equal(Scalars(train, "epoch_loss")[0], Scalars(train, "batch_loss")[..2].Average(), 1e-5f);

        // What the study notes after each batch: here two of 32 images make an epoch.
        Assert.Equal([1L, 2L, 3L, 4L], train.Where(v => v.Tag == "batch_accuracy").Select(v => v.Step));
        Assert.Equal(Scalars(train, "epoch_accuracy")[0], Scalars(train, "batch_accuracy")[..2].Average(), 1e-5f);
        Assert.Equal(history.Select(epoch => (float)epoch.Cost!.Value), Scalars(train, "epoch_cost"));
        Assert.All(Scalars(train, "batch_cost").Zip(Scalars(train, "batch_loss")), pair => Assert.True(pair.First > pair.Second));

        // Two for each kernel, and every value of it is counted.
        var weights = Checkpoint.Load(_data.Run("run")).Weights;
        foreach (var p in weights.Network.Parameters.Where(p => p.Name.EndsWith("0.weight", StringComparison.Ordinal)))
        {
            var histograms = train.Where(v => v.Tag == p.Name + "/histogram").ToArray();
            Assert.Equal([1L, 2L], histograms.Select(v => v.Step));
            Assert.All(histograms, h => Assert.Equal(p.Count, Count(h.Value)));
        }

        Assert.Contains(validation, v => v.Tag == "misclassified");
        var session = Values(".").Single(v => v.Tag == "_hparams_/session_start_info").Value;
        var hyper = HParamsPluginData.Parser.ParseFrom(session.Metadata.PluginData.Content).SessionStartInfo.Hparams;
        Assert.Equal((0.05, 32.0, "plateau", "shufflenet-v1-g3-x0.25", false),
            (hyper["schedule.learning_rate"].NumberValue, hyper["batch"].NumberValue, hyper["schedule.kind"].StringValue, hyper["network"].StringValue,
                hyper["freeze_features"].BoolValue));
        Assert.Contains(Values("."), v => v.Tag == "_hparams_/session_end_info");
    }

    [Fact]
    public void Mistakes_are_shown_with_their_classes_the_surest_first()
    {
        var mistakes = RankedImages.Mistakes(2);
        mistakes.Add([0, 1, 0], 0, 0, [1]);
        mistakes.Add([0, 9, 0], 1, 0, [2]); // right
        mistakes.Add([0, 0, 5], 0, 0, [3]);
        mistakes.Add([0, 0, 5], 1, 0, [4]);
        mistakes.Add([3, 0, 0], 1, 0, [5]);
        Assert.Equal([(0, 2, (byte)3), (1, 2, (byte)4)], mistakes.Kept.Select(m => (m.Label, m.Guess, m.Pixels[0])));
        Assert.Equal(Math.Exp(5) / (Math.Exp(5) + 2), mistakes.Kept[0].Probability, 1e-6);

        using (var trainer = Start(TinyDataset.Recipe(epochs: 1)))
            trainer.Run();
        var images = Values("validation").Single(v => v.Tag == "misclassified").Value;
        var text = Values("validation").Single(v => v.Tag == "misclassified_classes").Value;
        var parts = images.Tensor.StringVal;
        Assert.Equal(("24", "24", RunEvents.Mistakes + 2L), (parts[0].ToStringUtf8(), parts[1].ToStringUtf8(), images.Tensor.TensorShape.Dim.Single().Size));
        Assert.Equal((24, 24), ImageDecoder.Decode(parts[2].Span, "mistake") is var image ? (image.Width, image.Height) : default);
        Assert.Equal(RunEvents.Mistakes + 2, text.Tensor.StringVal.Single().ToStringUtf8().TrimEnd().Split('\n').Length);
    }

    [Fact]
    public void A_resume_neither_repeats_nor_loses_an_epoch_or_a_step()
    {
        var recipe = TinyDataset.Recipe(epochs: 4);

        // A crash after events that no checkpoint knows: steps of the third epoch, and, put there by hand, the third epoch itself.
        using (var trainer = Start(recipe))
        {
            trainer.CheckpointInterval = TimeSpan.FromDays(1);
            Assert.Throws<InvalidOperationException>(() => trainer.Run(new Crash(epoch: 3, step: 2)));
        }

        foreach (var split in new[] { "train", "validation" })
        {
            using var writer = new EventFileWriter(Path.Combine(_data.Run("run"), split));
            writer.Scalar("epoch_loss", 3, 77, 1);
            writer.Scalar("batch_loss", 6, 77, 1);
        }

        // A power cut that took the end of one file, and another one whole.
        var train = Directory.GetFiles(Path.Combine(_data.Run("run"), "train")).Order(StringComparer.Ordinal).First();
        File.WriteAllBytes(train, File.ReadAllBytes(train)[..^7]);
        File.Delete(Directory.GetFiles(Path.Combine(_data.Run("run"), "validation")).Order(StringComparer.Ordinal).First());

        using (var trainer = Trainer.Resume(_data.Run("run"), ImageCodec.Default))
            trainer.Run();
        foreach (var split in new[] { "train", "validation" })
        {
            var values = Values(split);
            Assert.Equal([1L, 2L, 3L, 4L], values.Where(v => v.Tag == "epoch_loss").Select(v => v.Step).Order());
            Assert.DoesNotContain(values, v => EventValues.ScalarOf(v.Value) == 77);
        }

        Assert.Equal(Enumerable.Range(1, 8).Select(step => (long)step), Values("train").Where(v => v.Tag == "batch_loss").Select(v => v.Step).Order());
        Assert.Single(Values("."), v => v.Tag == "_hparams_/session_start_info");
        Assert.Single(Values("."), v => v.Tag == "_hparams_/session_end_info");
    }

    [Fact]
    public void A_training_that_was_stopped_has_written_all_its_steps()
    {
        using var stop = new CancellationTokenSource();
        using (var trainer = Start(TinyDataset.Recipe(epochs: 4)))
            Assert.False(trainer.Run(new Stop(epoch: 3, step: 1, stop), stop.Token).Completed);
        Assert.Equal([1L, 2L, 3L, 4L, 5L], Values("train").Where(v => v.Tag == "batch_loss").Select(v => v.Step));
        using (var trainer = Trainer.Resume(_data.Run("run"), ImageCodec.Default))
            trainer.Run();
        Assert.Equal(Enumerable.Range(1, 8).Select(step => (long)step), Values("train").Where(v => v.Tag == "batch_loss").Select(v => v.Step).Order());
    }

    [Fact]
    public void An_epoch_of_a_large_network_costs_little()
    {
        var spec = NetworkCatalogue.Resolve("shufflenet-v2-x1.0", Preset.ImageNet, classes: 3);
        var weights = new Weights(NetworkCatalogue.Build(spec));
        Initialisation.Fill(weights, InitialisationKind.He, 1);
        var mistakes = RankedImages.Mistakes(RunEvents.Mistakes);
        var pixels = new byte[224 * 224 * 3];
        new Random(1).NextBytes(pixels);
        for (var i = 0; i < RunEvents.Mistakes; i++)
            mistakes.Add([0, i, 0], 2, 0, pixels);
        using (var events = new RunEvents(_data.Run("run"), spec, _data.Open().Info.Classes, ImageCodec.Default))
        {
            foreach (var epoch in new[] { 1, 2, 3 })
            {
                var clock = Stopwatch.StartNew();
                events.Epoch(new(new(epoch, 0.1, default(Tally).Mean(), default(Tally).Mean()), true, default, 0, default), weights, mistakes.Kept);
                output.WriteLine($"epoch {epoch}: {clock.Elapsed.TotalMilliseconds:0.0} ms");
            }
        }

        var bytes = Directory.GetFiles(_data.Run("run"), "events.*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
        output.WriteLine($"{bytes / 3:N0} bytes an epoch");
        Assert.InRange(bytes / 3, 100_000, 1_000_000); // of which images of noise take by far the most
    }

    [Fact]
    public void Events_can_be_read_while_training_runs()
    {
        var watch = new Reader(() => Values("train").Count(v => v.Tag == "epoch_loss"));
        using (var trainer = Start(TinyDataset.Recipe(epochs: 3)))
            trainer.Run(watch);
        Assert.Equal([1, 2, 3], watch.Seen);
    }

    private Trainer Start(Recipe recipe) => Trainer.Start(_data.Open(), _data.Spec(), recipe, _data.Run("run"), new() { Seed = 3, Threads = 1 });

    private List<(string Tag, long Step, Summary.Types.Value Value)> Values(string folder) =>
    [
        .. Directory.GetFiles(Path.Combine(_data.Run("run"), folder), "events.out.tfevents.*").Order(StringComparer.Ordinal)
            .SelectMany(EventFile.Read).Where(e => e.Summary is not null)
            .SelectMany(e => e.Summary.Value.Select(value => (value.Tag, e.Step, value))),
    ];

    private static float[] Scalars(IEnumerable<(string Tag, long Step, Summary.Types.Value Value)> values, string tag) =>
        [.. values.Where(v => v.Tag == tag).Select(v => EventValues.ScalarOf(v.Value)!.Value)];

    private static double Count(Summary.Types.Value histogram) =>
        MemoryMarshal.Cast<byte, double>(histogram.Tensor.TensorContent.Span).ToArray().Chunk(3).Sum(row => row[2]);

    private sealed class Crash(int epoch, int step) : ITrainingObserver
    {
        public void Stepped(in TrainingPlace place)
        {
            if (place.Epoch == epoch && place.Step == step)
                throw new InvalidOperationException("crash");
        }
    }

    private sealed class Stop(int epoch, int step, CancellationTokenSource source) : ITrainingObserver
    {
        public void Stepped(in TrainingPlace place)
        {
            if (place.Epoch == epoch && place.Step == step)
                source.Cancel();
        }
    }

    private sealed class Reader(Func<int> read) : ITrainingObserver
    {
        public List<int> Seen { get; } = [];

        public void EpochEnded(EpochReport report) => Seen.Add(read());
    }
}
