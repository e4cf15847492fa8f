using Riffle.Formats;

namespace Riffle.Training;

/// <summary>The TensorBoard events of a run: <c>train/</c> and <c>validation/</c>, a point per epoch under the names that Keras uses.</summary>
internal sealed class RunEvents(string run) : IDisposable
{
    private EventFileWriter? _train, _validation;

    /// <summary>Adds an epoch. Each process that goes on with a run writes files of its own, which TensorBoard joins.</summary>
    public void Write(EpochReport report)
    {
        _train ??= new(Path.Combine(run, "train"));
        _validation ??= new(Path.Combine(run, "validation"));
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
        var (epoch, metrics) = (report.Metrics.Epoch, report.Metrics);
        foreach (var (writer, measures) in new[] { (_train, metrics.Train), (_validation, metrics.Validation) })
        {
            writer.Scalar("epoch_loss", epoch, (float)measures.Loss, now);
            writer.Scalar("epoch_accuracy", epoch, (float)(measures.Top1 / 100), now);
            writer.Scalar("epoch_top_5_accuracy", epoch, (float)(measures.Top5 / 100), now);
        }

        _train.Scalar("epoch_learning_rate", epoch, (float)metrics.LearningRate, now);
        _train.Scalar("epoch_images_per_second", epoch, (float)(report.TrainingImages / Math.Max(report.Training.TotalSeconds, 1e-9)), now);
        _train.Flush();
        _validation.Flush();
    }

    public void Dispose()
    {
        foreach (var writer in new[] { _train, _validation })
        {
            try
            {
                writer?.Dispose();
            }
            catch (RiffleException)
            {
                // Every epoch was flushed: what is left is what could not be written then, and that was told.
            }
        }
    }
}
