using System.Runtime.InteropServices;

namespace Riffle.Distribution.Mpi;

/// <summary>Two functions of the C library that .NET has no equal of.</summary>
internal static partial class LibC
{
    /// <summary>Sets a variable that libraries of C see, which <see cref="Environment.SetEnvironmentVariable(string, string)"/> does not. What the user has set
    /// stays.</summary>
    public static void SetVariable(string name, string value)
    {
        if (!OperatingSystem.IsWindows())
            _ = SetEnvironment(name, value, overwrite: 0);
    }

    /// <summary>Sleeps for less than a millisecond, the shortest sleep of <see cref="Thread.Sleep(int)"/>.</summary>
    public static void Sleep(uint microseconds)
    {
        if (OperatingSystem.IsWindows())
            Thread.Sleep(1);
        else
            _ = SleepFor(microseconds);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "usleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SleepFor(uint microseconds);
}
