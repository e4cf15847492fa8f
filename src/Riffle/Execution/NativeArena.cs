namespace Riffle.Execution;

/// <summary>
/// Native arrays that belong together and are freed together. They lie one behind the other in slabs of large pages, each on cache lines of its own: weights
/// that are read layer by layer are then one run of memory, which the processor fetches ahead; on small pages it stops at the end of each.
/// </summary>
internal sealed unsafe class NativeArena : IDisposable
{
    private const long CacheLine = 64;

    private readonly List<NativeArray<byte>> _slabs = [];
    private readonly List<(nint Start, long Bytes, string What)>? _guards = MemoryGuard.IsOn ? [] : null;
    private long _used;

    /// <summary>Bytes of all arrays.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes that are left free behind a row or an array to guard it: none but in Debug builds.</summary>
    public long GuardBytes => _guards is null ? 0 : MemoryGuard.Size;

    /// <summary>A new array of zeros.</summary>
    /// <exception cref="RiffleException">There is not that much memory.</exception>
    public T* Allocate<T>(long count)
        where T : unmanaged
    {
        var bytes = checked(Math.Max(1, count) * sizeof(T));
        var reserved = checked(bytes + GuardBytes + CacheLine - 1) / CacheLine * CacheLine;
        if (_slabs.Count == 0 || reserved > _slabs[^1].Length - _used)
        {
            _slabs.Add(new NativeArray<byte>(Math.Max(reserved, (long)LargePages.Size)));
            _used = 0;
        }

        var array = _slabs[^1].Pointer + _used;
        _used += reserved;
        Bytes += count * sizeof(T);
        Guard(array + bytes, reserved - bytes, $"an array of {bytes} bytes");
        return (T*)array;
    }

    /// <summary>A new array of zeros that is a number of rows, each of which has an owner of its own, one behind the other.</summary>
    /// <param name="rows">How many.</param>
    /// <param name="length">Values in each.</param>
    /// <param name="stride">Distance between their beginnings: the length, and a guard's where memory is guarded.</param>
    /// <exception cref="RiffleException">There is not that much memory.</exception>
    public T* AllocateRows<T>(long rows, long length, out long stride)
        where T : unmanaged
    {
        stride = length + GuardBytes / sizeof(T);
        var array = Allocate<T>(checked(rows * stride));
        for (var row = 0L; row < rows && stride > length; row++)
            Guard((byte*)(array + row * stride + length), GuardBytes, $"row {row} of {length * sizeof(T)} bytes");
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

    /// <summary>Where memory is guarded, bytes that nothing may write to from here on.</summary>
    public void Guard(byte* start, long bytes, string what)
    {
        if (_guards is null)
            return;
        MemoryGuard.Set(start, bytes);
        _guards.Add(((nint)start, bytes, what));
    }

    /// <summary>Where memory is guarded, makes sure that nothing was written past the end of an array or a row.</summary>
    /// <exception cref="InvalidOperationException">Something was.</exception>
    public void Verify()
    {
        if (_guards is null)
            return;
        foreach (var (start, bytes, what) in _guards)
            MemoryGuard.Check((void*)start, bytes, what);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var slab in _slabs)
            slab.Dispose();
    }
}
