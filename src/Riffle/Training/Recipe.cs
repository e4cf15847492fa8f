using Riffle.Data;
using Riffle.Networks;

namespace Riffle.Training;

/// <summary>How a teacher's word counts, where a network is trained with one (Hinton, Vinyals and Dean, 2015).</summary>
/// <param name="Share">Share of the loss that follows the teacher instead of the labels, from 0 to 1.</param>
/// <param name="Temperature">What both networks' logits are divided by before they are compared; positive. With a high one all classes count, with a low one the
/// likely ones.</param>
/// <param name="LastTemperature">What it has become at the end of the training, along half a cosine; null: it stays the same.</param>
public sealed record Distillation(double Share = 0.9, double Temperature = 8, double? LastTemperature = null)
{
    /// <summary>The temperature at a moment of the training.</summary>
    /// <param name="progress">From 0, the start, to 1, the end.</param>
    public double TemperatureAt(double progress) => LastTemperature is { } last
        ? last + ((Temperature - last) * Schedule.HalfCosine(progress, 1))
        : Temperature;
}

/// <summary>How a network is trained: with the network, the data set and the seed it decides every bit of the result.</summary>
public sealed record Recipe
{
    /// <summary>The name it came from: <c>paper</c> or <c>best</c>.</summary>
    public required string Name { get; init; }

    /// <summary>How kernels start.</summary>
    public InitialisationKind Initialisation { get; init; }

    /// <summary>How gradients become steps.</summary>
    public OptimiserKind Optimiser { get; init; }

    /// <summary>µ of the momentum rules, from 0 to below 1.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Strength of the L2 term on kernels, at least 0.</summary>
    public double WeightDecay { get; init; } = 4e-5;

    /// <summary>Share of the target spread over all classes (Szegedy et al., 2016), from 0 to below 1.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>How a teacher's word counts; it does nothing where there is none.</summary>
    public Distillation Distillation { get; init; } = new(LastTemperature: 2);

    /// <summary>The learning rate of every step.</summary>
    public required Schedule Schedule { get; init; }

    /// <summary>Passes over the training images, at least 1.</summary>
    public int Epochs { get; init; }

    /// <summary>Images in a step, at least 1. A data set with fewer training images takes them all in each step.</summary>
    public int Batch { get; init; } = 128;

    /// <summary>
    /// Train the classifier alone. The features are as in inference: neither their weights nor the running statistics of batch norm change, and batch norm
    /// takes these statistics, not the batch's.
    /// </summary>
    public bool FreezeFeatures { get; init; }

    /// <summary>What is done to training images.</summary>
    public required Augmentation Augmentation { get; init; }

    /// <summary>
    /// The study's: Xavier, Nesterov momentum, L2 on kernels, rate × 0.1 when validation accuracy stalls, every augmentation. The study
    /// gives neither rate nor L2 strength: the strength is ShuffleNet's (Zhang et al., 2017).
    /// </summary>
    public static Recipe Paper { get; } = new()
    {
        Name = "paper",
        Schedule = new() { Kind = ScheduleKind.Plateau, LearningRate = 0.1, Patience = 4, Cooldown = 2, Minimum = 1e-5 },
        Epochs = 60,
        Augmentation = Augmentation.Full,
    };

    /// <summary>
    /// For accuracy: cosine decay from a high rate after a short warm-up, crop and flip alone: networks this small rather underfit. docs/experiments.md has
    /// what was tried.
    /// </summary>
    public static Recipe Best { get; } = new()
    {
        Name = "best",
        WeightDecay = 1e-4,
        Schedule = new() { Kind = ScheduleKind.Cosine, LearningRate = 0.5, WarmUpEpochs = 0.5 },
        Epochs = 30,
        Augmentation = Augmentation.CropAndFlip,
    };

    /// <summary>For weights that have learnt something before: half as long, and at a tenth of the rate, which keeps what they know.</summary>
    public static Recipe FineTune { get; } = Best with { Name = "finetune", Schedule = Best.Schedule with { LearningRate = 0.05 }, Epochs = 15 };

