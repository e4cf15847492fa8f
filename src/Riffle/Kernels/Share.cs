namespace Riffle.Kernels;

/// <summary>
/// What one thread computes of an output: planes, or blocks of sixteen channels, from one to before another. The default is all of them. Every value is computed
/// as it is without shares, so the bits do not depend on them.
/// </summary>
internal readonly record struct Share(int From, int To)
{
    /// <summary>The first behind it, where there are so many in all.</summary>
    public int EndOf(int count) => To == 0 ? count : Math.Min(To, count);

    /// <summary>The part of it that lies in a group of so many, numbered from the group's first; null where none does.</summary>
    public Share? In(int group, int count)
    {
        if (To == 0)
            return this;
        var (from, to) = (Math.Max(From - group * count, 0), Math.Min(To - group * count, count));
        return from < to ? new(from, to) : null;
    }

    /// <summary>
    /// One of several parts of an output, cut at edges, the last of which is its size. Of what does not divide, the first parts have more. A part may be empty:
    /// then it begins where it ends.
    /// </summary>
    public static Share Of(int[] edges, int part, int parts)
    {
        var units = edges.Length - 1;
        int EdgeOf(int place) => edges[(int)(((long)units * place + parts - 1) / parts)];
        return new(EdgeOf(part), EdgeOf(part + 1));
    }

    /// <summary>How much of an output the largest of several parts is.</summary>
    public static double LargestOf(int[] edges, int parts) => Enumerable.Range(0, parts).Max(part => Of(edges, part, parts).Size) / (double)edges[^1];

    /// <summary>The number of those that it names; not of the default, which is all.</summary>
    public int Size => To - From;

    /// <summary>The same, each of them so many.</summary>
    public Share Times(int count) => new(From * count, To * count);
}
