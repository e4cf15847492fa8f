using System.Runtime.InteropServices;

namespace Riffle.Execution;

/// <summary>Asks the system to back large arrays with large pages: planes and weights that are walked side by side lie on more small pages than the processor
/// has addresses at hand.</summary>
internal static unsafe partial class LargePages
{
    /// <summary>Bytes of a large page, and the alignment that lets an array have them.</summary>
    public const nuint Size = 2 << 20;

    private const int AdviseHugePages = 14;

    /// <summary>A wish: where the system has no such thing, nothing happens.</summary>
    public static void Advise(void* memory, nuint bytes)
    {
        if (OperatingSystem.IsLinux())
            _ = MAdvise(memory, bytes, AdviseHugePages);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MAdvise(void* address, nuint length, int advice);
}
