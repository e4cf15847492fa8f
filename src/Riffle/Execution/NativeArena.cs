namespace Riffle.Execution;

/// <summary>
/// Native arrays that belong together and are freed together. They lie one behind the other in slabs of large pages, each on cache lines of its own: weights
/// that are read layer by layer are then one run of memory, which the processor fetches ahead; on small pages it stops at the end of each.
/// </summary>
internal sealed unsafe class NativeArena : IDisposable
{
    private const long CacheLine = 64;

    private readonly List<NativeArray<byte>> _slabs = [];
    private long _used;

    /// <summary>Bytes of all arrays.</summary>
    public long Bytes { get; private set; }

    /// <summary>A new array of zeros.</summary>
    /// <exception cref="RiffleException">There is not that much memory.</exception>
    public T* Allocate<T>(long count)
        where T : unmanaged
    {
        var bytes = checked(Math.Max(1, count) * sizeof(T) + CacheLine - 1) / CacheLine * CacheLine;
        if (_slabs.Count == 0 || bytes > _slabs[^1].Length - _used)
        {
            _slabs.Add(new NativeArray<byte>(Math.Max(bytes, (long)LargePages.Size)));
            _used = 0;
        }

        var array = (T*)(_slabs[^1].Pointer + _used);
        _used += bytes;
        Bytes += count * sizeof(T);
        return array;
    }

    /// <summary>A new array of these values.</summary>
    /// <exception cref="RiffleException">There is not that much memory.</exception>
    public T* Copy<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var copy = Allocate<T>(values.Length);
        values.CopyTo(new Span<T>(copy, values.Length));
        return copy;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var slab in _slabs)
            slab.Dispose();
    }
}
