using Riffle.Tests.Cli;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Packages;

/// <summary>The packages, packed once, and an empty package cache beside them. What they depend on comes from the registry.</summary>
public sealed class PackedFeed : IDisposable
{
    /// <summary>The system for which the tool is packed and programs are compiled.</summary>
    public const string System = "linux-x64";

    private readonly TemporaryFolder _folder = new();

    public PackedFeed()
    {
        foreach (var project in new[] { "Riffle", "Riffle.Images", "Riffle.Server", "Riffle.Cli" })
            Run(Shell.Root, ["pack", $"src/{project}", "-c", "Release", "-o", Folder, "--artifacts-path", _folder.PathOf("build"), $"-p:ToolSystems={System}"], []);
    }

    /// <summary>The linker for NativeAOT; null if there is none.</summary>
    public string? Linker { get; } = Array.Find(["clang", "gcc"], program => File.Exists($"/usr/bin/{program}"));

    private string Folder => _folder.PathOf("feed");

    public string PackageOf(string name) => Directory.GetFiles(Folder, $"{name}.*.nupkg").Single(file => char.IsDigit(Path.GetFileName(file)[name.Length + 1]));

    /// <summary>Lets a folder take packages from here, and from the registry.</summary>
    public void Configure(string folder) => File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
        <configuration>
          <packageSources>
            <add key="packed" value="{Folder}" />
          </packageSources>
        </configuration>
        """);

    /// <summary>Runs dotnet with the empty cache.</summary>
    public void Dotnet(string folder, string[] args) => Run(folder, args, new() { ["NUGET_PACKAGES"] = _folder.PathOf("cache") });

    public void Dispose() => _folder.Dispose();

    private static void Run(string folder, string[] args, Dictionary<string, string> environment)
    {
        var result = Shell.Run("dotnet", [.. args, "-v", "q"], folder, environment);
        Assert.True(result.ExitCode == 0, $"dotnet {string.Join(' ', args)}\n{result.Output}\n{result.Error}");
    }
}
