using System.Diagnostics;

namespace Riffle.Execution;

/// <summary>Places buffers in one arena so that those which live at the same time do not overlap. First fit, in the order of their birth.</summary>
internal sealed class MemoryLayout
{
    /// <summary>What lives at the last birth, in the order of the arena.</summary>
    private readonly List<(long Start, long End, int To)> _live = [];

    private int _now = int.MinValue;

    /// <summary>Size of the arena in floats.</summary>
    public long Size { get; private set; }

    /// <summary>Finds a place for a buffer.</summary>
    /// <param name="size">Floats.</param>
    /// <param name="from">First moment at which it lives; never before that of the buffer placed last.</param>
    /// <param name="to">Last moment at which it lives.</param>
    /// <returns>Its offset in floats.</returns>
    public long Place(long size, int from, int to)
    {
        Debug.Assert(from >= _now, "buffers are placed in the order of their birth");
        if (from > _now)
            _live.RemoveAll(buffer => buffer.To < from);
        _now = from;
        long start = 0;
        var next = 0;
        for (; next < _live.Count && _live[next].Start - start < size; next++)
            start = Math.Max(start, _live[next].End);
        _live.Insert(next, (start, start + size, to));
        Size = Math.Max(Size, start + size);
        return start;
    }
}
