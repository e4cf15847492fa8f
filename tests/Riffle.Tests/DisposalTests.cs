using System.Reflection;
using Riffle.Data;
using Riffle.Distribution;
using Riffle.Distribution.Mpi;
using Riffle.Evaluation;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Networks;
using Riffle.Tests.Execution;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests;

/// <summary>Nothing that safe code does with what is disposed of reads memory that is gone; each member says what is wrong.</summary>
public sealed class DisposalTests : IDisposable
{
    private static readonly Weights Weights = TrainingPlanTests.Create("shufflenet-v1-g3-x0.25");

    private static readonly float[] Images = TrainingPlanTests.Batch(Weights.Network, 1).Images;

    private static readonly byte[] Pixels = new byte[Images.Length];

    private readonly TinyDataset _data = new(train: 40, validation: 10);

    /// <summary>How each kind is made, and a call of each of its public members that would do if it were not disposed of.</summary>
    private static readonly Dictionary<string, (Func<TinyDataset, IDisposable> Create, (string Member, Action<object> Call)[] Members)> Kinds = new()
    {
        [nameof(TrainingPlan)] = (_ => new TrainingPlan(Weights, 20, 2), Members<TrainingPlan>(
            (nameof(TrainingPlan.Weights), plan => _ = plan.Weights),
            (nameof(TrainingPlan.Batch), plan => _ = plan.Batch),
            (nameof(TrainingPlan.Threads), plan => _ = plan.Threads),
            (nameof(TrainingPlan.Memory), plan => _ = plan.Memory),
            (nameof(TrainingPlan.Gradients), plan => _ = plan.Gradients),
            (nameof(TrainingPlan.Step), plan => plan.Step(Images, [0])),
            (nameof(TrainingPlan.Step), plan => plan.Step(Pixels, [0], Normalisation.ImageNet)),
            (nameof(TrainingPlan.ReadLogits), plan => plan.ReadLogits(new float[1000])))),
        [nameof(InferencePlan)] = (_ => new InferencePlan(Weights, 20, 2), Members<InferencePlan>(
            (nameof(InferencePlan.Weights), plan => _ = plan.Weights),
            (nameof(InferencePlan.Batch), plan => _ = plan.Batch),
            (nameof(InferencePlan.Threads), plan => _ = plan.Threads),
            (nameof(InferencePlan.Refresh), plan => plan.Refresh()),
            (nameof(InferencePlan.Run), plan => plan.Run(Images, 1, new float[1000])),
            (nameof(InferencePlan.Run), plan => plan.Run(Pixels, 1, Normalisation.ImageNet, new float[1000])))),
        [nameof(Classifier)] = (_ => new Classifier(
            new Model(Weights, [.. Enumerable.Range(0, Weights.Network.Classes).Select(c => new DatasetClass($"{c}", $"{c}"))], Normalisation.ImageNet)),
            Members<Classifier>(
                (nameof(Classifier.Model), classifier => _ = classifier.Model),
                (nameof(Classifier.Classify), classifier => classifier.Classify(Pixels, width: 1, height: Pixels.Length / 3)),
                (nameof(Classifier.Score), classifier => classifier.Score(Pixels, new float[1000])),
                (nameof(Classifier.Score), classifier => classifier.Score(Pixels, 1, new float[1000])),
                (nameof(Classifier.Score), classifier => classifier.Score(new float[1], 1, new float[1000])),
                (nameof(Classifier.Logits), classifier => classifier.Logits(Pixels, 1, new float[1000])))),
        [nameof(HeatMaps)] = (_ => new HeatMaps(
            new Model(Weights, [.. Enumerable.Range(0, Weights.Network.Classes).Select(c => new DatasetClass($"{c}", $"{c}"))], Normalisation.ImageNet)),
            Members<HeatMaps>((nameof(HeatMaps.Of), maps => maps.Of(Pixels, 0)))),
        [nameof(BatchLoader)] = (data => new BatchLoader(
            data.Open(), Split.Train, 24, 8, augmentation: null, shuffle: false, dropLast: false, seed: 1), Members<BatchLoader>(
                (nameof(BatchLoader.Images), loader => _ = loader.Images),
                (nameof(BatchLoader.BatchesPerEpoch), loader => _ = loader.BatchesPerEpoch),
                (nameof(BatchLoader.InMemory), loader => _ = loader.InMemory),
                (nameof(BatchLoader.Waited), loader => _ = loader.Waited),
                (nameof(BatchLoader.StartEpoch), loader => loader.StartEpoch(0)),
                (nameof(BatchLoader.TryNext), loader => loader.TryNext(out _)))),
        [nameof(Evaluator)] = (data => new Evaluator(
            new(Riffle.Networks.NetworkCatalogue.Build(data.Spec())), Normalisation.ImageNet, data.Open().Info.Classes, data.Open()), Members<Evaluator>(
                (nameof(Evaluator.Images), evaluator => _ = evaluator.Images),
                (nameof(Evaluator.Run), evaluator => evaluator.Run()))),
        [nameof(Trainer)] = (data => Trainer.Start(data.Open(), data.Spec(), TinyDataset.Recipe(), data.Run("run"), new() { Seed = 1 }), Members<Trainer>(
            (nameof(Trainer.CheckpointInterval), trainer => _ = trainer.CheckpointInterval),
            (nameof(Trainer.TimeLimit), trainer => _ = trainer.TimeLimit),
            (nameof(Trainer.Training), trainer => _ = trainer.Training),
            (nameof(Trainer.HasOtherArithmetic), trainer => _ = trainer.HasOtherArithmetic),
            (nameof(Trainer.Network), trainer => _ = trainer.Network),
            (nameof(Trainer.DataDirectory), trainer => _ = trainer.DataDirectory),
            (nameof(Trainer.Run), trainer => trainer.Run()))),
        [nameof(TFRecordReader)] = (data => new TFRecordReader(Directory.GetFiles(data.DataFolder, "train-*")[0]), Members<TFRecordReader>(
            (nameof(TFRecordReader.Offset), reader => _ = reader.Offset),
            (nameof(TFRecordReader.Index), reader => _ = reader.Index),
            (nameof(TFRecordReader.TryRead), reader => reader.TryRead(out _)),
            (nameof(TFRecordReader.TryResume), reader => reader.TryResume()),
            (nameof(TFRecordReader.Resume), reader => reader.Resume()),
            (nameof(TFRecordReader.Damaged), reader => reader.Damaged("damaged")))),
        [nameof(TFRecordWriter)] = (_ => new TFRecordWriter(new MemoryStream()), Members<TFRecordWriter>(
            (nameof(TFRecordWriter.Write), writer => writer.Write(Pixels)))),
        [nameof(EventFileWriter)] = (data => new EventFileWriter(data.Run("events")), Members<EventFileWriter>(
            (nameof(EventFileWriter.Path), writer => _ = writer.Path),
            (nameof(EventFileWriter.Scalar), writer => writer.Scalar("loss", 1, 1, 1)),
            (nameof(EventFileWriter.Histogram), writer => writer.Histogram("w", 1, [1], 1)),
            (nameof(EventFileWriter.Images), writer => writer.Images("i", 1, 1, 1, [[1]], 1)),
            (nameof(EventFileWriter.Text), writer => writer.Text("t", 1, "text", 1)),
            (nameof(EventFileWriter.HyperParameters), writer => writer.HyperParameters(new Dictionary<string, object> { ["rate"] = 1.0 }, "group", 1)),
            (nameof(EventFileWriter.Completed), writer => writer.Completed(1)),
            (nameof(EventFileWriter.Flush), writer => writer.Flush()))),
    };

