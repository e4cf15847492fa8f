using System.Runtime.CompilerServices;

namespace Riffle.Execution;

/// <summary>
/// Bytes of a known pattern behind native memory, in which a write past its end is found. In Debug builds all native memory of plans has them; elsewhere there
/// is none, but where a test asks for them.
/// </summary>
internal static unsafe class MemoryGuard
{
    /// <summary>Bytes behind an array: two vectors of the widest kind.</summary>
    public const int Size = 128;

    private const byte Pattern = 0xA5;

#if DEBUG
    private const bool ByDefault = true;
#else
    private const bool ByDefault = false;
#endif

    private static readonly AsyncLocal<bool?> Wanted = new();

    /// <summary>Whether memory that is allocated now gets guards.</summary>
    public static bool IsOn => Wanted.Value ?? ByDefault;

    /// <summary>Guards what is allocated from here on, by this thread and by what it starts, until the result is disposed of.</summary>
    public static IDisposable TurnOn()
    {
        Wanted.Value = true;
        return new TurnedOn();
    }

    /// <summary>Makes bytes a guard.</summary>
    public static void Set(void* start, long bytes) => Unsafe.InitBlockUnaligned(start, Pattern, checked((uint)bytes));

    /// <exception cref="InvalidOperationException">The guard was written to.</exception>
    public static void Check(void* start, long bytes, string what)
    {
        for (var i = 0; i < bytes; i++)
        {
            if (((byte*)start)[i] != Pattern)
                throw new InvalidOperationException($"{what}: something was written {i} bytes past its end");
        }
    }

    private sealed class TurnedOn : IDisposable
    {
        public void Dispose() => Wanted.Value = null;
    }
}
