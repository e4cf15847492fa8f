using System.Collections.Immutable;

namespace Riffle.Measurement;

/// <summary>A network between machines.</summary>
/// <param name="Gigabits">What each machine can send, and receive at the same time, in 10⁹ bits a second.</param>
/// <param name="Microseconds">What a short message takes from one to another.</param>
public sealed record Link(double Gigabits, double Microseconds);

/// <summary>What a step of training would take on several ranks.</summary>
/// <param name="Ranks">Ranks.</param>
/// <param name="Link">The network between them.</param>
/// <param name="Milliseconds">A step with the bits of one process.</param>
/// <param name="LocalMilliseconds">A step with local batch norm.</param>
/// <param name="Kept">The part of its speed alone that each rank keeps.</param>
/// <param name="LocalKept">The same with local batch norm.</param>
public sealed record ScalingPrediction(int Ranks, Link Link, double Milliseconds, double LocalMilliseconds, double Kept, double LocalKept);

/// <summary>
/// Predicts training by several ranks from a step of one, measured layer by layer, and from what ranks exchange. Sums of batch norm cost a step their latency, once
/// for each halving of the ranks; gradients follow the clock of backward, and cost time only where they are not through at its end.
/// </summary>
public sealed class ScalingModel
{
    /// <summary>Processor time for each byte that is sent or received: protocol, copies, additions. Measured with MobileNet x1.0 on two ranks; see docs/distributed.md.</summary>
    private const double MillisecondsPerByte = 0.9e-6;

    /// <summary>What an exchange takes besides the link, and what ranks wait for the last of them, as a part of the work between two exchanges; from the same runs.</summary>
    private const double MillisecondsPerExchange = 0.01, Unevenness = 0.025;

    /// <summary>Bytes of gradients that sums of batch norm wait behind on average, at most: half of a bucket on its way.</summary>
    private const double MostBytesBefore = 32 << 10;

    private readonly ImmutableArray<Step> _steps;
    private readonly double _rest;

    internal ScalingModel(ImmutableArray<Step> steps, double milliseconds)
    {
        _steps = steps;
        Alone = milliseconds;
        _rest = Math.Max(0, milliseconds - steps.Sum(step => step.Forward + step.Backward));
    }

    /// <summary>A step of one rank alone, in milliseconds.</summary>
    public double Alone { get; }

    /// <summary>Bytes of all gradients.</summary>
    public long GradientBytes => _steps.Sum(step => (long)step.Weights * sizeof(float));

    /// <summary>Sums of batch norm, one after the other, that a step exchanges.</summary>
    public int Exchanges => _steps.Sum(step => (step.ForwardSums > 0 ? 1 : 0) + (step.BackwardSums > 0 ? 1 : 0));

    /// <summary>Predicts a step.</summary>
    /// <param name="ranks">At least 1.</param>
    /// <param name="link">The network between them.</param>
    public ScalingPrediction Predict(int ranks, Link link)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ranks, 1);
        var (together, local) = (StepOf(ranks, link, isLocal: false), StepOf(ranks, link, isLocal: true));
        return new(ranks, link, together, local, Alone / together, Alone / local);
    }

    private double StepOf(int ranks, Link link, bool isLocal)
    {
        if (ranks == 1)
            return Alone;
        var bytesPerMillisecond = link.Gigabits * 1e6 / 8;
        var (levels, share) = (Math.Ceiling(Math.Log2(ranks)), 2.0 * (ranks - 1) / ranks);
        var latency = link.Microseconds / 1000 + MillisecondsPerExchange;
        double time = _rest, last = time, gradientsDone = 0, sent = 0;

        void Exchange(int doubles)
        {
            if (doubles == 0 || isLocal)
                return;
            var behind = gradientsDone > time ? Math.Min(MostBytesBefore, sent / 2) / bytesPerMillisecond : 0;
            time += Unevenness * (time - last) + levels * (latency + doubles * sizeof(double) / bytesPerMillisecond + behind);
            last = time;
        }

        foreach (var step in _steps)
        {
            time += step.Forward;
            Exchange(step.ForwardSums);
        }

        var ready = 0L;
        foreach (var step in _steps.Reverse())
        {
            time += step.Backward;
            ready += (long)step.Weights * sizeof(float);
            if (step.BackwardSums == 0 && step != _steps[0])
                continue;

            // What is ready goes while the next layers are computed, and takes processor time from them.
            var traffic = share * ready;
            time += 2 * traffic * MillisecondsPerByte;
            gradientsDone = Math.Max(gradientsDone, time) + (ready > 0 ? 2 * latency : 0) + traffic / bytesPerMillisecond;
            (ready, sent) = (0, traffic);
            Exchange(step.BackwardSums);
        }

        // Ranks meet at the end, with local batch norm for the first time.
        return Math.Max(time, gradientsDone) + Unevenness * (time - last) + levels * latency;
    }

    /// <summary>A step of the plan.</summary>
    /// <param name="Forward">Milliseconds forward.</param>
    /// <param name="Backward">Milliseconds backward.</param>
    /// <param name="Weights">Its weights.</param>
    /// <param name="ForwardSums">Sums that are exchanged after it, forward.</param>
    /// <param name="BackwardSums">The same backward.</param>
    internal sealed record Step(double Forward, double Backward, int Weights, int ForwardSums, int BackwardSums);
}
