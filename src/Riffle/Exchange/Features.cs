using System.Collections.Immutable;
using Riffle.Networks;

namespace Riffle.Exchange;

/// <summary>What an axis, or a factor of one, runs over.</summary>
internal enum Extent
{
    Batch,
    Channel,
    Height,
    Width,
}

/// <summary>A factor of an axis. A step along it is <paramref name="Stride"/> channels, rows or columns of the value.</summary>
internal readonly record struct Factor(Extent Extent, long Size, long Stride);

/// <summary>What a graph has made of values that may be its logits.</summary>
internal enum Ending
{
    /// <summary>Nothing.</summary>
    Logits,
    Softmax,
    LogSoftmax,
    Sigmoid,
}

/// <summary>scale · x + shift.</summary>
/// <param name="Scale">The factor.</param>
/// <param name="Shift">The summand.</param>
/// <param name="By">The last node of it; null for the identity.</param>
internal readonly record struct Affine(double Scale, double Shift, OnnxOperation? By)
{
    /// <summary>How far from 1 a factor may be that rounding alone has left.</summary>
    private const double Rounding = 1e-6;

    public static Affine Identity { get; } = new(1, 0, null);

    public bool IsIdentity => Math.Abs(Scale - 1) < Rounding && Shift == 0;

    /// <summary>This one, then another.</summary>
    public Affine Then(Affine next) => new(Scale * next.Scale, Shift * next.Scale + next.Shift, next.By ?? By);
}

/// <summary>An elementwise function that a graph may write as several nodes: an affine, bounds, and another affine.</summary>
/// <param name="Before">The affine before the bounds.</param>
/// <param name="Low">Lower bound, or −∞.</param>
/// <param name="High">Upper bound, or ∞.</param>
/// <param name="By">The last node with bounds; null if there are none.</param>
/// <param name="After">The affine after the bounds; the identity if there are none.</param>
internal sealed record Elementwise(Affine Before, double Low, double High, OnnxOperation? By, Affine After)
{
    public static Elementwise Identity { get; } = new(Affine.Identity, double.NegativeInfinity, double.PositiveInfinity, null, Affine.Identity);

    /// <summary>Whether its input is a product that nothing else reads, so that the first affine can be folded into the weights.</summary>
    public bool IsOfProduct { get; init; }

    /// <summary>Whether it has no bounds.</summary>
    public bool IsAffine => By is null;

    /// <summary>The whole function.</summary>
    public ClampedAffine Collapsed
    {
        get
        {
            var all = Before.Then(After);
            var (low, high) = (Low * After.Scale + After.Shift, High * After.Scale + After.Shift);
            return new(all.Scale, all.Shift, Math.Min(low, high), Math.Max(low, high));
        }
    }

    /// <summary>This one, then an affine.</summary>
    public Elementwise Then(Affine next) => IsAffine ? this with { Before = Before.Then(next) } : this with { After = After.Then(next) };

    /// <summary>This one, then bounds. Only valid if <see cref="After"/> is the identity.</summary>
    public Elementwise Then(double low, double high, OnnxOperation by) =>
        this with { Low = Math.Min(Math.Max(Low, low), high), High = Math.Min(Math.Max(High, low), high), By = by };
}

/// <summary>A mean over some of height and width: pooling in several steps.</summary>
/// <param name="Height">Whether the mean is over the rows.</param>
/// <param name="Width">Whether the mean is over the columns.</param>
/// <param name="By">The last node that did so, for messages.</param>
internal sealed record Reduction(bool Height, bool Width, OnnxOperation By);

/// <summary>
/// A tensor of a graph as a value of the network: each of its axes is a list of factors of the value's channels, rows and columns. Reshape and Transpose are
/// other lists, so channel shuffle is recognised however it is written. Factors of 1 are left out: where they stand means nothing.
/// </summary>
/// <param name="Value">What it holds.</param>
/// <param name="Axes">Its axes, each with the slowest factor first.</param>
internal sealed record Features(Value Value, ImmutableArray<ImmutableArray<Factor>> Axes)
{
    /// <summary>Zeros that have been added around it, which the next layer has to add.</summary>
    public Padding Padding { get; init; }

    /// <summary>A mean of <see cref="Value"/> that it is; null where it is the value itself.</summary>
    public Reduction? Mean { get; init; }

    /// <summary>A function of that; null where there is none.</summary>
    public Elementwise? Function { get; init; }

    /// <summary>What it is of that.</summary>
    public Ending Ending { get; init; }

    /// <summary>The node that made it so.</summary>
    public OnnxOperation? EndedBy { get; init; }

    /// <summary>
    /// Its channels as colours of the images after some arithmetic, in their order; null for what a layer gives. <see cref="Value"/> then is the images.
    /// </summary>
    public ImmutableArray<Colour>? Colours { get; init; }

