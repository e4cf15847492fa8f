namespace Riffle.Recipes;

/// <summary>The allowed ranges of the numbers of a <see cref="Recipe"/>.</summary>
public static class RecipeLimits
{
    /// <summary>The range of <see cref="Recipe.Epochs"/>.</summary>
    public static Limits<int> Epochs { get; } = new(1, 1_000_000);

    /// <summary>The range of <see cref="Recipe.Batch"/>.</summary>
    public static Limits<int> Batch { get; } = new(1, 65536);

    /// <summary>The range of <see cref="Recipe.Momentum"/>.</summary>
    public static Limits<double> Momentum { get; } = new(0, 0.9999);

    /// <summary>The range of <see cref="Recipe.WeightDecay"/>.</summary>
    public static Limits<double> WeightDecay { get; } = new(0, 1000);

    /// <summary>The range of <see cref="Recipe.LabelSmoothing"/>.</summary>
    public static Limits<double> LabelSmoothing { get; } = new(0, 0.9999);

    /// <summary>Of <see cref="DistillationSettings.Weight"/>.</summary>
    public static Limits<double> DistillationWeight { get; } = new(0, 1);

    /// <summary>Of <see cref="DistillationSettings.Temperature"/> and <see cref="DistillationSettings.LastTemperature"/>.</summary>
    public static Limits<double> Temperature { get; } = new(0.1, 1000);

    /// <summary>The range of <see cref="Schedule.LearningRate"/>: what fits into single precision, far more than is useful.</summary>
    public static Limits<double> LearningRate { get; } = new(1e-12, 1e30);

    /// <summary>The range of <see cref="Schedule.WarmUpEpochs"/>.</summary>
    public static Limits<double> WarmUpEpochs { get; } = new(0, 1e6);

    /// <summary>The range of <see cref="Schedule.Patience"/> and <see cref="Schedule.Cooldown"/>.</summary>
    public static Limits<int> Patience { get; } = new(0, 1_000_000);

    /// <summary>The range of <see cref="Schedule.DropsToEnd"/>.</summary>
    public static Limits<int> DropsToEnd { get; } = new(0, 1000);

    /// <summary>The range of <see cref="Schedule.StopAfter"/>.</summary>
    public static Limits<int> StopAfter { get; } = new(0, 1_000_000);

    /// <summary>The range of <see cref="Schedule.StepEpochs"/>.</summary>
    public static Limits<int> StepEpochs { get; } = new(1, 1_000_000);

    /// <summary>The range of <see cref="Schedule.Factor"/>.</summary>
    public static Limits<double> Factor { get; } = new(1e-6, 1);

    /// <summary>The range of <see cref="Schedule.Minimum"/>.</summary>
    public static Limits<double> MinimumRate { get; } = new(0, 1000);
}
