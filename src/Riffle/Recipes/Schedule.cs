namespace Riffle.Recipes;

/// <summary>How the learning rate falls after its warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>It does not.</summary>
    Constant,

    /// <summary>Times <see cref="Schedule.Factor"/> when validation top-1 no longer rises.</summary>
    Plateau,

    /// <summary>Half a cosine from the full rate to zero at the last step (Loshchilov and Hutter, 2017, without restarts).</summary>
    Cosine,

    /// <summary>Times <see cref="Schedule.Factor"/> every <see cref="Schedule.StepEpochs"/> epochs.</summary>
    Step,
}

/// <summary>The learning rate of every step: a function of the step and, for a plateau, of the accuracies so far. It has no state.</summary>
public sealed record Schedule
{
    /// <summary>How the rate falls.</summary>
    public ScheduleKind Kind { get; init; }

    /// <summary>The full rate, positive.</summary>
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Epochs (fractions count) over whose steps the rate rises linearly from nothing to the full rate (Goyal et al., 2017).</summary>
    public double WarmUpEpochs { get; init; }

    /// <summary>What a drop multiplies the rate by, between 0 and 1.</summary>
    public double Factor { get; init; } = 0.1;

    /// <summary>Epochs between drops of <see cref="ScheduleKind.Step"/>, at least 1.</summary>
    public int StepEpochs { get; init; } = 30;

    /// <summary>Epochs in a row without a new best validation top-1 that a plateau bears; the next one drops the rate.</summary>
    public int Patience { get; init; } = 5;

    /// <summary>Epochs after a drop that do not count against the patience.</summary>
    public int Cooldown { get; init; }

    /// <summary>No drop takes the rate below this; at least 0.</summary>
    public double Minimum { get; init; }

    /// <summary>The learning rate of a step.</summary>
    /// <param name="step">Steps taken before, over all epochs.</param>
    /// <param name="stepsPerEpoch">At least 1.</param>
    /// <param name="epochs">Length of the whole training.</param>
    /// <param name="drops">For a plateau, <see cref="PlateauDrops"/>; else ignored.</param>
    public double At(long step, int stepsPerEpoch, int epochs, int drops = 0)
    {
        var warmUp = Math.Round(WarmUpEpochs * stepsPerEpoch);
        if (step < warmUp)
            return LearningRate * (step + 1) / warmUp;

        var share = Kind switch
        {
            ScheduleKind.Plateau => Math.Pow(Factor, drops),
            ScheduleKind.Cosine => HalfCosine(step - warmUp, Math.Max(1, (double)stepsPerEpoch * epochs - warmUp)),
            ScheduleKind.Step => Math.Pow(Factor, (double)(step / stepsPerEpoch / StepEpochs)),
            _ => 1,
        };
        return Math.Max(LearningRate * share, Math.Min(Minimum, LearningRate));
    }

    /// <summary>Falls from 1, where nothing of the whole is done, to 0 at its end; slowly first and last.</summary>
    internal static double HalfCosine(double done, double whole) => (1 + Math.Cos(Math.PI * done / whole)) / 2;

    /// <summary>How often a plateau has dropped the rate, by the rule of PyTorch's ReduceLROnPlateau with threshold 0.</summary>
    /// <param name="top1">Validation top-1 of every epoch so far.</param>
    public int PlateauDrops(IEnumerable<double> top1)
    {
        var (drops, best, waited, cooldown) = (0, double.NegativeInfinity, 0, 0);
        foreach (var accuracy in top1)
        {
            waited = accuracy > best ? 0 : waited + 1;
            best = Math.Max(best, accuracy);
            if (cooldown > 0)
            {
                cooldown--;
                waited = 0;
            }

            if (waited > Patience)
                (drops, waited, cooldown) = (drops + 1, 0, Cooldown);
        }

        return drops;
    }
}
