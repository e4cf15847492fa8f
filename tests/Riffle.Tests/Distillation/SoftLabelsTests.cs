using Riffle.Data;
using Riffle.Distillation;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Recipes;
using Riffle.Tests.Training;
using Riffle.Training;

namespace Riffle.Tests.Distillation;

public sealed class SoftLabelsTests : IDisposable
{
    private const int Views = 2;

    private static readonly Augmentation Augmented = TinyDataset.Recipe().Augmentation;

    private readonly TinyDataset _data = new();

    private string Soft => Path.Combine(_data.Folder, "soft");

    public void Dispose() => _data.Dispose();

    [Fact]
    public void Each_view_is_the_mean_of_what_the_teachers_say_of_the_images_of_that_epoch_and_of_their_mirror_images()
    {
        Checkpoint[] teachers = [Train("one", TinyDataset.Recipe(epochs: 1)), Train("two", TinyDataset.Recipe(epochs: 3))];
        var data = _data.Open();
        Teachers.Teach(Soft, teachers, data, Augmented, views: 3, seed: 5, threads: 1);
        using var loader = new BatchLoader(data, Split.Train, 24, batchSize: 1, Augmented, shuffle: true, dropLast: false, seed: 5);
        for (var view = 0; view < 3; view++)
        {
            // Each image by itself: what it is in an epoch does not depend on the batch it comes in.
            var expected = new double[70 * 3];
            foreach (var teacher in teachers)
            {
                loader.StartEpoch(view);
                foreach (var (image, _, logits) in Predict(teacher, loader))
                {
                    for (var k = 0; k < 3; k++)
                        expected[image * 3 + k] += logits[k] / 2;
                }
            }

            var file = SafeTensors.Read(View(view));
            Assert.Equal<int>([70, 3], file.Shape("logits"));
            Assert.All(expected.Zip(file.Get("logits")), pair => Assert.Equal(pair.First, pair.Second, 1e-3 * (1 + Math.Abs(pair.First))));
        }
    }

    [Fact]
    public void Their_accuracy_is_that_of_what_is_seen_in_the_validation_images_and_their_mirror_images()
    {
        var teacher = Train("teacher", TinyDataset.Recipe(epochs: 2));
        using var loader = new BatchLoader(_data.Open(), Split.Validation, 24, batchSize: 1, augmentation: null, shuffle: false, dropLast: false, seed: 0);
        loader.StartEpoch(0);
        var hits = Predict(teacher, loader).Select(seen => Array.IndexOf(seen.Logits, seen.Logits.Max()) == seen.Label).ToArray();
        Assert.Equal(100.0 * hits.Count(hit => hit) / hits.Length, Teach(teacher).Top1, 1e-9);
    }

    [Fact]
    public void Progress_tells_their_accuracy_before_the_first_training_image_and_goes_on_after_the_views_there_are()
    {
        var teacher = Train("teacher", TinyDataset.Recipe(epochs: 2));
        var (data, told) = (_data.Open(), new List<WorkProgress>());
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Teachers.Teach(Soft, [teacher], data, Augmented, Views, threads: 1, progress: new ImmediateProgress(at =>
        {
            told.Add(at);
            if (at.Stage == WorkStage.Teaching && at.Done == data.Count(Split.Train))
                stop.Cancel();
        }), cancel: stop.Token));
        var top1 = SoftLabels.Find(Soft)!.Top1;
        var evaluated = told.TakeWhile(at => at.Stage == WorkStage.Evaluating).ToArray();
        var images = data.Count(Split.Validation);
        Assert.Equal((new(WorkStage.Evaluating, 0, images, 0), new(WorkStage.Evaluating, images, images, top1)), (evaluated[0], evaluated[^1]));
        long train = data.Count(Split.Train);
        Assert.Equal(new(WorkStage.Teaching, 0, Views * train, top1), told[evaluated.Length]);

