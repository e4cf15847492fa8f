using Riffle.Models;
using Riffle.Recipes;
using Riffle.Training;

namespace Riffle.Tests.Training;

public sealed class TimeLimitTests : IDisposable
{
    private readonly TinyDataset _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public void Where_there_is_time_nothing_changes()
    {
        var record = Train("timed", seconds: 100, [10, 10, 10, 10, 10, 10]);
        Train("free", seconds: null, [10, 10, 10, 10, 10, 10]);
        Assert.Null(record.PlannedEpochs);
        Assert.Equal(Last("free"), Last("timed"));
    }

    [Fact]
    public void A_machine_that_becomes_slower_gets_fewer_epochs_and_the_rate_still_falls_to_its_end()
    {
        // Six epochs of 10 s in 64 s. The second takes 20 s, so 34 s are left: two of 15 s. The next takes 15 s as well.
        var record = Train("run", seconds: 64, [10, 20, 15, 15, 15, 15]);
        Assert.Equal((4, 4, 6), (record.History.Length, record.Recipe.Epochs, record.PlannedEpochs));
        Assert.Equal(record.Recipe.Schedule.At(7, 2, 4), record.History[^1].LearningRate);
        Assert.True(record.IsFinished);
        Assert.Equal(6, RunDescription.Read(_data.Run("run")).Recipe.Epochs);
        Assert.NotNull(Checkpoint.Load(_data.Run("run")).Doubt);
    }

    [Fact]
    public void Without_time_it_ends_after_the_epoch_that_has_begun()
    {
        var record = Train("run", seconds: 1, [10]);
        Assert.Equal((1, 1, 6), (record.History.Length, record.Recipe.Epochs, record.PlannedEpochs));
    }

    [Fact]
    public void A_shortened_run_is_resumed_exactly()
    {
        double[] times = [10, 20, 15, 15];
        var whole = Train("whole", seconds: 64, times);
        using (var stop = new CancellationTokenSource())
        {
            using var trainer = Open("stopped");
            (trainer.TimeLimit, trainer.Clock) = (TimeSpan.FromSeconds(64), new HandClock());
            Assert.False(trainer.Run(new Slow((HandClock)trainer.Clock, times) { StopsAfter = 3, Stop = stop }, stop.Token).Completed);
        }

        using (var trainer = Trainer.Resume(_data.Run("stopped"), ImageCodec.Default, threads: 2))
        {
            Assert.Equal(4, trainer.Training.Recipe.Epochs);
            Assert.Equal(whole.History, trainer.Run().Training.History);
        }

        Assert.Equal(Last("whole"), Last("stopped"));
    }

    private byte[] Last(string run) => File.ReadAllBytes(Path.Combine(_data.Run(run), "checkpoints", "last.safetensors"));

    private Trainer Open(string run) => Trainer.Start(
        _data.Open(), _data.Spec(), TinyDataset.Recipe(epochs: 6) with { Schedule = new() { Kind = ScheduleKind.Cosine, LearningRate = 0.05 } }, _data.Run(run), new() { Threads = 1 });

    private TrainingRecord Train(string run, double? seconds, double[] epochs)
    {
        using var trainer = Open(run);
        var clock = new HandClock();
        (trainer.TimeLimit, trainer.Clock) = (seconds is { } limit ? TimeSpan.FromSeconds(limit) : null, clock);
        var outcome = trainer.Run(new Slow(clock, epochs));
        Assert.True(outcome.Completed);
        return outcome.Training;
    }

    /// <summary>Epochs that take so many seconds.</summary>
    private sealed class Slow(HandClock clock, double[] epochs) : ITrainingObserver
    {
        public int StopsAfter { get; init; }

        public CancellationTokenSource? Stop { get; init; }

        public void Stepped(in TrainingPlace place)
        {
            if (place.Step == 1)
                clock.Advance(epochs[place.Epoch - 1]);
        }

        public void EpochEnded(EpochReport report)
        {
            if (report.Metrics.Epoch == StopsAfter)
                Stop!.Cancel();
        }
    }
}
