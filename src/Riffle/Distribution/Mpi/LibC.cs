using System.Runtime.InteropServices;

namespace Riffle.Distribution.Mpi;

/// <summary>Functions of the C library that .NET has no equal of.</summary>
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

    /// <summary>Ends the process at once. <see cref="Environment.Exit"/> first lets libraries end what they do, which one that hangs never does.</summary>
    public static void ExitNow(int code)
    {
        if (OperatingSystem.IsWindows())
            Environment.Exit(code);
        else
            Exit(code);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetEnvironment(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "usleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SleepFor(uint microseconds);

    [LibraryImport("libc", EntryPoint = "_exit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void Exit(int code);
}
