using System.Runtime.CompilerServices;

namespace Riffle.Tests.Cli;

/// <summary>A test of a shell script or of signals, which Windows has not.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = UnixOnly.Reason;
}

/// <inheritdoc cref="UnixFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixTheoryAttribute : TheoryAttribute
{
    public UnixTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = UnixOnly.Reason;
}

internal static class UnixOnly
{
    public static string? Reason { get; } = OperatingSystem.IsWindows() ? "Windows has neither POSIX shell nor signals" : null;
}

/// <summary>A test that asks the system about the process in Linux's way.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = LinuxOnly.Reason;
}

/// <inheritdoc cref="LinuxFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinuxTheoryAttribute : TheoryAttribute
{
    public LinuxTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = LinuxOnly.Reason;
}

internal static class LinuxOnly
{
    public static string? Reason { get; } = OperatingSystem.IsLinux() ? null : "there is no /proc";
}
