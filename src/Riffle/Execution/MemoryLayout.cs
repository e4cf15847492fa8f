namespace Riffle.Execution;

/// <summary>Places buffers in one arena so that those which live at the same time do not overlap. First fit, in the order of their birth.</summary>
internal sealed class MemoryLayout
{
    private readonly List<(long Start, long End, int From, int To)> _placed = [];

    /// <summary>Size of the arena in floats.</summary>
    public long Size { get; private set; }

    /// <summary>Finds a place for a buffer.</summary>
    /// <param name="size">Floats.</param>
    /// <param name="from">First moment at which it lives.</param>
    /// <param name="to">Last moment at which it lives.</param>
    /// <returns>Its offset in floats.</returns>
    public long Place(long size, int from, int to)
    {
        long start = 0;
        foreach (var other in _placed.Where(other => other.From <= to && from <= other.To).OrderBy(other => other.Start))
        {
            if (other.Start - start >= size)
                break;
            start = Math.Max(start, other.End);
        }

        _placed.Add((start, start + size, from, to));
        Size = Math.Max(Size, start + size);
        return start;
    }
}
