using System.Runtime.InteropServices;

namespace Riffle.Execution;

/// <summary>Zeroed memory outside the managed heap, aligned to cache lines. It is owned by a plan and freed with it.</summary>
internal sealed unsafe class NativeArray<T> : SafeHandle
    where T : unmanaged
{
    private const nuint CacheLine = 64;

    /// <exception cref="RiffleException">There is not that much memory.</exception>
    public NativeArray(long length)
        : base(0, ownsHandle: true)
    {
        Length = length;
        var bytes = checked((nuint)Math.Max(1, length) * (nuint)sizeof(T));
        var large = bytes >= LargePages.Size;
        try
        {
            SetHandle((nint)NativeMemory.AlignedAlloc(bytes, large ? LargePages.Size : CacheLine));
        }
        catch (OutOfMemoryException e)
        {
            throw new RiffleException($"there is no memory for {bytes / (1 << 20)} MiB more; use a smaller batch or smaller images", e);
        }

        if (large)
            LargePages.Advise(Pointer, bytes);
        NativeMemory.Clear(Pointer, bytes);
    }

    public NativeArray(ReadOnlySpan<T> values)
        : this(values.Length) => values.CopyTo(Span);

    public long Length { get; }

    public T* Pointer => (T*)handle;

    /// <summary>The first 2³¹ − 1 elements at most.</summary>
    public Span<T> Span => new(Pointer, (int)Math.Min(int.MaxValue, Length));

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        return true;
    }
}
