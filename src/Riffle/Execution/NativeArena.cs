namespace Riffle.Execution;

/// <summary>Native arrays that belong together and are freed together.</summary>
internal sealed unsafe class NativeArena : IDisposable
{
    private readonly List<IDisposable> _arrays = [];

    /// <summary>Bytes of all arrays.</summary>
    public long Bytes { get; private set; }

    /// <summary>A new array of zeros.</summary>
    /// <exception cref="RiffleException">There is not that much memory.</exception>
    public T* Allocate<T>(long count)
        where T : unmanaged
    {
        var array = new NativeArray<T>(count);
        _arrays.Add(array);
        Bytes += count * sizeof(T);
        return array.Pointer;
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
        foreach (var array in _arrays)
            array.Dispose();
    }
}
