namespace Riffle.Kernels;

/// <summary>One of the parts in which threads that share a block of images compute a step. The default is the only one.</summary>
internal readonly record struct Part(int Index, int Count)
{
    /// <summary>Whether it is the only one, or the first.</summary>
    public bool IsFirst => Index == 0;

    /// <summary>Its share of so many planes; null where it has none.</summary>
    public Share? Of(int planes)
    {
        if (Count <= 1)
            return default(Share);
        var (from, to) = ((int)((long)planes * Index / Count), (int)((long)planes * (Index + 1) / Count));
        return from < to ? new(from, to) : null;
    }

    /// <summary>Its share of planes that are cut at edges, the last of which is their number; null where it has none.</summary>
    public Share? Of(int[] edges) => Of(edges.Length - 1) is not { } share ? null
        : Count <= 1 ? share
        : new(edges[share.From], edges[share.To]);
}
