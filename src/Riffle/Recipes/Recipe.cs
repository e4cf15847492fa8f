using System.Text.Json.Serialization;
using Riffle.Data;
using Riffle.Networks;

namespace Riffle.Recipes;

/// <summary>How a network is trained. Together with the network, the data set and the seed, it determines every bit of the result.</summary>
public sealed record Recipe
{
    /// <summary>The name of the recipe it is based on: <c>paper</c>, <c>best</c>, <c>taught</c> or <c>finetune</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The distribution of the initial kernels.</summary>
    public InitialisationKind Initialisation { get; init; }

    /// <summary>The update rule.</summary>
    public OptimiserKind Optimiser { get; init; }

    /// <summary>The momentum µ, from 0 to below 1.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Strength of the L2 term on kernels, at least 0.</summary>
    public double WeightDecay { get; init; } = 4e-5;

    /// <summary>Share of the target spread over all classes (Szegedy et al., 2016), from 0 to below 1.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>How soft labels count; ignored without soft labels.</summary>
    public DistillationSettings Distillation { get; init; } = new(LastTemperature: 2);

    /// <summary>The learning rate of every step.</summary>
    public required Schedule Schedule { get; init; }

    /// <summary>Number of passes over the training images, at least 1. <see cref="RecipeLimits"/> has the ranges of all numbers.</summary>
    public int Epochs { get; init; }

    /// <summary>Images per step, at least 1. If the data set has fewer training images, each step uses them all.</summary>
    public int Batch { get; init; } = 128;

    /// <summary>
    /// Train only the classifier. The features work as in inference: their weights and the running statistics of batch norm don't change, and batch norm
    /// uses these statistics instead of the batch's.
    /// </summary>
    public bool FreezeFeatures { get; init; }

    /// <summary>
    /// Fit a new classifier to the features of the training images before the first step, so that training starts from what the features can do already and the
    /// classifier's first gradients don't spoil them. Without effect on a network that starts from nothing or keeps its classifier.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool FitClassifier { get; init; }

    /// <summary>
    /// Where several ranks train together, batch norm takes the statistics of each rank's own images, and waits for no other rank. Then the result depends on the
    /// number of ranks. Without effect on one.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool LocalBatchNorm { get; init; }

    /// <summary>
    /// Count every class alike, however many images it has: the logarithm of each class's share of the training images is taken off its logit when the network is
    /// measured and in its best weights (logit adjustment; Menon et al., 2021), and the best epoch is the one with the highest balanced accuracy.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Balanced { get; init; }

    /// <summary>How images that are not square become squares, for training and for the use of the network.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public FitKind Fit { get; init; }

    /// <summary>The augmentation of training images.</summary>
    public required Augmentation Augmentation { get; init; }

    /// <summary>
    /// The study's recipe: Xavier, Nesterov momentum, L2 on kernels, learning rate × 0.1 when validation accuracy stalls, every augmentation. It ends
    /// after three such drops in a row without gain, and after 60 epochs at the latest. The study
    /// reports neither the learning rate nor the strength of L2; the strength is ShuffleNet's (Zhang et al., 2017).
    /// </summary>
    public static Recipe Paper { get; } = new()
    {
        Name = "paper",
        Schedule = new() { Kind = ScheduleKind.Plateau, LearningRate = 0.1, Patience = 4, Cooldown = 2, Minimum = 1e-5, DropsToEnd = 3 },
        Epochs = 60,
        Augmentation = Augmentation.Full,
    };

    /// <summary>
    /// The recipe for accuracy: cosine decay from a high learning rate after a short warm-up, with only crop and flip, because networks this small tend to
    /// underfit. docs/experiments.md describes what was tried.
    /// </summary>
    public static Recipe Best { get; } = new()
    {
        Name = "best",
        WeightDecay = 1e-4,
        Schedule = new() { Kind = ScheduleKind.Cosine, LearningRate = 0.5, WarmUpEpochs = 0.5 },
        Epochs = 30,
        Augmentation = Augmentation.CropAndFlip,
    };

    /// <summary>The recipe for networks that learn from the soft labels of teachers: twice as long, because that is worth far more to them (docs/experiments.md).</summary>
    public static Recipe Taught { get; } = Best with { Name = "taught", Epochs = 60 };

    /// <summary>The recipe for fine-tuning: half as long and at a tenth of the learning rate, so that the network keeps what it has learnt.</summary>
    public static Recipe FineTune { get; } = Best with { Name = "finetune", Schedule = Best.Schedule with { LearningRate = 0.05 }, Epochs = 15, FitClassifier = true };

    /// <summary>All named recipes.</summary>
    public static IReadOnlyList<Recipe> Named { get; } = [Paper, Best, Taught, FineTune];

