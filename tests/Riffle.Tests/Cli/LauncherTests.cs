using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

/// <summary>The launcher in a small copy of the repository; in place of dotnet, a program that writes down how it was called.</summary>
public sealed class LauncherTests : IDisposable
{
    private const string Built = "artifacts/riffle/Riffle.Cli.dll";

    private readonly TemporaryFolder _folder = new();

    public LauncherTests()
    {
        Directory.CreateDirectory(_folder.PathOf("clone/.ci"));
        Directory.CreateDirectory(_folder.PathOf("clone/src/Riffle"));
        Directory.CreateDirectory(_folder.PathOf("clone/src/Riffle.Cli"));
        Directory.CreateDirectory(_folder.PathOf("elsewhere"));
        Directory.CreateDirectory(_folder.PathOf("bin"));
        foreach (var file in new[] { "riffle", ".ci/prerequisites.sh", "Directory.Build.props", "Directory.Packages.props", "global.json" })
            File.Copy(System.IO.Path.Combine(Shell.Root, file), _folder.PathOf("clone/" + file));
        File.WriteAllText(_folder.PathOf("clone/src/Riffle/One.cs"), "");
        File.WriteAllText(_folder.PathOf("clone/src/Riffle/Two.cs"), "");
        Program("dotnet", $$"""
            case $1 in
                --version) echo 10.0.100 ;;
                publish)
                    case "$*" in *PublishReadyToRun*) [ ! -e "{{_folder.PathOf("no-compiler")}}" ] || exit 1 ;; esac
                    echo built >>"{{_folder.PathOf("log")}}"; echo "a line of the build"
                    while [ "$1" != -o ]; do shift; done; mkdir -p "$2"; touch "$2/Riffle.Cli.dll" ;;
                *) shift; printf 'ran:'; printf ' <%s>' "$@"; echo; exit 7 ;;
            esac
            """);
    }

    private string Log => File.Exists(_folder.PathOf("log")) ? File.ReadAllText(_folder.PathOf("log")) : "";

    public void Dispose() => _folder.Dispose();

    [UnixFact]
    public void It_runs_from_any_folder_through_a_link_and_hands_over_arguments_and_exit_code()
    {
        File.CreateSymbolicLink(_folder.PathOf("elsewhere/link"), "../clone/riffle");

        var result = Launch(_folder.PathOf("elsewhere/link"), "predict", "two words", "*");

        Assert.Equal((7, "ran: <predict> <two words> <*>\n"), (result.ExitCode, result.Output));
        Assert.Contains("building", result.Error, StringComparison.Ordinal);
    }

    [UnixFact]
    public void It_builds_only_when_something_changed()
    {
        int Builds()
        {
            Launch(_folder.PathOf("clone/riffle"));
            return Log.Split("built").Length - 1;
        }

        Assert.Equal(1, Builds());
        Assert.Equal(1, Builds());
        ChangeLater(() => File.WriteAllText(_folder.PathOf("clone/src/Riffle/One.cs"), "class One;"));
        Assert.Equal(2, Builds());
        Assert.Equal(2, Builds());
        ChangeLater(() => File.Delete(_folder.PathOf("clone/src/Riffle/Two.cs")));
        Assert.Equal(3, Builds());
        ChangeLater(() => File.WriteAllText(_folder.PathOf("clone/Directory.Build.props"), "<Project />"));
        Assert.Equal(4, Builds());
        ChangeLater(() => File.WriteAllText(_folder.PathOf("clone/src/Riffle/obj/generated.cs"), ""));
        Assert.Equal(4, Builds());
        File.Delete(_folder.PathOf("clone/" + Built));
        Assert.Equal(5, Builds());
    }

    [UnixFact]
    public void Where_nothing_compiles_ahead_of_time_it_is_built_without()
    {
        File.WriteAllText(_folder.PathOf("no-compiler"), "");

        Assert.Equal(7, Launch(_folder.PathOf("clone/riffle")).ExitCode);
        Assert.Equal("built\n", Log);
    }

    [UnixFact]
    public void A_build_that_fails_is_shown_on_standard_error_and_tried_again()
    {
        Program("dotnet", "[ \"$1\" = --version ] || { echo 'One.cs(1,1): error'; exit 1; }");
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var result = Launch(_folder.PathOf("clone/riffle"));

            Assert.Equal((1, ""), (result.ExitCode, result.Output));
            Assert.Contains("One.cs(1,1): error", result.Error, StringComparison.Ordinal);
        }
    }

    [UnixFact]
    public void An_SDK_that_is_too_old_is_named_with_the_way_out()
    {
        Program("dotnet", "exit 145");

        var result = Launch(_folder.PathOf("clone/riffle"));

        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.Contains(".NET 10 SDK is needed", result.Error, StringComparison.Ordinal);
        Assert.Contains("https://dot", result.Error, StringComparison.Ordinal);
    }

    /// <summary>A wrong global.json, no home, no room: what dotnet says is worth more than a guess.</summary>
    [UnixTheory]
    [InlineData("echo 'Requested SDK version: 11.0.100'; exit 155", "Requested SDK version: 11.0.100", true)]
    [InlineData("echo 'The home directory could not be determined.' >&2; exit 1", "The home directory could not be determined.", false)]
    [InlineData("echo 'No space left on device' >&2; exit 134", "No space left on device", false)]
    public void What_dotnet_itself_says_is_shown(string script, string note, bool isMissing)
    {
        Program("dotnet", script);

        var result = Launch(_folder.PathOf("clone/riffle"));

        Assert.Equal((1, ""), (result.ExitCode, result.Output));
        Assert.Contains(note, result.Error, StringComparison.Ordinal);
        Assert.Equal(isMissing, result.Error.Contains("SDK is needed", StringComparison.Ordinal));
    }

    [UnixFact]
    public void A_home_that_is_not_there_is_named()
    {
        Program("dotnet", "echo 'no home' >&2; exit 1");
        var home = _folder.PathOf("no/home");

        var result = Shell.Run(_folder.PathOf("clone/riffle"), [], environment: new Dictionary<string, string> { ["PATH"] = Path, ["HOME"] = home });

        Assert.Contains($"HOME is '{home}'", result.Error, StringComparison.Ordinal);
        Assert.Contains("DOTNET_CLI_HOME", result.Error, StringComparison.Ordinal);
    }

    private string Path => _folder.PathOf("bin") + System.IO.Path.PathSeparator + Environment.GetEnvironmentVariable("PATH");

    private void Program(string name, string script)
    {
        var path = _folder.PathOf("bin/" + name);
        File.WriteAllText(path, $"#!/usr/bin/env bash\n{script}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private Shell.Result Launch(string path, params string[] args) =>
        Shell.Run(path, args, _folder.PathOf("elsewhere"), new Dictionary<string, string> { ["PATH"] = Path });

    /// <summary>Makes a change that a file system with a coarse clock sees as later than the last build.</summary>
    private void ChangeLater(Action change)
    {
        var stamp = _folder.PathOf("clone/artifacts/riffle-built");
        File.SetLastWriteTimeUtc(stamp, DateTime.UtcNow.AddMinutes(-1));
        foreach (var entry in Directory.EnumerateFileSystemEntries(_folder.PathOf("clone"), "*", SearchOption.AllDirectories).Where(entry => entry != stamp))
            File.SetLastWriteTimeUtc(entry, DateTime.UtcNow.AddMinutes(-2));
        change();
    }
}