    public static TheoryData<string> Disposables => [.. Kinds.Keys];

    public void Dispose() => _data.Dispose();

    /// <summary>A public type that is disposed of and has no row in the table would not be looked at.</summary>
    [Fact]
    public void Every_public_type_that_is_disposed_of_is_tried() => Assert.Empty(
        typeof(TrainingPlan).Assembly.GetExportedTypes().Where(type => type.IsClass && typeof(IDisposable).IsAssignableFrom(type)).Select(type => type.Name)
            .Except(Kinds.Keys).Except([nameof(Ranks), nameof(MpiRanks)])); // these need a launcher, so MpiTests use them

    /// <summary>Methods of another assembly, which take files.</summary>
    [Fact]
    public void A_classifier_that_is_disposed_of_takes_no_file()
    {
        var classifier = (Classifier)Kinds[nameof(Classifier)].Create(_data);
        classifier.Dispose();
        Assert.Throws<ObjectDisposedException>(() => classifier.Classify(TinyDataset.Jpeg(0), "image"));
        Assert.Throws<ObjectDisposedException>(() => classifier.Classify("no such file"));
        Assert.Throws<ObjectDisposedException>(() => classifier.Classify(new MemoryStream(TinyDataset.Jpeg(0))));
    }

    [Theory]
    [MemberData(nameof(Disposables))]
    public void Every_public_member_of_what_is_disposed_of_says_so_and_disposing_twice_does_nothing(string kind)
    {
        var (create, members) = Kinds[kind];
        var disposed = create(_data);
        disposed.Dispose();
        disposed.Dispose();
        foreach (var (member, call) in members)
            Assert.True(Record.Exception(() => call(disposed)) is ObjectDisposedException, $"{kind}.{member}: {Record.Exception(() => call(disposed))}");

        var all = disposed.GetType().GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(member => member is PropertyInfo or MethodInfo { IsSpecialName: false } && member.Name != nameof(IDisposable.Dispose));
        Assert.Equal(all.Select(member => member.Name).Order(), members.Select(member => member.Member).Order());
    }