    /// <summary>All recipes that have a name.</summary>
    public static IReadOnlyList<Recipe> Named { get; } = [Paper, Best, FineTune];

    /// <summary>
    /// This recipe for a network and a data set of that size. But for the study's, whose L2 is fixed, a network gets 1e-4 more of it for each doubling of its
    /// width, beginning with x0.25: wider ones overfit (docs/experiments.md). Where an epoch would have fewer than forty steps, the batch is halved, to 16 at
    /// least, and the learning rate with it (Goyal et al., 2017): a network learns by steps, and a few large ones after a warm-up of two or three make it diverge.
    /// </summary>
    public Recipe FitTo(NetworkSpec network, int trainingImages)
    {
        const int FewestSteps = 40, SmallestBatch = 16;
        var batch = Batch;
        while (batch / 2 >= SmallestBatch && trainingImages / batch < FewestSteps)
            batch /= 2;
        var doublings = Name == Paper.Name ? 0 : Math.Max(0, Math.Log2(NetworkCatalogue.ScaleOf(network.Name) / 0.25));
        return this with
        {
            WeightDecay = Math.Round(WeightDecay + 1e-4 * doublings, 6),
            Batch = batch,
            Schedule = Schedule with { LearningRate = Schedule.LearningRate * batch / Batch },
        };
    }

    /// <summary>This recipe for a training with soft labels: its images are changed as those that the teachers looked at.</summary>
    /// <param name="labels">The soft labels; null: there are none, and nothing changes.</param>
    public Recipe TaughtBy(SoftLabelsIdentity? labels) => labels is null ? this : this with { Augmentation = labels.Augmentation };

    /// <summary>Refuses values that can't be trained with.</summary>
    /// <exception cref="ArgumentException">Says which value, and what is possible.</exception>
    public void Check()
    {
        Require(Epochs >= 1, "epochs", Epochs, "at least 1");
        Require(Batch is >= 1 and <= 65536, "batch", Batch, "from 1 to 65536");
        Require(Schedule.LearningRate is > 0 and < double.PositiveInfinity, "learning rate", Schedule.LearningRate, "above 0");
        Require(Schedule.WarmUpEpochs is >= 0 and <= 1e6, "warm-up", Schedule.WarmUpEpochs, "at least 0 epochs");
        Require(Schedule.Factor is > 0 and <= 1, "factor of the schedule", Schedule.Factor, "above 0, at most 1");
        Require(Schedule.StepEpochs >= 1, "epochs between drops", Schedule.StepEpochs, "at least 1");
        Require(Schedule.Patience >= 0, "patience", Schedule.Patience, "at least 0");
        Require(Schedule.Cooldown >= 0, "cooldown", Schedule.Cooldown, "at least 0");
        Require(Schedule.Minimum is >= 0 and <= 1000, "lowest learning rate", Schedule.Minimum, "at least 0");
        Require(Momentum is >= 0 and < 1, "momentum", Momentum, "from 0 to below 1");
        Require(WeightDecay is >= 0 and <= 1000, "weight decay", WeightDecay, "at least 0");
        Require(Distillation.Share is >= 0 and <= 1, "teacher's share", Distillation.Share, "from 0 to 1");
        Require(Distillation.Temperature is >= 0.1 and <= 1000, "temperature", Distillation.Temperature, "from 0.1 to 1000");
        Require(Distillation.LastTemperature is null or (>= 0.1 and <= 1000), "last temperature", Distillation.LastTemperature ?? 0, "from 0.1 to 1000");
        Require(LabelSmoothing is >= 0 and < 1, "label smoothing", LabelSmoothing, "from 0 to below 1");
    }

    private static void Require(bool condition, string what, double value, string possible)
    {
        if (!condition)
            throw new ArgumentException($"The {what} can't be {value}: it is {possible}.");
    }
}
