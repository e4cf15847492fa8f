using Riffle.Cli;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

public sealed class DemoFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_demos_folder_is_made_and_cleared_again()
    {
        DemoFolder.Clear(_folder.PathOf("demo"), _folder.PathOf("demo/data"));
        Directory.CreateDirectory(_folder.PathOf("demo/data/deep"));
        File.WriteAllText(_folder.PathOf("demo/notes"), "mine");

        DemoFolder.Clear(_folder.PathOf("demo"), _folder.PathOf("demo/data"));

        Assert.False(Directory.Exists(_folder.PathOf("demo/data")));
        Assert.True(File.Exists(_folder.PathOf("demo/notes")));
    }

    [Fact]
    public void A_folder_that_holds_something_else_is_left_alone()
    {
        Directory.CreateDirectory(_folder.PathOf("data"));

        var error = Assert.Throws<RiffleException>(() => DemoFolder.Clear(_folder.Path, _folder.PathOf("data")));

        Assert.Contains("--out", error.Message, StringComparison.Ordinal);
        Assert.True(Directory.Exists(_folder.PathOf("data")));
    }
}