    [Fact]
    public void Gradients_stay_readable_after_their_plan_is_disposed_of()
    {
        Span<float> gradients;
        float[] copy;
        using (var plan = new TrainingPlan(Weights, 4, 1))
        {
            var (images, labels) = TrainingPlanTests.Batch(Weights.Network, 4);
            plan.Step(images, labels);
            gradients = plan.Gradients;
            copy = gradients.ToArray();
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        using var other = new TrainingPlan(Weights, 4, 1); // takes up memory that is free again
        Assert.Equal(copy, gradients.ToArray());
    }

    [Fact]
    public void A_plan_that_is_disposed_of_or_refreshed_while_threads_run_it_finishes_their_runs_first()
    {
        var (images, _) = TrainingPlanTests.Batch(Weights.Network, 20);
        var classes = Weights.Network.Classes;
        for (var round = 0; round < 20; round++)
        {
            var plan = new InferencePlan(Weights, 20, 2);
            var expected = new float[20 * classes];
            plan.Run(images, 20, expected);
            var done = 0;
            var threads = Enumerable.Range(0, 3).Select(worker => new Thread(() =>
            {
                var logits = new float[20 * classes];
                try
                {
                    while (true)
                    {
                        plan.Run(images, 20, logits);
                        Assert.Equal(expected, logits);
                        Interlocked.Increment(ref done);
                        if (worker == 0)
                            plan.Refresh();
                    }
                }
                catch (ObjectDisposedException)
                {
                    // What the test waits for.
                }
            })).ToList();
            threads.ForEach(thread => thread.Start());
            SpinWait.SpinUntil(() => Volatile.Read(ref done) > round % 5);
            plan.Dispose();
            threads.ForEach(thread => thread.Join());
        }
    }

    [Fact]
    public void Steps_that_threads_ask_for_at_the_same_time_are_taken_one_after_the_other_until_the_plan_is_disposed_of()
    {
        var (images, labels) = TrainingPlanTests.Batch(Weights.Network, 20);
        var plan = new TrainingPlan(Weights, 20, 2);
        var expected = plan.Step(images, labels);
        var done = 0;
        var threads = Enumerable.Range(0, 3).Select(_ => new Thread(() =>
        {
            try
            {
                while (true)
                {
                    Assert.Equal(expected, plan.Step(images, labels));
                    Interlocked.Increment(ref done);
                }
            }
            catch (ObjectDisposedException)
            {
                // What the test waits for.
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        SpinWait.SpinUntil(() => Volatile.Read(ref done) > 10);
        plan.Dispose();
        threads.ForEach(thread => thread.Join());
    }

    [Fact]
    public void A_normalisation_that_is_null_is_an_error_of_its_argument()
    {
        var pixels = new byte[20 * Weights.Network.Input.Elements];
        using var plan = new InferencePlan(Weights, 20, 2);
        Assert.Throws<ArgumentNullException>(() => plan.Run(pixels, 20, null!, new float[20 * Weights.Network.Classes]));
        using var training = new TrainingPlan(Weights, 20, 2);
        Assert.Throws<ArgumentNullException>(() => training.Step(pixels, new int[20], null!));
    }

    private static (string Member, Action<object> Call)[] Members<T>(params (string Member, Action<T> Call)[] members) =>
        [.. members.Select(member => (member.Member, (Action<object>)(of => member.Call((T)of))))];
}
