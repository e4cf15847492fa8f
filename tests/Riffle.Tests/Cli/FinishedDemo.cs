using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

/// <summary>A demo that ran once for all tests that read what it leaves.</summary>
[CollectionDefinition(Name)]
public sealed class FinishedDemo : ICollectionFixture<FinishedDemo>, IDisposable
{
    public const string Name = "finished demo";

    private readonly TemporaryFolder _folder = new();

    public FinishedDemo() => Result = Shell.Riffle("demo", "--out", _folder.PathOf("demo"));

    internal Shell.Result Result { get; }

    internal string this[string part] => _folder.PathOf($"demo/{part}");

    public void Dispose() => _folder.Dispose();
}
