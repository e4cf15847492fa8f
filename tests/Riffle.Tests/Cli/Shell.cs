using System.Diagnostics;

namespace Riffle.Tests.Cli;

/// <summary>Runs programs as a user does: as processes, with their standard output and error apart.</summary>
internal static class Shell
{
    internal sealed record Result(int ExitCode, string Output, string Error);

    /// <summary>The folder of the clone.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The arguments with which <c>dotnet</c> runs the command line as it was built for these tests.</summary>
    public static string[] Arguments(params string[] args) => [Path.Combine(AppContext.BaseDirectory, "Riffle.Cli.dll"), .. args];

    /// <summary>Runs the command line.</summary>
    public static Result Riffle(params string[] args) => Run("dotnet", Arguments(args));

    public static Result Run(string program, string[] args, string? folder = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(program, args, folder, environment);
        return Finish(process);
    }

    public static Process Start(string program, string[] args, string? folder = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, args)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder ?? Root,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    public static Result Finish(Process process)
    {
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(TimeSpan.FromMinutes(3)))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{process.StartInfo.FileName} did not end; it wrote:\n{output}\n{error.Result}");
        }

        return new(process.ExitCode, output, error.Result);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Riffle.slnx")))
            folder = folder.Parent ?? throw new DirectoryNotFoundException("The tests do not lie below the repository.");
        return folder.FullName;
    }
}
