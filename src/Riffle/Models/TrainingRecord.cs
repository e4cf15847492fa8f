using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Recipes;

namespace Riffle.Models;

/// <summary>How the weights of a checkpoint came about, and all that goes on from there needs beside the weights and the optimiser's state.</summary>
/// <param name="Recipe">How they are trained.</param>
/// <param name="Seed">Decides the first weights, the order of images and their augmentation.</param>
/// <param name="Data">What they are trained on.</param>
/// <param name="Progress">How far the training is.</param>
/// <param name="History">What every finished epoch measured.</param>
/// <param name="From">The run or checkpoint whose weights they were at first, as it was given; null where they began anew.</param>
/// <param name="SoftLabels">What counted beside the labels; null where nothing did.</param>
/// <param name="Origin">What the weights were at first, where they did not begin anew; not known of trainings before that was recorded.</param>
/// <param name="Baking">How the images were cut and changed when the data set was made; null where they were not, or before that was recorded.</param>
public sealed record TrainingRecord(
    Recipe Recipe, ulong Seed, DatasetIdentity Data, Progress Progress, ImmutableArray<EpochMetrics> History, string? From = null,
    SoftLabelsIdentity? SoftLabels = null, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] WeightsOrigin? Origin = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DatasetBaking? Baking = null)
{
    /// <summary>The epoch of the highest validation top-1, the first of equal ones; null before the first has ended.</summary>
    public EpochMetrics? Best => History.IsEmpty ? null : History.MaxBy(epoch => epoch.Validation.Top1);
}

/// <summary>Weights that a training begins with.</summary>
/// <param name="Fingerprint">Of the weights: the same for the same bits.</param>
/// <param name="Training">How they came about themselves, where their file tells.</param>
/// <param name="Epoch">The epoch of that training whose weights they are; null where none had ended, or that is not known.</param>
public sealed record WeightsOrigin(string Fingerprint, TrainingRecord? Training, int? Epoch)
{
    /// <summary>The origin that a checkpoint is: with the optimiser's state the latest of a run, else the best.</summary>
    public static WeightsOrigin Of(Checkpoint checkpoint)
    {
        var history = checkpoint.Training?.History ?? [];
        var epoch = checkpoint.OptimiserState.Count > 0 ? history.LastOrDefault() : checkpoint.Training?.Best;
        return new(checkpoint.Fingerprint(), checkpoint.Training, epoch?.Epoch);
    }

    /// <summary>What that epoch measured.</summary>
    [JsonIgnore]
    public EpochMetrics? Measured => Training?.History.FirstOrDefault(epoch => epoch.Epoch == Epoch);
}

/// <summary>What one epoch measured.</summary>
/// <param name="Epoch">From 1.</param>
/// <param name="LearningRate">Of the epoch's last step.</param>
/// <param name="Train">Over its training batches, while the weights changed.</param>
/// <param name="Validation">Over every validation image, after it.</param>
public sealed record EpochMetrics(int Epoch, double LearningRate, Measures Train, Measures Validation);

/// <summary>A place in a training.</summary>
/// <param name="Epochs">Epochs that have ended, validation included.</param>
/// <param name="Steps">Steps taken in the epoch under way.</param>
/// <param name="Train">What these steps measured.</param>
public sealed record Progress(int Epochs, int Steps, Tally Train)
{
    /// <summary>Before the first step.</summary>
    public static Progress None { get; } = new(0, 0, default);
}