        told.Clear();
        Teachers.Teach(Soft, [teacher], data, Augmented, Views, threads: 1, progress: new ImmediateProgress(told.Add));
        Assert.Equal((new(WorkStage.Teaching, train, Views * train, top1), new(WorkStage.Teaching, Views * train, Views * train, top1)), (told[0], told[^1]));
    }

    [Fact]
    public void They_are_the_same_files_with_any_number_of_threads_and_however_they_were_interrupted()
    {
        var teacher = Train("teacher", TinyDataset.Recipe(epochs: 2));
        var labels = Teach(Soft, threads: 1, cancel: default, teacher);
        using var stop = new CancellationTokenSource();
        var other = Path.Combine(_data.Folder, "other");
        Assert.Throws<OperationCanceledException>(() => Teachers.Teach(
            other, [teacher], _data.Open(), Augmented, Views, threads: 3, progress: new ImmediateProgress(at => { if (at.Stage == WorkStage.Teaching) stop.Cancel(); }), cancel: stop.Token));
        Assert.Contains($"of {Views} views", Assert.Throws<RiffleException>(() => SoftLabels.Open(other)).Message);
        Teach(other, threads: 3, cancel: default, teacher);
        foreach (var file in Directory.GetFiles(Soft))
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(other, Path.GetFileName(file))));

        Assert.Equal(TeacherIdentity.Of(teacher), Assert.Single(labels.Identity.Teachers));
        Assert.Equal((teacher.Spec.Name, teacher.Training!.Best!.Validation.Top1), (labels.Identity.Teachers[0].Network, labels.Identity.Teachers[0].Top1));

        // A folder is never filled with what another teacher says.
        teacher.Weights.Trained[0]++;
        Assert.StartsWith(Soft, Assert.Throws<RiffleException>(() => Teach(teacher)).Message);
    }

    [Fact]
    public void An_epoch_can_have_the_augmentation_of_another_seed_and_epoch_in_its_own_order()
    {
        using var loader = new BatchLoader(_data.Open(), Split.Train, 24, 1, Augmented, shuffle: true, dropLast: false, seed: 9);
        using var labelled = new BatchLoader(_data.Open(), Split.Train, 24, 1, Augmented, shuffle: false, dropLast: false, seed: 0);
        labelled.StartEpoch(1);
        var expected = new byte[70][];
        while (labelled.TryNext(out var batch))
            expected[batch.Numbers[0]] = batch.Pixels.ToArray();
        loader.StartEpoch(6, augmentedAs: new(0, 1));
        var images = 0;
        for (; loader.TryNext(out var batch); images++)
            Assert.Equal(expected[batch.Numbers[0]], batch.Pixels.ToArray());
        Assert.Equal(70, images);

        loader.StartEpoch(7, augmentedAs: new(0, 1, Mirrored: true));
        var mirrored = new byte[24 * 24 * 3];
        for (; loader.TryNext(out var batch); images++)
        {
            Crop.Copy(expected[batch.Numbers[0]], 24, 0, 0, 24, mirrored: true, mirrored);
            Assert.Equal(mirrored, batch.Pixels.ToArray());
        }

        Assert.Equal(140, images);
    }

    [Fact]
    public void A_training_sees_the_views_in_turn_then_their_mirror_images_where_the_teachers_did()
    {
        var labels = Teach(Train("teacher", TinyDataset.Recipe(epochs: 1)));
        Assert.True(Augmented.Flip);
        Assert.Equal(
            [new(0, 0), new(0, 1), new(0, 0, true), new(0, 1, true), new AugmentedAs(0, 0)],
            Enumerable.Range(0, 5).Select(labels.SeenIn));

        // Labels of before the teachers looked at mirror images.
        var document = Path.Combine(Soft, "soft-labels.json");
        File.WriteAllText(document, File.ReadAllText(document).Replace("\"mirrored\": true", "\"mirrored\": false", StringComparison.Ordinal));
        Assert.Equal([new(0, 0), new(0, 1), new AugmentedAs(0, 0)], Enumerable.Range(0, 3).Select(SoftLabels.Open(Soft).SeenIn));
    }

    [Fact]
    public void A_run_with_them_interrupted_and_resumed_leaves_the_same_files_with_any_number_of_threads()
    {
        Teach(Train("teacher", TinyDataset.Recipe(epochs: 2)));
        Train("whole", TinyDataset.Recipe(), Soft, threads: 1);
        using (var stop = new CancellationTokenSource())
        using (var trainer = Start("stopped", TinyDataset.Recipe(), Soft, threads: 3))
        {
            Assert.False(trainer.Run(new StopAfter(3, stop), stop.Token).Completed);
        }

        // The folder may have been moved since.
        var moved = Path.Combine(_data.Folder, "moved");
        Directory.Move(Soft, moved);
        Assert.StartsWith(Soft, Assert.Throws<RiffleException>(() => Trainer.Resume(_data.Run("stopped"), ImageCodec.Default)).Message);
        using (var trainer = Trainer.Resume(_data.Run("stopped"), ImageCodec.Default, softLabels: moved, threads: 2))
            Assert.True(trainer.Run().Completed);
        foreach (var file in TinyDataset.ResultFiles)
            Assert.Equal(File.ReadAllBytes(Path.Combine(_data.Run("whole"), file)), File.ReadAllBytes(Path.Combine(_data.Run("stopped"), file)));
    }

    [Fact]
    public void The_run_says_who_taught_it_and_their_word_counts()
    {
        var labels = Teach(Train("teacher", TinyDataset.Recipe(epochs: 1)));
        var alone = Train("alone", TinyDataset.Recipe());
        var taught = Train("taught", TinyDataset.Recipe(), Soft);
        var steady = Train("steady", TinyDataset.Recipe() with { Distillation = new(LastTemperature: 8) }, Soft);
        Assert.NotEqual(alone.Weights.Trained.ToArray(), taught.Weights.Trained.ToArray());
        Assert.NotEqual(steady.Weights.Trained.ToArray(), taught.Weights.Trained.ToArray());
        Assert.Null(alone.Training!.SoftLabels);
        Assert.Equal(labels.Identity.Fingerprint, taught.Training!.SoftLabels!.Fingerprint);
        Assert.Equal<TeacherIdentity>(labels.Identity.Teachers, taught.Training.SoftLabels.Teachers);
        Assert.Contains(labels.Identity.Teachers[0].Fingerprint, File.ReadAllText(Path.Combine(_data.Run("taught"), "run.json")));

        // Of no share at all nothing is left of them, where their views are what the training has by itself.
        var (own, recipe) = (Path.Combine(_data.Folder, "own"), TinyDataset.Recipe() with { Distillation = new(Weight: 0) });
        Teachers.Teach(own, [alone], _data.Open(), Augmented, views: recipe.Epochs, seed: 3);
        Assert.Equal(alone.Weights.Trained.ToArray(), Train("mute", recipe, own).Weights.Trained.ToArray());
    }

    [Fact]
    public void A_network_that_hears_them_alone_learns_what_they_say()
    {
        var recipe = TinyDataset.Recipe(epochs: 24) with { Batch = 10, Schedule = Recipe.Best.Schedule with { LearningRate = 0.05 } };
        var teacher = Train("teacher", recipe);
        Teach(teacher);
        var taught = Train("taught", recipe with { Distillation = new(Weight: 1) }, Soft);
        var (of, than) = (taught.Training!.Best!.Validation.Top1, teacher.Training!.Best!.Validation.Top1);
        Assert.True(of >= 75, $"it reached {of}, its teacher {than}");
    }

    [Fact]
    public void Steps_with_them_allocate_nothing()
    {
        Teach(Train("teacher", TinyDataset.Recipe(epochs: 1)));
        var watch = new AllocationWatch();
        using var trainer = Start("run", TinyDataset.Recipe(epochs: 4) with { Batch = 2 }, Soft);
        trainer.Run(watch);
        Assert.Equal(0, watch.LeastInAnEpoch);
    }

    [Fact]
    public void Teachers_of_other_images_or_classes_are_refused()
    {
        var teacher = Train("teacher", TinyDataset.Recipe(epochs: 1));
        using var larger = Trainer.Start(_data.Open(), _data.Spec() with { ImageSize = 32 }, TinyDataset.Recipe(epochs: 1), _data.Run("larger"));
        larger.Run();
        var error = Assert.Throws<ArgumentException>(() => Teach(teacher, Checkpoint.Load(_data.Run("larger"))));
        Assert.Contains("24×24", error.Message);
        Assert.Contains("32×32", error.Message);
        using var other = new TinyDataset(classes: 2);
        error = Assert.Throws<ArgumentException>(() => Teachers.Teach(Soft, [teacher], other.Open(), Augmented, views: 1));
        Error.Names(error.Message, teacher.Name, "3 classes", other.DataFolder);
        Assert.Throws<ArgumentException>(() => Teach());
        Assert.False(Directory.Exists(Soft));
    }

    [Fact]
    public void A_folder_with_something_else_in_it_is_refused_before_they_look_at_any_image()
    {
        var teacher = Train("teacher", TinyDataset.Recipe(epochs: 1));
        var error = Assert.Throws<RiffleException>(() => Teachers.Teach(
            _data.Run("teacher"), [teacher], _data.Open(), Augmented, Views, progress: new ImmediateProgress(_ => Assert.Fail("it has begun"))));
        Assert.Contains("not empty", error.Message);
    }

    [Fact]
    public void Labels_of_other_images_damaged_ones_and_those_of_another_run_are_refused_by_name()
    {
        var teacher = Train("teacher", TinyDataset.Recipe(epochs: 1));
        Teach(teacher);
        using (var other = new TinyDataset(seed: 2))
        {
            var error = Assert.Throws<ArgumentException>(
                () => Trainer.Start(other.Open(), other.Spec(), TinyDataset.Recipe(), other.Run("run"), new() { SoftLabels = Soft }));
            Assert.Contains("riffle teach", error.Message);
            Assert.False(Directory.Exists(other.Run("run")));
        }

        var uncropped = TinyDataset.Recipe() with { Augmentation = Augmentation.None };
        Assert.StartsWith(Soft, Assert.Throws<ArgumentException>(() => Start("uncropped", uncropped, Soft)).Message);
        Error.Names(Assert.Throws<RiffleException>(() => SoftLabels.Open(_data.Run("teacher"))).Message, _data.Run("teacher"), "soft-labels.json");
        Start("run", TinyDataset.Recipe(), Soft).Dispose();
        var bytes = File.ReadAllBytes(View(0));
        bytes[^1] ^= 1;
        File.WriteAllBytes(View(0), bytes);
        using (var trainer = Trainer.Resume(_data.Run("run"), ImageCodec.Default))
        {
            var damaged = Assert.Throws<BadDataException>(() => trainer.Run());
            Assert.StartsWith(View(0), damaged.Message);
            Assert.Contains("SHA-256", damaged.Message);
        }

        var document = Path.Combine(Soft, "soft-labels.json");
        var text = File.ReadAllText(document);
        File.WriteAllText(document, text.Replace("\"views\": 2", "\"views\": 0", StringComparison.Ordinal));
        Assert.StartsWith(document, Assert.Throws<BadDataException>(() => Trainer.Resume(_data.Run("run"), ImageCodec.Default)).Message);
        File.WriteAllText(document, text.Replace("\"seed\": 0", "\"seed\": 1", StringComparison.Ordinal));
        Error.Names(Error.OnCommandLine(Assert.ThrowsAny<RiffleException>(() => Trainer.Resume(_data.Run("run"), ImageCodec.Default))), Soft, "fingerprint", "--soft-labels");
        Error.Names(Error.OnCommandLine(Assert.ThrowsAny<ArgumentException>(() => Trainer.Resume(_data.Run("teacher"), ImageCodec.Default, softLabels: Soft))), _data.Run("teacher"), "--soft-labels");
    }

    /// <summary>The mean of a teacher's logits of each image and of its mirror image.</summary>
    private static IEnumerable<(int Image, int Label, double[] Logits)> Predict(Checkpoint teacher, BatchLoader loader)
    {
        using var plan = new InferencePlan(teacher.Weights, 1, 1);
        var (image, mirrored) = (new float[3], new float[3]);
        while (loader.TryNext(out var batch))
        {
            plan.Run(batch.Pixels, 1, teacher.Normalisation, image);
            plan.Run(Mirror(batch.Pixels), 1, teacher.Normalisation, mirrored);
            yield return (batch.Numbers[0], batch.Labels[0], [.. image.Zip(mirrored, (a, b) => ((double)a + b) / 2)]);
        }

        static byte[] Mirror(ReadOnlySpan<byte> pixels) =>
            [.. pixels.ToArray().Chunk(24 * 3).SelectMany(row => row.Chunk(3).Reverse().SelectMany(pixel => pixel))];
    }

    private string View(int number) => Path.Combine(Soft, $"view-0000{number}.safetensors");

    private SoftLabels Teach(params Model[] teachers) => Teach(Soft, threads: 1, default, teachers);

    private SoftLabels Teach(string folder, int threads, CancellationToken cancel, params Model[] teachers) =>
        Teachers.Teach(folder, teachers, _data.Open(), Augmented, Views, threads: threads, cancel: cancel);

    private Trainer Start(string run, Recipe recipe, string? softLabels = null, int threads = 1) =>
        Trainer.Start(_data.Open(), _data.Spec(), recipe, _data.Run(run), new() { Seed = 3, Threads = threads, SoftLabels = softLabels });

    private Checkpoint Train(string run, Recipe recipe, string? softLabels = null, int threads = 1)
    {
        using var trainer = Start(run, recipe, softLabels, threads);
        Assert.True(trainer.Run().Completed);
        return Checkpoint.Load(_data.Run(run));
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
