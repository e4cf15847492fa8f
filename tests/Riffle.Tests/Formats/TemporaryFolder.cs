namespace Riffle.Tests.Formats;

/// <summary>A folder of its own for a test, removed afterwards.</summary>
sealed class TemporaryFolder : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("riffle-test-").FullName;

    /// <summary>A file in the folder, with these bytes.</summary>
    internal string Add(string name, byte[] content)
    {
        string path = PathOf(name);
        File.WriteAllBytes(path, content);
        return path;
    }

    internal string PathOf(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
