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

    /// <summary>Passes over the training images, at least 1; <see cref="RecipeLimits"/> has what each number may be.</summary>
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

    /// <summary>Refuses what can't be trained with.</summary>
    /// <exception cref="ArgumentException">Says what, and what is possible.</exception>
    public void Check()
    {
        RecipeLimits.Epochs.Require(Epochs, "number of epochs");
        RecipeLimits.Batch.Require(Batch, "batch");
        RecipeLimits.Momentum.Require(Momentum, "momentum");
        RecipeLimits.WeightDecay.Require(WeightDecay, "weight decay");
        RecipeLimits.LabelSmoothing.Require(LabelSmoothing, "label smoothing");
        RecipeLimits.SoftShare.Require(Distillation.Share, "teacher's share");
        RecipeLimits.Temperature.Require(Distillation.Temperature, "temperature");
        RecipeLimits.Temperature.Require(Distillation.TemperatureAt(1), "last temperature");
        RecipeLimits.LearningRate.Require(Schedule.LearningRate, "learning rate");
        RecipeLimits.WarmUpEpochs.Require(Schedule.WarmUpEpochs, "warm-up in epochs");
        RecipeLimits.Patience.Require(Schedule.Patience, "patience");
        RecipeLimits.Patience.Require(Schedule.Cooldown, "cooldown");
        RecipeLimits.StepEpochs.Require(Schedule.StepEpochs, "number of epochs between drops");
        RecipeLimits.Factor.Require(Schedule.Factor, "factor of the schedule");
        RecipeLimits.MinimumRate.Require(Schedule.Minimum, "lowest learning rate");
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
