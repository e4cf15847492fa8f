using System.Runtime.InteropServices;

namespace Riffle.Execution;

/// <summary>Zeroed memory outside the managed heap, aligned to cache lines. It is owned by a plan and freed with it.</summary>
internal sealed unsafe class NativeArray<T> : SafeHandle
    where T : unmanaged
{
    private const nuint CacheLine = 64;

    private readonly nuint _bytes;
    private readonly nuint _guard;
    private readonly string? _name; // for the guard; made once, so that looking allocates nothing

    /// <exception cref="RiffleException">There is not that much memory.</exception>
    public NativeArray(long length)
        : base(0, ownsHandle: true)
    {
        Length = length;
        _bytes = checked((nuint)Math.Max(1, length) * (nuint)sizeof(T));
        (_guard, _name) = MemoryGuard.IsOn ? ((nuint)MemoryGuard.Size, $"an array of {_bytes} bytes") : (0, null);
        var large = _bytes >= LargePages.Size;

        // The system promises more than it has, and ends a process that then uses it.
        if ((long)_bytes > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - NativeMemoryInUse.Bytes)
            throw NoMemory();
        try
        {
            SetHandle((nint)NativeMemory.AlignedAlloc(checked(_bytes + _guard), large ? LargePages.Size : CacheLine));
        }
        catch (OutOfMemoryException e)
        {
            throw NoMemory(e);
        }

        NativeMemoryInUse.Add((long)_bytes);
        if (large)
            LargePages.Advise(Pointer, _bytes);
        NativeMemory.Clear(Pointer, _bytes);
        MemoryGuard.Set((byte*)handle + _bytes, (long)_guard);
    }

    public NativeArray(ReadOnlySpan<T> values)
        : this(values.Length) => values.CopyTo(Span);

    public long Length { get; }

    public T* Pointer => (T*)handle;

    /// <summary>The first 2³¹ − 1 elements at most.</summary>
    public Span<T> Span => new(Pointer, (int)Math.Min(int.MaxValue, Length));

    public override bool IsInvalid => handle == 0;

    /// <summary>Where memory is guarded, makes sure that nothing was written past the end.</summary>
    /// <exception cref="InvalidOperationException">Something was.</exception>
    public void Verify()
    {
        if (_guard != 0)
            MemoryGuard.Check((byte*)handle + _bytes, (long)_guard, _name!);
    }

    private RiffleException NoMemory(Exception? inner = null) =>
        new($"there is no memory for {_bytes / (1 << 20):N0} MiB more; use a smaller batch or smaller images", inner);

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        NativeMemoryInUse.Add(-(long)_bytes);
        return true;
    }
}

/// <summary>What native arrays hold in all, which tests watch.</summary>
internal static class NativeMemoryInUse
{
    private static long _bytes;

    public static long Bytes => Volatile.Read(ref _bytes);

    public static void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);
}
