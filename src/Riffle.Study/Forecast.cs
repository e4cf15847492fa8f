using Riffle.Data;
using Riffle.Measurement;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Study;

/// <summary>Predicts how long trainings take on this machine, from a few measured steps of each, corrected by the real duration of finished ones.</summary>
internal sealed class Forecast
{
    /// <summary>Time for each of the two measurements of a network. A few steps are measured however long they last.</summary>
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(0.1);

    /// <summary>The batch size of teachers.</summary>
    private const int Batch = 128;

    private TimeSpan _expected, _spent;

    /// <summary>Measures training and inference of a network, and returns the time of an epoch with its validation.</summary>
    public static TimeSpan MeasureEpoch(NetworkSpec spec, Recipe recipe, Dataset data, int threads, CancellationToken cancel)
    {
        var (train, validation) = (data.Count(Split.Train), data.Count(Split.Validation));
        var benchmark = NetworkBenchmark.Of(NetworkCatalogue.Build(spec), Budget);
        var training = benchmark.Training(Math.Min(recipe.Batch, train), threads, cancel);
        var inference = benchmark.Inference(Math.Min(recipe.Batch, validation), threads, cancel);
        return TimeSpan.FromSeconds(train / training.ImagesPerSecond + validation / inference.ImagesPerSecond);
    }

    /// <summary>Measures inference of a network, and returns the time for every image and its mirror image.</summary>
    public static TimeSpan MeasureInference(Network network, int images, int threads, CancellationToken cancel) =>
        TimeSpan.FromSeconds(2 * images / NetworkBenchmark.Of(network, Budget).Inference(Math.Min(Batch, images), threads, cancel).ImagesPerSecond);

    /// <summary>The remaining epochs of a training.</summary>
    public static double EpochsLeft(Recipe recipe, Run? run, int trainingImages)
    {
        if (run is { IsDone: true })
            return 0;
        var batch = Math.Min(recipe.Batch, trainingImages);
        return recipe.Epochs - (run is null ? 0 : run.Training.Progress.Epochs + run.Training.Progress.Steps / (double)(trainingImages / batch));
    }

    /// <summary>Records the real duration of a stage.</summary>
    public void Learn(TimeSpan expected, TimeSpan spent)
    {
        if (expected > TimeSpan.Zero)
            (_expected, _spent) = (_expected + expected, _spent + spent);
    }

    /// <summary>Corrects an expected duration by the recorded ones.</summary>
    public TimeSpan Correct(TimeSpan expected) => _expected > TimeSpan.Zero ? expected * (_spent / _expected) : expected;
}
