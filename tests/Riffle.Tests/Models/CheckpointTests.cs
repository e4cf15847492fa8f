using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Tests.Models;

public sealed class CheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("riffle-checkpoint-").FullName;

    private string FilePath => Path.Combine(_folder, "a.safetensors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Everything_comes_back_bit_for_bit()
    {
        var saved = Sample();
        saved.Save(FilePath);
        var loaded = Checkpoint.Load(FilePath);
        Assert.Equal(saved.Spec, loaded.Spec);
        Assert.Equal(saved.Classes, loaded.Classes);
        Assert.Equal(saved.Normalisation, loaded.Normalisation);
        Assert.Equal(saved.Weights.Trained.ToArray(), loaded.Weights.Trained.ToArray());
        Assert.Equal(saved.Weights.Running.ToArray(), loaded.Weights.Running.ToArray());
        Assert.Equal(saved.Training! with { History = [] }, loaded.Training! with { History = [] });
        Assert.Equal(saved.Training!.History.ToArray(), loaded.Training!.History.ToArray());
        Assert.Equal(saved.OptimiserState.Select(state => state.Name), loaded.OptimiserState.Select(state => state.Name));
        Assert.All(saved.OptimiserState.Zip(loaded.OptimiserState), pair => Assert.Equal(pair.First.Values, pair.Second.Values));

        var bytes = File.ReadAllBytes(FilePath);
        loaded.Save(FilePath);
        Assert.Equal(bytes, File.ReadAllBytes(FilePath));
    }

    /// <summary>Networks, bits of floats (those that are no numbers among them), words and histories of any kind.</summary>
    [Fact]
    public void Any_checkpoint_comes_back_bit_for_bit()
    {
        var finite = ArbMap.Default.GeneratorFor<double>().Where(double.IsFinite);
        var metrics = from m in finite.ArrayOf(3) select new Metrics(m[0], m[1], m[2]);
        var words = from any in ArbMap.Default.GeneratorFor<NonNull<string>>() select new string([.. any.Get.Where(c => !char.IsSurrogate(c))]);
        var epochs =
            from rate in finite
            from train in metrics
            from validation in metrics
            select new EpochMetrics(1, rate, train, validation);
        var checkpoints =
            from name in Gen.Elements("shufflenet-v1-g1-x0.25", "shufflenet-v1-g8-x0.25", "shufflenet-v2-x0.5")
            from units in Gen.Choose(1, 2).ArrayOf(3)
            from size in Gen.Choose(17, 64)
            from names in words.NonEmptyListOf()
            from bits in ArbMap.Default.GeneratorFor<int>().ArrayOf(60)
            from optimiser in Gen.Elements(Enum.GetValues<OptimiserKind>())
            from history in epochs.ListOf()
            from numbers in ArbMap.Default.GeneratorFor<(ulong Seed, int Epochs, int Steps, long Images, int Baked)>()
            from loss in finite
            from colours in (from c in ArbMap.Default.GeneratorFor<int>().ArrayOf(3) select new RgbTriple(1f / c[0], c[1] / 3f, c[2] * 1e20f))
            where float.IsFinite(colours.Red)
            let recipe = Recipe.Best with { Optimiser = optimiser, Name = names[0] }
            let training = new TrainingRecord(
                recipe, numbers.Seed, new(names[^1], numbers.Epochs, numbers.Steps),
                new(numbers.Epochs, numbers.Steps, new(loss, numbers.Images, 1, 2)), [.. history],
                Baking: numbers.Baked == 0 ? null : new(1, numbers.Baked))
            from origin in Gen.Elements(null, new WeightsOrigin(names[0], null, null), new WeightsOrigin("", training with { History = [] }, 1))
            select (Spec: NetworkCatalogue.Resolve(name, imageSize: size, classes: names.Count, units: units), names, bits, training: training with { Origin = origin }, colours);
        Prop.ForAll(checkpoints.ToArbitrary(), c =>
        {
            var weights = new Weights(NetworkCatalogue.Build(c.Spec));
            var optimiser = new Optimiser(weights, c.training.Recipe.Optimiser, 0.9f, 1e-4f);
            foreach (var values in optimiser.State.Select(state => state.Values))
                Scatter(values);
            Scatter(weights.Trained);
            Scatter(weights.Running);
            new Checkpoint(c.Spec, weights, [.. c.names.Select(name => new DatasetClass(name, name + "!"))], new(c.colours, c.colours), c.training)
            {
                OptimiserState = optimiser.State,
            }.Save(FilePath);

            var read = Checkpoint.Read(FilePath);
            Assert.Equal(Bits(weights.Trained), Bits(read.Weights.Trained));
            Assert.Equal(Bits(weights.Running), Bits(read.Weights.Running));
            Assert.All(optimiser.State.Zip(read.OptimiserState), pair => Assert.Equal(Bits(pair.First.Values), Bits(pair.Second.Values)));
            Assert.Equal(optimiser.State.Count, read.OptimiserState.Count);
            Assert.Equal(c.names, read.Classes.Select(one => one.Name));
            Assert.Equal(c.training with { History = [] }, read.Training! with { History = [] });
            Assert.Equal(c.training.History.ToArray(), read.Training!.History.ToArray());
            Assert.Equal(new Normalisation(c.colours, c.colours), read.Normalisation);
            Assert.Equal(c.Spec, read.Spec);
            var bytes = File.ReadAllBytes(FilePath);
            read.Save(FilePath);
            Assert.Equal(bytes, File.ReadAllBytes(FilePath));

            void Scatter(Span<float> values)
            {
                for (var i = 0; i < values.Length; i++)
                    values[i] = BitConverter.Int32BitsToSingle(c.bits[i % c.bits.Length] * (i + 1));
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(40));
    }

    [Fact]
    public void Weights_without_a_training_are_a_checkpoint_too()
    {
        var sample = Sample();
        new Checkpoint(sample.Spec, sample.Weights, sample.Classes, sample.Normalisation).Save(FilePath);
        Assert.Null(Checkpoint.Load(FilePath).Training);
    }

    [Fact]
    public void Tensors_carry_the_names_of_the_network()
    {
        Sample().Save(FilePath);
        var file = SafeTensors.Read(FilePath);
        Assert.Contains("fc.bias", file.Names);
        Assert.Contains("optimizer.mean.fc.weight", file.Names);
        Assert.Equal(SampleSpec.Classes, file.Shape("fc.weight")[0]);
    }

    [Fact]
    public void A_file_cut_off_anywhere_is_bad_data()
    {
        Sample().Save(FilePath);
        var bytes = File.ReadAllBytes(FilePath);
        var random = new Random(4);
        foreach (var length in Enumerable.Range(0, 12).Concat(Enumerable.Range(0, 40).Select(_ => random.Next(bytes.Length))))
        {
            File.WriteAllBytes(FilePath, bytes[..length]);
            Assert.Contains(FilePath, Assert.Throws<BadDataException>(() => Checkpoint.Load(FilePath)).Message);
        }
    }

    [Fact]
    public void A_damaged_header_is_bad_data_or_reads_as_something_whole()
    {
        Sample().Save(FilePath);
        var bytes = File.ReadAllBytes(FilePath);
        var (header, random) = (BitConverter.ToInt32(bytes), new Random(5));
        for (var i = 0; i < 300; i++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[8 + random.Next(header)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(FilePath, damaged);

            // Any other exception fails the test.
            try
            {
                Assert.Equal(SampleSpec.Classes, Checkpoint.Load(FilePath).Classes.Count);
            }
            catch (RiffleException e)
            {
                Assert.Contains(FilePath, e.Message);
            }
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("{\"version\":1,\"riffle\":\"0\",\"network\":null,\"classes\":[],\"normalisation\":null,\"training\":null}")]
    [InlineData("{\"version\":1,\"riffle\":\"0\",\"network\":{\"name\":\"x\",\"image_size\":56,\"classes\":0,\"units\":[2,4,2],\"stem_stride\":1},"
        + "\"classes\":[],\"normalisation\":{\"mean\":{},\"deviation\":{}},\"training\":null}")]
    public void Metadata_that_is_not_ours_is_bad_data(string metadata)
    {
        Write(("fc.weight", [1], new float[1]), metadata);
        Assert.Contains(FilePath, Assert.Throws<BadDataException>(() => Checkpoint.Load(FilePath)).Message);
    }

    [Fact]
    public void A_damaged_record_of_the_training_does_not_prevent_a_prediction()
    {
        var sample = Sample();
        sample.Save(FilePath);
        var file = SafeTensors.Read(FilePath);
        var tensors = file.Names.Where(name => !name.StartsWith("optimizer.", StringComparison.Ordinal))
            .Select(name => (name, (int[])[.. file.Shape(name)], (ReadOnlyMemory<float>)file.Get(name))).ToArray();
        var damaged = file.Metadata.ToDictionary(pair => pair.Key, pair => pair.Value.Replace("\"epochs\":", "\"epoch\":", StringComparison.Ordinal));
        AtomicFile.Write(FilePath, stream => SafeTensors.Write(stream, tensors, damaged));

        Assert.Contains(FilePath, Assert.Throws<BadDataException>(() => Checkpoint.Load(FilePath)).Message);
        var opened = Assert.IsType<Checkpoint>(Model.Open(FilePath));
        Assert.Equal(sample.Classes, opened.Classes);
        Assert.Contains(FilePath, Assert.Throws<BadDataException>(() => opened.Training).Message);
    }

    [Fact]
    public void Weights_of_others_are_told_apart_from_damage()
    {
        AtomicFile.Write(FilePath, stream => SafeTensors.Write(stream, [("fc.weight", [1], new float[1])], new Dictionary<string, string>()));
        Error.Names(Riffle.Cli.CommandLine.Message(Assert.Throws<BadDataException>(() => Checkpoint.Load(FilePath))), FilePath, $"riffle import {FilePath}");
    }

    [Fact]
    public void A_newer_format_asks_for_a_newer_Riffle()
    {
        Write(("fc.weight", [1], new float[1]), "{\"version\":4}");
        var error = Assert.Throws<RiffleException>(() => Checkpoint.Load(FilePath));
        Assert.IsNotType<BadDataException>(error);
        Assert.Contains("newer Riffle", error.Message);
    }

    [Fact]
    public void A_tensor_that_is_missing_or_of_another_shape_is_named()
    {
        Sample().Save(FilePath);
        var file = SafeTensors.Read(FilePath);
        void Rewrite(Func<string, (string, int[], ReadOnlyMemory<float>)> tensor, params string[] leaveOut) => AtomicFile.Write(
            FilePath, stream => SafeTensors.Write(stream, file.Names.Except(leaveOut).Select(tensor).ToArray(), file.Metadata));

        Rewrite(name => (name, [.. file.Shape(name)], file.Get(name)), "fc.bias");
        Assert.Contains("tensor fc.bias ", Assert.Throws<BadDataException>(() => Checkpoint.Load(FilePath)).Message);
        Rewrite(name => (name, name == "fc.weight" ? [.. file.Shape(name).Reverse()] : [.. file.Shape(name)], file.Get(name)));
        Assert.Contains("tensor fc.weight ", Assert.Throws<BadDataException>(() => Checkpoint.Load(FilePath)).Message);
        Rewrite(name => (name, [.. file.Shape(name)], file.Get(name)), "optimizer.variance.fc.weight");
        Assert.Contains("tensor optimizer.variance.fc.weight ", Assert.Throws<BadDataException>(() => Checkpoint.Load(FilePath)).Message);
    }

    [Fact]
    public void What_is_not_there_is_said_to_be_not_there()
    {
        Assert.Contains(Path.Combine(_folder, "x"), Assert.Throws<RiffleException>(() => Checkpoint.Load(Path.Combine(_folder, "x"))).Message);
        Assert.Contains(_folder, Assert.Throws<RiffleException>(() => Checkpoint.Load(_folder)).Message);
    }

    /// <summary>Every checkpoint has the whole history: what a save left behind would grow, and memory with it, in a training of thousands of epochs.</summary>
    [Fact]
    public void What_saving_leaves_to_the_garbage_collector_does_not_grow_with_the_history()
    {
        var sample = Sample();
        var epoch = sample.Training!.History[0];
        Assert.InRange(Left(history: 5000), 0, Left(history: 1) + (1 << 14));

        long Left(int history)
        {
            var training = sample.Training with { History = [.. Enumerable.Repeat(epoch, history)] };
            var checkpoint = new Checkpoint(sample.Spec, sample.Weights, sample.Classes, sample.Normalisation, training) { OptimiserState = sample.OptimiserState };
            return Enumerable.Range(0, 4).Min(_ =>
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                checkpoint.Save(FilePath);
                return GC.GetAllocatedBytesForCurrentThread() - before;
            });
        }
    }

    private static int[] Bits(ReadOnlySpan<float> values) => MemoryMarshal.Cast<float, int>(values).ToArray();

    private static NetworkSpec SampleSpec { get; } = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 4, units: [1, 1, 1]);

    private static Checkpoint Sample()
    {
        var weights = new Weights(NetworkCatalogue.Build(SampleSpec));
        Initialisation.Fill(weights, InitialisationKind.He, 6);
        var optimiser = new Optimiser(weights, OptimiserKind.Adam, 0.9f, 1e-4f);
        optimiser.Apply(weights.Trained, weights.Trained.ToArray(), 0.1, 0);
        var training = new TrainingRecord(
            Recipe.Best with { Optimiser = OptimiserKind.Adam },
            ulong.MaxValue,
            new DatasetIdentity("abc", 100, 10),
            new Progress(1, 2, new Tally(1.0 / 3, 1, 2, 3)),
            [new EpochMetrics(1, 0.1 + 0.2, new Metrics(Math.PI, 100.0 / 3, 50), new Metrics(Math.E, 1e-9, 100))]);
        DatasetClass[] classes = [new("n01", "goldfish, Carassius auratus"), new("n02", "naïve \"quotes\""), new("n03", "金魚"), new("n04", "")];
        return new(SampleSpec, weights, classes, Normalisation.ImageNet, training) { OptimiserState = optimiser.State };
    }

    private void Write((string, int[], ReadOnlyMemory<float>) tensor, string metadata) => AtomicFile.Write(
        FilePath, stream => SafeTensors.Write(stream, [tensor], new Dictionary<string, string> { ["riffle"] = metadata }));
}
