namespace Riffle.Images;

/// <summary>The memory that images may take in this process while they are decoded. Who asks for more than is left waits, in the order of asking.</summary>
/// <remarks>A small file can be a large image: a PNG of 291 kB may have 10,000×10,000 pixels. Without a common budget, sixteen of them at the same time take
/// gigabytes.</remarks>
public static class DecodingBudget
{
    /// <summary>Images of fewer bytes are left to the garbage collector alone.</summary>
    private const long LargeBytes = 64 << 20;

    private static readonly Lock Gate = new();
    private static readonly LinkedList<Waiter> Waiting = [];
    private static long _taken, _discarded;

    /// <summary>Bytes, at least 1. At first a quarter of the memory that the process may use, but at most 512 MiB. An image that needs more than that is decoded
    /// while no other is. A change is for images that begin after it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 1.</exception>
    public static long Bytes
    {
        get => Volatile.Read(ref field);
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            Volatile.Write(ref field, value);
        }
    } = Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4, 1, 512L << 20);

    /// <summary>Waits until so many bytes are left, and takes them.</summary>
    internal static void Take(long bytes, CancellationToken cancel)
    {
        Waiter waiter;
        lock (Gate)
        {
            if (Waiting.Count == 0 && IsLeft(bytes))
            {
                _taken += bytes;
                return;
            }

            waiter = new(bytes);
            Waiting.AddLast(waiter);
        }

        try
        {
            waiter.Turn.Task.Wait(cancel);
        }
        catch (OperationCanceledException)
        {
            lock (Gate)
            {
                // It may have had its turn just before.
                if (!Waiting.Remove(waiter))
                    _taken -= bytes;
                Admit();
            }

            throw;
        }
    }

    /// <summary>Gives bytes back.</summary>
    internal static void Return(long bytes)
    {
        Collect(bytes);
        lock (Gate)
        {
            _taken -= bytes;
            Admit();
        }
    }

    /// <summary>Arrays of hundreds of megabytes would otherwise pile up: the collector lets the heap of large objects grow by gigabytes where the machine has them. It is
    /// asked once in as many bytes of them as the budget has.</summary>
    private static void Collect(long bytes)
    {
        if (bytes < LargeBytes || Interlocked.Add(ref _discarded, bytes) < Bytes)
            return;
        Interlocked.Exchange(ref _discarded, 0);
        GC.Collect();
    }

    private static bool IsLeft(long bytes) => _taken == 0 || _taken + bytes <= Bytes;

    private static void Admit()
    {
        while (Waiting.First is { Value: var next } && IsLeft(next.Bytes))
        {
            Waiting.RemoveFirst();
            _taken += next.Bytes;
            next.Turn.SetResult();
        }
    }

    private sealed record Waiter(long Bytes)
    {
        public TaskCompletionSource Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