    /// <summary>Number of channels.</summary>
    public int Channels => Colours?.Length ?? Value.Channels;

    /// <summary>Sizes of its axes.</summary>
    public long[] Shape => [.. Axes.Select(axis => axis.Aggregate(1L, (size, factor) => size * factor.Size))];

    /// <summary>N×C×H×W.</summary>
    public static Features Of(Value value, long batch) => new(value,
    [
        Axis(Extent.Batch, batch),
        Axis(Extent.Channel, value.Shape.Channels),
        Axis(Extent.Height, value.Shape.Height),
        Axis(Extent.Width, value.Shape.Width),
    ]);

    /// <summary>An axis of one factor, or of none.</summary>
    public static ImmutableArray<Factor> Axis(Extent extent, long size) => size == 1 ? [] : [new Factor(extent, size, 1)];

    /// <summary>The factors of one extent, the slowest axis first.</summary>
    public IEnumerable<Factor> FactorsOf(Extent extent) => Axes.SelectMany(axis => axis).Where(factor => factor.Extent == extent);

    /// <summary>The axis that all factors of an extent, and no others, are on; null where there is none.</summary>
    public int? AxisOf(Extent extent)
    {
        var on = Enumerable.Range(0, Axes.Length).Where(axis => Axes[axis].Any(factor => factor.Extent == extent)).ToArray();
        return on is [var only] && Axes[only].All(factor => factor.Extent == extent) ? only : null;
    }

    /// <summary>The same axes in another order.</summary>
    public Features Transpose(int[] order) => this with { Axes = [.. order.Select(axis => Axes[axis])] };

    /// <summary>The same values with other axes; null where an axis would be cut through a factor unevenly.</summary>
    public Features? Reshape(long[] shape)
    {
        var rest = new LinkedList<Factor>(Axes.SelectMany(axis => axis));
        var axes = ImmutableArray.CreateBuilder<ImmutableArray<Factor>>();
        foreach (var size in shape)
        {
            var axis = ImmutableArray.CreateBuilder<Factor>();
            var need = size;
            while (need > 1)
            {
                if (rest.First?.Value is not { } next)
                    return null;
                if (need % next.Size == 0)
                {
                    Take(next);
                    need /= next.Size;
                }
                else if (next.Size % need == 0 && next.Extent == Extent.Channel)
                {
                    axis.Add(next with { Size = need, Stride = next.Stride * (next.Size / need) });
                    rest.First!.Value = next with { Size = next.Size / need };
                    need = 1;
                }
                else
                {
                    return null;
                }
            }

            axes.Add(axis.ToImmutable());

            void Take(Factor factor)
            {
                axis.Add(factor);
                rest.RemoveFirst();
            }
        }

        return rest.Count == 0 ? this with { Axes = axes.ToImmutable() } : null;
    }

    /// <summary>
    /// The groups of the channel shuffle after which the channels of the value lie in the order of some factors, all that there are; 1 where they do already,
    /// null where no shuffle does that.
    /// </summary>
    public static int? ShuffleTo(IEnumerable<Factor> order) => Merge(order) switch
    {
        [] or [{ Stride: 1 }] => 1,
        [{ Stride: 1 } fast, var slow] when slow.Stride == fast.Size => (int)slow.Size,
        _ => null,
    };

    /// <summary>The same axes with as few factors as possible, so that equal axes are equal lists.</summary>
    public Features Merged() => Axes.Any(axis => axis.Length > 1) ? this with { Axes = [.. Axes.Select(axis => Merge(axis).ToImmutableArray())] } : this;

    /// <summary>Factors of which neighbours that follow each other are one.</summary>
    private static List<Factor> Merge(IEnumerable<Factor> factors)
    {
        var merged = new List<Factor>();
        foreach (var factor in factors)
        {
            if (merged.Count > 0 && merged[^1].Extent == factor.Extent && merged[^1].Stride == factor.Stride * factor.Size)
                merged[^1] = factor with { Size = merged[^1].Size * factor.Size };
            else
                merged.Add(factor);
        }

        return merged;
    }

    /// <summary>The same after that shuffle: the value's channels in the order of the factors given.</summary>
    public Features Shuffled(Value value, IReadOnlyList<Factor> order)
    {
        var strides = new Dictionary<Factor, long>();
        var stride = 1L;
        foreach (var factor in order.Reverse())
        {
            strides.Add(factor, stride);
            stride *= factor.Size;
        }

        Factor Moved(Factor factor) => factor.Extent == Extent.Channel ? factor with { Stride = strides[factor] } : factor;
        return this with { Value = value, Axes = [.. Axes.Select(axis => axis.Select(Moved).ToImmutableArray())] };
    }
}
