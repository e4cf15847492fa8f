using Riffle.Data;
using Riffle.Recipes;

namespace Riffle.Learning;

/// <summary>A step of <see cref="Learner"/>. Whoever asked for it takes it before the next is chosen.</summary>
internal abstract record LearningStep
{
    /// <summary>Whether it belongs to a fold of the cross-validation, whose own figures nobody needs.</summary>
    public bool IsOfFold { get; init; }
}

/// <summary>Turns photos into a data set folder.</summary>
/// <param name="Photos">Anything that <see cref="Preparation"/> accepts.</param>
/// <param name="Data">The folder to write.</param>
/// <param name="Seed">The seed by which images are set aside.</param>
/// <param name="Validation">The share of each class to set aside for validation; null: nothing is set aside.</param>
/// <param name="Test">The share of each class to set aside for the test; null: none.</param>
/// <param name="Fold">Which of the shares for validation is taken.</param>
/// <param name="AddTo">The data set that the photos are added to; null: they are all there is.</param>
internal sealed record PreparationStep(string Photos, string Data, ulong Seed, double? Validation = null, double? Test = null, int? Fold = null, string? AddTo = null) : LearningStep;

/// <summary>Turns another program's weights into a run to start from.</summary>
/// <param name="File">The file of weights.</param>
/// <param name="Run">The run folder to write.</param>
internal sealed record ImportStep(string File, string Run) : LearningStep;

/// <summary>Trains a classifier.</summary>
/// <param name="Data">The data set folder.</param>
/// <param name="From">The run or checkpoint to start from.</param>
/// <param name="ImageSize">Height and width of the network's input in pixels.</param>
/// <param name="Recipe">The recipe.</param>
/// <param name="Run">The run folder to write.</param>
/// <param name="Seed">The seed of everything random.</param>
/// <param name="Time">The time for it.</param>
internal sealed record FineTuningStep(string Data, string From, int ImageSize, Recipe Recipe, string Run, ulong Seed, TimeSpan Time) : LearningStep;

/// <summary>Goes on with a training.</summary>
/// <param name="Run">The run folder.</param>
/// <param name="Time">The time for it.</param>
internal sealed record ResumptionStep(string Run, TimeSpan Time) : LearningStep;

/// <summary>Evaluates a run.</summary>
/// <param name="Run">The run folder.</param>
/// <param name="Data">The data set folder.</param>
/// <param name="Split">The images to measure.</param>
internal sealed record EvaluationStep(string Run, string Data, Split Split) : LearningStep;

/// <summary>Writes the report of a run again, with what was measured since its training.</summary>
/// <param name="Run">The run folder.</param>
/// <param name="Data">The data set folder.</param>
internal sealed record ReportStep(string Run, string Data) : LearningStep;
