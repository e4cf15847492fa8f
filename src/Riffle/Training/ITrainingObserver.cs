using Riffle.Evaluation;
using Riffle.Models;

namespace Riffle.Training;

/// <summary>Sees a training as it goes, on the thread that trains: it should return soon. Every method may be left out.</summary>
public interface ITrainingObserver
{
    /// <summary>The first step, or the first after a resume, is about to be taken.</summary>
    void Started(TrainingPlace place)
    {
    }

    /// <summary>A step was taken.</summary>
    void Stepped(in TrainingPlace place)
    {
    }

    /// <summary>Validation images were measured.</summary>
    void Validated(int images, int total)
    {
    }

    /// <summary>An epoch has ended, and its checkpoint is written.</summary>
    void EpochEnded(EpochReport report)
    {
    }
}

/// <summary>Where a training is.</summary>
/// <param name="Epoch">The epoch under way, from 1.</param>
/// <param name="Epochs">Epochs in all.</param>
/// <param name="Step">Steps taken in it.</param>
/// <param name="Steps">Steps in an epoch.</param>
/// <param name="Batch">Images in a step.</param>
/// <param name="LearningRate">Of the step just taken, or of the next one when none was taken in this epoch.</param>
/// <param name="Train">What the epoch's steps measured.</param>
public readonly record struct TrainingPlace(int Epoch, int Epochs, int Step, int Steps, int Batch, double LearningRate, Tally Train);

/// <summary>An epoch that has ended.</summary>
/// <param name="Metrics">What it measured.</param>
/// <param name="IsBest">Whether no epoch before reached its validation top-1.</param>
/// <param name="Training">Time its steps took; after a resume, of those taken since.</param>
/// <param name="TrainingImages">Images in these steps.</param>
/// <param name="Validation">Time the validation took.</param>
public sealed record EpochReport(EpochMetrics Metrics, bool IsBest, TimeSpan Training, long TrainingImages, TimeSpan Validation);
