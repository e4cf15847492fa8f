using Riffle.Execution;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Training;

namespace Riffle.Tests.Training;

/// <summary>Checkpoints say which arithmetic computed them.</summary>
public sealed class ArithmeticTests : IDisposable
{
    private readonly TinyDataset _data = new(train: 24, validation: 6);

    public void Dispose() => _data.Dispose();

    [Fact]
    public void A_run_of_one_version_carries_it_and_one_of_two_carries_none()
    {
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 3, units: [1, 1, 1]);
        var run = _data.Run("run");
        using (var trainer = Trainer.Start(_data.Open(), spec, TinyDataset.Recipe(epochs: 2) with { Batch = 12 }, run, new() { Threads = 1 }))
        {
            using var cancel = new CancellationTokenSource();
            var observer = new Canceller(cancel);
            Assert.False(trainer.Run(observer, cancel.Token).Completed);
            Assert.False(trainer.HasOtherArithmetic);
        }

        var last = Path.Combine(run, "checkpoints", "last.safetensors");
        var checkpoint = Checkpoint.Read(last);
        Assert.Equal(Arithmetic.Version, checkpoint.Training!.Arithmetic);
        using (var trainer = Trainer.Resume(run, ImageCodec.Default, threads: 1))
            Assert.False(trainer.HasOtherArithmetic);

        checkpoint.With(checkpoint.Training with { Arithmetic = Arithmetic.Version - 1 }).Save(last);
        using (var trainer = Trainer.Resume(run, ImageCodec.Default, threads: 1))
        {
            Assert.True(trainer.HasOtherArithmetic);
            Assert.True(trainer.Run().Completed);
        }

        Assert.Null(Checkpoint.Read(last).Training!.Arithmetic);
    }

    /// <summary>Stops a training after its first step.</summary>
    private sealed class Canceller(CancellationTokenSource cancel) : ITrainingObserver
    {
        public void Stepped(in TrainingPlace place) => cancel.Cancel();
    }
}
