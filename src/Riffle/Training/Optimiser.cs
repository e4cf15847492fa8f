using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Training;

/// <summary>Updates weights from their gradients, in one pass over flat memory. Its state consists of flat arrays in the order of the trained weights.</summary>
/// <remarks>
/// L2 (weight decay) applies only to kernels, not to batch norm or biases. Multiplications and additions are never fused,
/// so the result is the same at every vector width.
/// </remarks>
public sealed class Optimiser
{
    private const float Beta1 = 0.9f, Beta2 = 0.999f, Epsilon = 1e-8f;

    private readonly List<(int Start, int Count, float Decay)> _ranges = [];
    private readonly float _momentum;

    /// <summary>Creates an optimiser with zero state.</summary>
    /// <param name="weights">The weights, which define the ranges of kernels.</param>
    /// <param name="kind">The rule.</param>
    /// <param name="momentum">µ, from 0 to below 1; Adam ignores it.</param>
    /// <param name="weightDecay">Strength of the L2 term, which adds this times the kernel to its gradient. At least 0.</param>
    /// <param name="classifierAlone">Update only the weights of the last layer.</param>
    public Optimiser(Weights weights, OptimiserKind kind, float momentum, float weightDecay, bool classifierAlone = false)
    {
        Kind = kind;
        _momentum = momentum;
        var parameters = classifierAlone ? weights.Network.Layers[^1].Parameters : weights.Network.Parameters;
        foreach (var p in parameters.Where(p => p.IsTrained))
        {
            var decay = p.Kind == ParameterKind.Kernel ? weightDecay : 0;
            var start = weights.OffsetOf(p);
            if (_ranges.Count > 0 && _ranges[^1] is var last && last.Decay == decay && last.Start + last.Count == start)
                _ranges[^1] = last with { Count = last.Count + p.Count };
            else
                _ranges.Add((start, p.Count, decay));
        }

        State = [.. kind.StateNames().Select(name => (name, new float[weights.Trained.Length]))];
    }

    /// <summary>The rule.</summary>
    public OptimiserKind Kind { get; }

    /// <summary>The state that the rule keeps between steps. With the weights, it is everything that a checkpoint needs.</summary>
    public IReadOnlyList<(string Name, float[] Values)> State { get; }

    /// <summary>Updates the weights. Allocates nothing.</summary>
    /// <param name="weights">All trained values.</param>
    /// <param name="gradients">Their gradients, in the same order.</param>
    /// <param name="learningRate">At least 0.</param>
    /// <param name="step">The number of steps before, for Adam's bias correction.</param>
    public void Apply(Span<float> weights, ReadOnlySpan<float> gradients, double learningRate, long step)
    {
        foreach (var (start, count, decay) in _ranges)
        {
            var w = weights.Slice(start, count);
            var g = gradients.Slice(start, count);
            var first = State[0].Values.AsSpan(start, count);
            switch (Kind)
            {
                case OptimiserKind.Nesterov:
                    Descend(w, g, first, decay, _momentum, (float)learningRate, gradientWeight: 1, velocityWeight: _momentum);
                    break;
                case OptimiserKind.Momentum:
                    Descend(w, g, first, decay, _momentum, (float)learningRate, gradientWeight: 0, velocityWeight: 1);
                    break;
                case OptimiserKind.Adam:
                    var rate = (float)(learningRate / (1 - PortableMath.Pow(Beta1, step + 1)));
                    var correction = (float)(1 / Math.Sqrt(1 - PortableMath.Pow(Beta2, step + 1)));
                    Adapt(w, g, first, State[1].Values.AsSpan(start, count), decay, rate, correction);
                    break;
            }
        }
    }

    /// <summary>The L2 term whose gradient <see cref="Apply"/> adds: half the decay times the square of each kernel's values. Allocates nothing.</summary>
    /// <param name="weights">All trained values.</param>
    internal double Penalty(ReadOnlySpan<float> weights)
    {
        var penalty = 0.0;
        foreach (var (start, count, decay) in _ranges)
        {
            if (decay > 0)
                penalty += 0.5 * decay * SumOfSquares(weights.Slice(start, count));
        }

        return penalty;
    }

    /// <summary>In double precision, and in eight sums whatever the machine's vectors, so that the result is the same everywhere.</summary>
    private static double SumOfSquares(ReadOnlySpan<float> values)
    {
        var (low, high) = (Vector256<double>.Zero, Vector256<double>.Zero);
        var wide = MemoryMarshal.Cast<float, Vector256<float>>(values);
        foreach (var eight in wide)
        {
            var (a, b) = Vector256.Widen(eight);
            (low, high) = (low + (a * a), high + (b * b));
        }

        var sum = Vector256.Sum(low + high);
        foreach (var value in values[(wide.Length * Vector256<float>.Count)..])
            sum += (double)value * value;
        return sum;
    }

    /// <summary>g += decay·w; v = µ·v + g; w −= rate·(gradientWeight·g + velocityWeight·v).</summary>
    private static void Descend(
        Span<float> w, ReadOnlySpan<float> g, Span<float> v, float decay, float momentum, float rate, float gradientWeight, float velocityWeight)
    {
        var wide = Widen(w);
        var wideG = Widen(g)[..wide.Length];
        var wideV = Widen(v)[..wide.Length];
        for (var i = 0; i < wide.Length; i++)
        {
            var gradient = wideG[i] + wide[i] * decay;
            var velocity = wideV[i] * momentum + gradient;
            wideV[i] = velocity;
            wide[i] -= (gradient * gradientWeight + velocity * velocityWeight) * rate;
        }

        for (var i = wide.Length * Vector<float>.Count; i < w.Length; i++)
        {
            var gradient = g[i] + w[i] * decay;
            var velocity = v[i] * momentum + gradient;
            v[i] = velocity;
            w[i] -= (gradient * gradientWeight + velocity * velocityWeight) * rate;
        }
    }

    /// <summary>g += decay·w; m = β₁·m + (1 − β₁)·g; s = β₂·s + (1 − β₂)·g²; w −= rate·m / (√s·correction + ε).</summary>
    private static void Adapt(Span<float> w, ReadOnlySpan<float> g, Span<float> m, Span<float> s, float decay, float rate, float correction)
    {
        var wide = Widen(w);
        var wideG = Widen(g)[..wide.Length];
        var wideM = Widen(m)[..wide.Length];
        var wideS = Widen(s)[..wide.Length];
        var epsilon = new Vector<float>(Epsilon);
        for (var i = 0; i < wide.Length; i++)
        {
            var gradient = wideG[i] + wide[i] * decay;
            wideM[i] = wideM[i] * Beta1 + gradient * (1 - Beta1);
            wideS[i] = wideS[i] * Beta2 + gradient * gradient * (1 - Beta2);
            wide[i] -= wideM[i] * rate / (Vector.SquareRoot(wideS[i]) * correction + epsilon);
        }

        for (var i = wide.Length * Vector<float>.Count; i < w.Length; i++)
        {
            var gradient = g[i] + w[i] * decay;
            m[i] = m[i] * Beta1 + gradient * (1 - Beta1);
            s[i] = s[i] * Beta2 + gradient * gradient * (1 - Beta2);
            w[i] -= m[i] * rate / (MathF.Sqrt(s[i]) * correction + Epsilon);
        }
    }

    private static Span<Vector<float>> Widen(Span<float> values) => MemoryMarshal.Cast<float, Vector<float>>(values);

    private static ReadOnlySpan<Vector<float>> Widen(ReadOnlySpan<float> values) => MemoryMarshal.Cast<float, Vector<float>>(values);
}
