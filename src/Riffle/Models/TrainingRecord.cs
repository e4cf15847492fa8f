using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Evaluation;
using Riffle.Recipes;

namespace Riffle.Models;

/// <summary>How the weights of a checkpoint were trained. With the weights and the optimiser's state, it is everything that a resume needs.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Seed">The seed of the first weights, the order of images and their augmentation.</param>
/// <param name="Data">The data set.</param>
/// <param name="Progress">The progress of the training.</param>
/// <param name="History">The metrics of every finished epoch.</param>
/// <param name="From">The run or checkpoint that the training started from, as the user named it; null: new weights.</param>
/// <param name="SoftLabels">The soft labels; null: none.</param>
/// <param name="Origin">The weights that the training started from; null: new weights, or a training by an older version that did not record it.</param>
/// <param name="Baking">How the images were baked when the data set was made; null: not baked, or a training by an older version that did not record it.</param>
/// <param name="Arithmetic">The <see cref="Execution.Arithmetic.Version"/> of all its steps; null: steps of several versions, or of one before they were counted.</param>
public sealed record TrainingRecord(
    Recipe Recipe, ulong Seed, DatasetIdentity Data, Progress Progress, ImmutableArray<EpochMetrics> History, string? From = null,
    SoftLabelsIdentity? SoftLabels = null, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] WeightsOrigin? Origin = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DatasetBaking? Baking = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Arithmetic = null)
{
    /// <summary>The steps after which <see cref="Early"/> is taken.</summary>
    public const int EarlySteps = 100;

    /// <summary>The width in bits of the vectors that computed all its steps; null: of several widths, or by a version that did not record it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? VectorBits { get; init; }

    /// <summary>The fingerprint of the weights after the first <see cref="EarlySteps"/> steps, by which a training can be verified without doing it
    /// all again; null: it had fewer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Early { get; init; }

    /// <summary>The metrics of the weights before the first step, as epoch 0, if a new classifier was fitted to their features
    /// (<see cref="Recipe.FitClassifier"/>): cross-validated on the training images, and on the validation images. Otherwise null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EpochMetrics? Fitted { get; init; }

    /// <summary>The epochs that the training began with, if there was no time for all of them, so that <see cref="Recipe"/> has fewer; otherwise null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? PlannedEpochs { get; init; }

    /// <summary>The epoch after which the weights of this file were taken, 0 for those of <see cref="Fitted"/>; null: the first with the highest top-1, as older
    /// versions chose it, or the last in a run's last checkpoint.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? TakenAfter { get; init; }

    /// <summary>The metrics of the weights of this file, unless it is a run's last checkpoint; null before the first epoch has ended.</summary>
    [JsonIgnore]
    public EpochMetrics? Measured => TakenAfter is { } epoch ? After(epoch) : History.IsEmpty ? null : History.MaxBy(epoch => epoch.Validation.Top1);

    /// <summary>Whether the training is at its end: all epochs have ended, or its schedule says that no gain is to be expected.</summary>
    [JsonIgnore]
    public bool IsFinished => Progress.Epochs >= Recipe.Epochs || Recipe.Schedule.HasEnded(Accuracies);

    /// <summary>
    /// The epoch with the highest validation top-1 or, if the training counts all classes alike, balanced accuracy, and among those with the same the one with the lowest loss, which is the surest of what it gets right; null
    /// before the first epoch has ended.
    /// </summary>
    public EpochMetrics? Best => Epochs.MaxBy(epoch => Rank(epoch.Validation));

    /// <summary>What the epochs are judged by, in percent: validation top-1 or, if the training counts all classes alike, balanced accuracy.</summary>
    internal IEnumerable<double> Accuracies => History.Select(epoch => Rank(epoch.Validation).Accuracy);

    internal IEnumerable<EpochMetrics> Epochs => Fitted is { } fitted ? History.Prepend(fitted) : History;

    /// <summary>The metrics after an epoch, or before the first if it is 0; null where there are none.</summary>
    public EpochMetrics? After(int epoch) => Epochs.FirstOrDefault(metrics => metrics.Epoch == epoch);

    /// <summary>The better of two epochs has the higher rank.</summary>
    internal static (double Accuracy, double LessLoss) Rank(Metrics validation) => (validation.Balanced ?? validation.Top1, -validation.Loss);
}

/// <summary>The weights that a training starts from.</summary>
/// <param name="Fingerprint">The fingerprint of the weights: equal for equal bits.</param>
/// <param name="Training">How they were trained, if their file says so.</param>
/// <param name="Epoch">The epoch of that training after which the weights were taken; null: before the first has ended, or unknown.</param>
public sealed record WeightsOrigin(string Fingerprint, TrainingRecord? Training, int? Epoch)
{
    /// <summary>The weights of a checkpoint as an origin. With an optimiser's state they are from a run's last epoch.</summary>
    public static WeightsOrigin Of(Checkpoint checkpoint)
    {
        var history = checkpoint.Training?.History ?? [];
        var epoch = checkpoint.OptimiserState.Count > 0 ? history.LastOrDefault() : checkpoint.Training?.Measured;
        return new(checkpoint.Fingerprint(), checkpoint.Training, epoch?.Epoch);
    }

    /// <summary>The metrics of that epoch.</summary>
    [JsonIgnore]
    public EpochMetrics? Measured => Epoch is { } epoch ? Training?.After(epoch) : null;
}

/// <summary>The metrics of one epoch.</summary>
/// <param name="Epoch">From 1; 0 before the first.</param>
/// <param name="LearningRate">The learning rate of the epoch's last step.</param>
/// <param name="Train">Over its training batches, while the weights changed.</param>
/// <param name="Validation">Over all validation images, after the epoch.</param>
public sealed record EpochMetrics(int Epoch, double LearningRate, Metrics Train, Metrics Validation)
{
    /// <summary>The L2 term of the weights after the epoch: half its strength times the sum of the squares of all trained kernels. Null: a training by an older
    /// version that did not record it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? L2 { get; init; }

    /// <summary>The total cost that training minimises: the loss over its batches plus <see cref="L2"/>; null where that is.</summary>
    [JsonIgnore]
    public double? Cost => Train.Loss + L2;
}

/// <summary>The progress of a training.</summary>
/// <param name="Epochs">The number of finished epochs, including their validation.</param>
/// <param name="Steps">Steps completed in the current epoch.</param>
/// <param name="Train">The metrics of these steps.</param>
public sealed record Progress(int Epochs, int Steps, Tally Train)
{
    /// <summary>Before the first step.</summary>
    public static Progress None { get; } = new(0, 0, default);
}
