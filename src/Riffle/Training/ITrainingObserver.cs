using Riffle.Evaluation;
using Riffle.Models;

namespace Riffle.Training;

/// <summary>Observes a training. Its methods are called on the training thread and should return quickly; all are optional.</summary>
public interface ITrainingObserver
{
    /// <summary>The training starts or resumes.</summary>
    void Started(TrainingPlace place)
    {
    }

    /// <summary>A step has ended.</summary>
    void Stepped(in TrainingPlace place)
    {
    }

    /// <summary>Validation has processed some images.</summary>
    void Validated(int images, int total)
    {
    }

    /// <summary>An epoch has ended and its checkpoint is written.</summary>
    void EpochEnded(EpochReport report)
    {
    }
}

/// <summary>The current position of a training.</summary>
/// <param name="Epoch">The current epoch, from 1.</param>
/// <param name="Epochs">The total number of epochs.</param>
/// <param name="Step">Steps completed in this epoch.</param>
/// <param name="Steps">Steps per epoch.</param>
/// <param name="Batch">Images per step.</param>
/// <param name="LearningRate">The learning rate of the last step, or of the next one if this epoch has none yet.</param>
/// <param name="Train">The metrics of the epoch's steps.</param>
public readonly record struct TrainingPlace(int Epoch, int Epochs, int Step, int Steps, int Batch, double LearningRate, Tally Train);

/// <summary>A finished epoch.</summary>
/// <param name="Metrics">Its metrics.</param>
/// <param name="IsBest">Whether it is better than every epoch before: in validation top-1, or in loss at the same top-1.</param>
/// <param name="Training">The duration of its steps; after a resume, of the steps since then.</param>
/// <param name="TrainingImages">The number of images in these steps.</param>
/// <param name="Validation">The duration of the validation.</param>
public sealed record EpochReport(EpochMetrics Metrics, bool IsBest, TimeSpan Training, long TrainingImages, TimeSpan Validation)
{
    /// <summary>The total number of epochs from now on, if there is no time for more (<see cref="Trainer.TimeLimit"/>); null: as before.</summary>
    public int? ShortenedTo { get; init; }
}