    /// <summary>
    /// Adapts this recipe to a network and the size of a data set. Except in the study's recipe, L2 grows by 1e-4 for each doubling of the width from x0.25 on,
    /// because wider networks overfit (docs/experiments.md); networks that are not in the catalogue have no width to go by. If an epoch would have fewer than forty steps, the batch is halved repeatedly, down to 16, and the
    /// learning rate with it (Goyal et al., 2017), because few large steps after a warm-up of two or three make a network diverge. Baked images are not augmented again.
    /// </summary>
    /// <param name="network">What is to be trained.</param>
    /// <param name="trainingImages">Number of training images.</param>
    /// <param name="areBaked">Whether they were augmented when the data set was made (<see cref="DatasetInfo.Baking"/>).</param>
    public Recipe FitTo(NetworkSpec network, int trainingImages, bool areBaked = false)
    {
        const int FewestSteps = 40, SmallestBatch = 16;
        var batch = Batch;
        while (batch / 2 >= SmallestBatch && trainingImages / batch < FewestSteps)
            batch /= 2;
        var isFixed = Name == Paper.Name || network.Layers is not null;
        var doublings = isFixed ? 0 : Math.Max(0, PortableMath.Log(NetworkCatalogue.ScaleOf(network.Name) / 0.25) / PortableMath.Log(2));
        return this with
        {
            WeightDecay = Math.Round(WeightDecay + 1e-4 * doublings, 6),
            Batch = batch,
            Schedule = Schedule with { LearningRate = Schedule.LearningRate * batch / Batch },
            Augmentation = areBaked ? Augmentation.None : Augmentation,
        };
    }

    /// <summary>
    /// The recipe for a larger batch, such as several machines compute at once: the learning rate grows in proportion, and takes at least five epochs to rise, without
    /// which large rates make networks diverge (Goyal et al., "Accurate, Large Minibatch SGD", 2017). For a smaller batch the rate falls.
    /// </summary>
    /// <param name="batch">Images per step, at least 1.</param>
    public Recipe ScaledTo(int batch) => this with
    {
        Batch = batch,
        Schedule = Schedule with
        {
            LearningRate = Schedule.LearningRate * batch / Batch,
            WarmUpEpochs = batch > Batch ? Math.Max(Schedule.WarmUpEpochs, 5) : Schedule.WarmUpEpochs,
        },
    };

    /// <summary>Adapts this recipe to soft labels: its images become squares and are augmented as those that the teachers saw.</summary>
    /// <param name="seen">How these were augmented; null: there are no soft labels, and nothing changes.</param>
    /// <param name="fit">How they became squares.</param>
    public Recipe WithImagesAs(Augmentation? seen, FitKind? fit) => this with { Augmentation = seen ?? Augmentation, Fit = fit ?? Fit };

    /// <summary>Checks all values.</summary>
    /// <exception cref="ArgumentException">A value is not allowed. The message names it and its range.</exception>
    public void Check()
    {
        var (weight, temperature, last) = Distillation;
        RecipeLimits.Epochs.Require(Epochs, "number of epochs");
        RecipeLimits.Batch.Require(Batch, "batch");
        RecipeLimits.Momentum.Require(Momentum, "momentum");
        RecipeLimits.WeightDecay.Require(WeightDecay, "weight decay");
        RecipeLimits.LabelSmoothing.Require(LabelSmoothing, "label smoothing");
        RecipeLimits.DistillationWeight.Require(weight, "weight of the soft labels");
        RecipeLimits.Temperature.Require(temperature, "temperature");
        RecipeLimits.Temperature.Require(last ?? temperature, "last temperature");
        RecipeLimits.LearningRate.Require(Schedule.LearningRate, "learning rate");
        RecipeLimits.WarmUpEpochs.Require(Schedule.WarmUpEpochs, "warm-up in epochs");
        RecipeLimits.Patience.Require(Schedule.Patience, "patience");
        RecipeLimits.Patience.Require(Schedule.Cooldown, "cooldown");
        RecipeLimits.DropsToEnd.Require(Schedule.DropsToEnd, "number of drops to the end");
        RecipeLimits.StopAfter.Require(Schedule.StopAfter, "number of epochs without gain");
        RecipeLimits.StepEpochs.Require(Schedule.StepEpochs, "number of epochs between drops");
        RecipeLimits.Factor.Require(Schedule.Factor, "factor of the schedule");
        RecipeLimits.MinimumRate.Require(Schedule.Minimum, "lowest learning rate");
        RequireDefined(Fit, "fit");
        RequireDefined(Optimiser, "optimiser");
        RequireDefined(Initialisation, "initialisation");
        RequireDefined(Schedule.Kind, "schedule");
        Augmentation.Check();
    }

    private static void RequireDefined<T>(T value, string what)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
            throw new ArgumentException($"The {what} must be one of {string.Join(", ", Enum.GetNames<T>())}, not {value}.");
    }
}
