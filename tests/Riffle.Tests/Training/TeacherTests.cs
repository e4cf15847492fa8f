using Riffle.Training;

namespace Riffle.Tests.Training;

public sealed class TeacherTests : IDisposable
{
    private readonly TinyDataset _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public void A_pupil_interrupted_and_resumed_leaves_the_same_files_with_any_number_of_threads()
    {
        var teacher = Teach("teacher", TinyDataset.Recipe(epochs: 2), null);
        Teach("whole", TinyDataset.Recipe(), teacher, threads: 1);
        using (var stop = new CancellationTokenSource())
        using (var trainer = Start("stopped", TinyDataset.Recipe(), teacher, threads: 3))
        {
            Assert.False(trainer.Run(new StopAfter(3, stop), stop.Token).Completed);
        }

        // The run has its own copy: the teacher's may go.
        Directory.Delete(_data.Run("teacher"), recursive: true);
        using (var trainer = Trainer.Resume(_data.Run("stopped"), threads: 2))
            Assert.True(trainer.Run().Completed);
        foreach (var file in (string[])["metrics.csv", "checkpoints/last.safetensors", "checkpoints/best.safetensors", "checkpoints/teacher.safetensors"])
            Assert.Equal(File.ReadAllBytes(Path.Combine(_data.Run("whole"), file)), File.ReadAllBytes(Path.Combine(_data.Run("stopped"), file)));
    }

    [Fact]
    public void The_run_says_who_taught_it_and_its_word_counts()
    {
        var teacher = Teach("teacher", TinyDataset.Recipe(epochs: 1), null);
        var alone = Teach("alone", TinyDataset.Recipe(), null);
        var taught = Teach("taught", TinyDataset.Recipe(), teacher);
        Assert.NotEqual(alone.Weights.Trained.ToArray(), taught.Weights.Trained.ToArray());
        Assert.Null(alone.Training!.Teacher);
        Assert.Equal(TeacherIdentity.Of(teacher), taught.Training!.Teacher);
        Assert.Equal((teacher.Spec.Name, teacher.Training!.Best!.Validation.Top1), (taught.Training.Teacher!.Network, taught.Training.Teacher.Top1));
        Assert.Contains(TeacherIdentity.Of(teacher).Fingerprint, File.ReadAllText(Path.Combine(_data.Run("taught"), "run.json")));

        // Of no share at all nothing is left of it.
        var mute = Teach("mute", TinyDataset.Recipe() with { Distillation = new(Share: 0) }, teacher);
        Assert.Equal(alone.Weights.Trained.ToArray(), mute.Weights.Trained.ToArray());
    }

    [Fact]
    public void A_pupil_that_hears_the_teacher_alone_learns_what_it_says()
    {
        var recipe = TinyDataset.Recipe(epochs: 24) with { Batch = 10, Schedule = Recipe.Best.Schedule with { LearningRate = 0.05 } };
        var teacher = Teach("teacher", recipe, null);
        var pupil = Teach("pupil", recipe with { Distillation = new(Share: 1) }, teacher);
        var (of, than) = (pupil.Training!.Best!.Validation.Top1, teacher.Training!.Best!.Validation.Top1);
        Assert.True(of >= 75, $"the pupil reached {of}, its teacher {than}");
    }

    [Fact]
    public void Steps_with_a_teacher_allocate_nothing()
    {
        var teacher = Teach("teacher", TinyDataset.Recipe(epochs: 1), null);
        var watch = new AllocationWatch();
        using var trainer = Start("run", TinyDataset.Recipe(epochs: 4) with { Batch = 2 }, teacher);
        trainer.Run(watch);
        Assert.Equal(0, watch.LeastInAnEpoch);
    }

    [Fact]
    public void A_teacher_of_other_images_or_classes_is_refused_and_one_that_was_changed_is_noticed()
    {
        var teacher = Teach("teacher", TinyDataset.Recipe(epochs: 1), null);
        var larger = _data.Spec() with { ImageSize = 32 };
        var error = Assert.Throws<ArgumentException>(() => Trainer.Start(_data.Open(), larger, TinyDataset.Recipe(), _data.Run("larger"), teacher: teacher));
        Assert.Contains("24×24", error.Message);
        Assert.False(Directory.Exists(_data.Run("larger")));

        using (var other = new TinyDataset(classes: 2))
        {
            error = Assert.Throws<ArgumentException>(
                () => Trainer.Start(other.Open(), other.Spec(), TinyDataset.Recipe(), _data.Run("fewer"), teacher: teacher));
            Assert.Contains("knows 3 classes", error.Message);
        }

        Start("run", TinyDataset.Recipe(), teacher).Dispose();
        var copy = Path.Combine(_data.Run("run"), "checkpoints", "teacher.safetensors");
        teacher.Weights.Trained[0]++;
        teacher.Save(copy);
        var damaged = Assert.Throws<BadDataException>(() => Trainer.Resume(_data.Run("run")));
        Assert.StartsWith(copy, damaged.Message);
        File.Delete(copy);
        Assert.StartsWith(copy, Assert.Throws<RiffleException>(() => Trainer.Resume(_data.Run("run"))).Message);
    }

    private Trainer Start(string run, Recipe recipe, Checkpoint? teacher, int threads = 1) =>
        Trainer.Start(_data.Open(), _data.Spec(), recipe, _data.Run(run), seed: 3, threads, teacher: teacher);

    private Checkpoint Teach(string run, Recipe recipe, Checkpoint? teacher, int threads = 1)
    {
        using var trainer = Start(run, recipe, teacher, threads);
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
