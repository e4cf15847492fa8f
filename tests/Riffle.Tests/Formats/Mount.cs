using System.Runtime.CompilerServices;
using Riffle.Tests.Cli;

namespace Riffle.Tests.Formats;

/// <summary>A disk that is full, or that can't be written: real ones, which the kernel mounts. They are gone at the end of the test.</summary>
internal sealed class Mount : IDisposable
{
    private readonly string _folder;

    private Mount(string folder) => _folder = folder;

    /// <summary>Why there are none here; null where there are.</summary>
    public static string? Missing { get; } = Try();

    /// <summary>A new disk at a folder that is there.</summary>
    public static Mount Disk(string folder, int kilobytes)
    {
        Do("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k", "riffle-test", folder);
        return new(folder);
    }

    /// <summary>A folder as a disk that is read-only from here on; files that are open go on being written.</summary>
    public static Mount ReadOnly(string folder)
    {
        Do("mount", "--bind", folder, folder);
        Do("mount", "-o", "remount,bind,ro", folder);
        return new(folder);
    }

    public void Dispose() => Do("umount", "-l", _folder);

    private static void Do(string program, params string[] args)
    {
        var result = Shell.Run(program, args, Path.GetTempPath());
        if (result.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', args)}: {result.Error}");
    }

    private static string? Try()
    {
        if (!OperatingSystem.IsLinux())
            return "disks are mounted on Linux only";
        using var folder = new TemporaryFolder();
        try
        {
            Disk(folder.Path, 64).Dispose();
            ReadOnly(folder.Path).Dispose();
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return $"a disk can't be mounted here, which takes root: {e.Message.Trim()}";
        }
    }
}

/// <summary>A test that mounts a disk.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MountFactAttribute : FactAttribute
{
    public MountFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = Mount.Missing;
}

/// <inheritdoc cref="MountFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MountTheoryAttribute : TheoryAttribute
{
    public MountTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line) => Skip = Mount.Missing;
}
