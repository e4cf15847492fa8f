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

/// <summary>What a graph has made of the logits by its end.</summary>
internal enum Ending
{
    /// <summary>Nothing.</summary>
    Logits,
    Softmax,
    LogSoftmax,
    Sigmoid,
}

/// <summary>Values that are held between two bounds, which becomes a layer once something else reads them.</summary>
/// <param name="Least">Lower bound, or −∞.</param>
/// <param name="Most">Upper bound, or ∞.</param>
/// <param name="By">The last node that did so, for messages.</param>
internal sealed record Clamp(float Least, float Most, OnnxOperation By);

/// <summary>A mean over some of height and width, times a number: pooling in several steps.</summary>
/// <param name="Height">Whether the mean is over the rows.</param>
/// <param name="Width">Whether the mean is over the columns.</param>
/// <param name="Scale">What it is multiplied by: a sum is a mean times the number of its summands.</param>
/// <param name="By">The last node that did so, for messages.</param>
internal sealed record Reduction(bool Height, bool Width, double Scale, OnnxOperation By);

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

    /// <summary>Bounds between which it is held; null where there are none.</summary>
    public Clamp? Clamp { get; init; }

    /// <summary>A mean of <see cref="Value"/> that it is; null where it is the value itself.</summary>
    public Reduction? Reduction { get; init; }

    /// <summary>What it is of <see cref="Value"/>, which holds logits.</summary>
    public Ending Ending { get; init; }

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
    public static int? ShuffleTo(IEnumerable<Factor> order)
    {
        // Neighbours that already follow each other are one factor.
        var merged = new List<Factor>();
        foreach (var factor in order)
        {
            if (merged.Count > 0 && merged[^1].Stride == factor.Stride * factor.Size)
                merged[^1] = factor with { Size = merged[^1].Size * factor.Size };
            else
                merged.Add(factor);
        }

        return merged switch
        {
            [] or [{ Stride: 1 }] => 1,
            [{ Stride: 1 } fast, var slow] when slow.Stride == fast.Size => (int)slow.Size,
            _ => null,
        };
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
