using System.Text.Json.Serialization;

namespace Riffle.Recipes;

/// <summary>How the learning rate falls after the warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>It stays constant.</summary>
    Constant,

    /// <summary>It is multiplied by <see cref="Schedule.Factor"/> when validation top-1 stops rising.</summary>
    Plateau,

    /// <summary>It follows half a cosine from the peak rate to zero at the last step (Loshchilov and Hutter, 2017, without restarts).</summary>
    Cosine,

    /// <summary>It is multiplied by <see cref="Schedule.Factor"/> every <see cref="Schedule.StepEpochs"/> epochs.</summary>
    Step,
}

/// <summary>Computes the learning rate of every step from the step and, for a plateau, from the accuracies so far. It has no state.</summary>
public sealed record Schedule
{
    /// <summary>How the rate falls.</summary>
    public ScheduleKind Kind { get; init; }

    /// <summary>The peak rate, positive.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Epochs, or a fraction, during which the rate rises linearly from zero to the peak rate (Goyal et al., 2017).</summary>
    public double WarmUpEpochs { get; init; }

    /// <summary>The factor by which a drop multiplies the rate, between 0 and 1.</summary>
    public double Factor { get; init; } = 0.1;

    /// <summary>Epochs between drops of <see cref="ScheduleKind.Step"/>, at least 1.</summary>
    public int StepEpochs { get; init; } = 30;

    /// <summary>Plateau: consecutive epochs without a new best validation top-1 that are tolerated; the next one drops the rate.</summary>
    public int Patience { get; init; } = 5;

    /// <summary>Plateau: epochs after a drop that do not count.</summary>
    public int Cooldown { get; init; }

    /// <summary>The lower limit of the rate after drops; at least 0.</summary>
    public double Minimum { get; init; }

    /// <summary>Plateau: the training ends early after so many drops in a row without a new best validation top-1; 0: it doesn't.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int DropsToEnd { get; init; }

    /// <summary>The training ends early after so many epochs in a row without a new best validation top-1; 0: it doesn't.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int StopAfter { get; init; }

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">The number of steps before, over all epochs.</param>
    /// <param name="stepsPerEpoch">At least 1.</param>
    /// <param name="epochs">The length of the training.</param>
    /// <param name="drops">For a plateau, <see cref="PlateauDrops"/>; otherwise ignored.</param>
    public double At(long step, int stepsPerEpoch, int epochs, int drops = 0)
    {
        var warmUp = Math.Round(WarmUpEpochs * stepsPerEpoch);
        if (step < warmUp)
            return LearningRate * (step + 1) / warmUp;

        var fraction = Kind switch
        {
            ScheduleKind.Plateau => PortableMath.Pow(Factor, drops),
            ScheduleKind.Cosine => HalfCosine(step - warmUp, Math.Max(1, (double)stepsPerEpoch * epochs - warmUp)),
            ScheduleKind.Step => PortableMath.Pow(Factor, step / stepsPerEpoch / StepEpochs),
            _ => 1,
        };
        return Math.Max(LearningRate * fraction, Math.Min(Minimum, LearningRate));
    }

    /// <summary>Half a cosine from 1 at the start to 0 at the end.</summary>
    internal static double HalfCosine(double done, double whole) => (1 + PortableMath.CosPi(done / whole)) / 2;

    /// <summary>The number of drops of a plateau, by the rule of PyTorch's ReduceLROnPlateau with threshold 0.</summary>
    /// <param name="top1">Validation top-1 of every epoch so far.</param>
    public int PlateauDrops(IEnumerable<double> top1) => Plateaus(top1).Drops;

    /// <summary>Whether the training ends early, because no gain is to be expected.</summary>
    /// <param name="top1">Validation top-1 of every epoch so far.</param>
    public bool HasEnded(IEnumerable<double> top1) =>
        (Kind == ScheduleKind.Plateau && DropsToEnd > 0 && Plateaus(top1).SinceBest >= DropsToEnd) || (StopAfter > 0 && SinceBest([.. top1]) >= StopAfter);

    /// <summary>Epochs since the first with the highest accuracy.</summary>
    private static int SinceBest(double[] top1) => top1.Length == 0 ? 0 : top1.Length - 1 - Array.IndexOf(top1, top1.Max());

    /// <summary>All drops, and those since the last new best.</summary>
    private (int Drops, int SinceBest) Plateaus(IEnumerable<double> top1)
    {
        var (drops, sinceBest, best, waited, cooldown) = (0, 0, double.NegativeInfinity, 0, 0);
        foreach (var accuracy in top1)
        {
            if (accuracy > best)
                (best, waited, sinceBest) = (accuracy, 0, 0);
            else
                waited++;
            if (cooldown > 0)
            {
                cooldown--;
                waited = 0;
            }

            if (waited > Patience)
                (drops, sinceBest, waited, cooldown) = (drops + 1, sinceBest + 1, 0, Cooldown);
        }

        return (drops, sinceBest);
    }
}
