using Riffle.Data;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data;

/// <summary>The output folder appears whole or not at all, and nothing that is no data set is ever replaced.</summary>
public sealed class PreparationFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Output => _folder.PathOf("out");

    [Fact]
    public void An_empty_folder_is_filled_and_missing_parents_are_made()
    {
        Directory.CreateDirectory(Output);
        Prepare(Output, new PreparationOptions());
        Assert.True(File.Exists(Path.Combine(Output, "dataset.json")));
        Prepare(_folder.PathOf("deep/er/out") + "/", new PreparationOptions());
        Assert.True(File.Exists(_folder.PathOf("deep/er/out/dataset.json")));
        Assert.Equal(["deep", "out", "source.zip"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_data_set_is_replaced_only_when_told_to()
    {
        Prepare(Output, new PreparationOptions { Shards = 1 });
        var before = File.ReadAllText(Path.Combine(Output, "dataset.json"));
        Assert.Contains("--force", Error.OnCommandLine(Assert.ThrowsAny<RiffleException>(() => Prepare(Output, new PreparationOptions()))), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(Path.Combine(Output, "dataset.json")));

        Prepare(Output, new PreparationOptions { Shards = 2, Replace = true });
        Assert.Equal(
            ["dataset.json", "train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001"],
            Directory.GetFiles(Output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(["out", "source.zip"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Other_things_are_never_replaced()
    {
        Prepare(Output, new PreparationOptions());
        File.WriteAllText(Path.Combine(Output, "thesis.txt"), "years of work");
        var error = Assert.Throws<RiffleException>(() => Prepare(Output, new PreparationOptions { Replace = true }));
        Assert.Contains("thesis.txt", error.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Output, "thesis.txt")));
        Assert.Throws<RiffleException>(() => Prepare(Path.Combine(Output, "thesis.txt"), new PreparationOptions { Replace = true }));
    }

    [Fact]
    public void What_a_killed_process_left_is_removed_and_what_a_running_one_writes_is_not()
    {
        var killed = Directory.CreateDirectory(Output + ".partial-1-killed").FullName;
        File.WriteAllText(Path.Combine(killed, ".lock"), "");
        File.WriteAllText(Path.Combine(killed, "train-00000-of-00016"), "half");
        using var running = new PreparationFolder(Output, replace: false);

        Prepare(Output, new PreparationOptions());
        Assert.False(Directory.Exists(killed));
        Assert.True(Directory.Exists(running.Path));
    }

    [Fact]
    public void Of_two_that_prepare_one_place_the_later_fails()
    {
        using var slow = new PreparationFolder(Output, replace: false);
        Prepare(Output, new PreparationOptions());
        var before = File.ReadAllText(Path.Combine(Output, "dataset.json"));
        Assert.Contains("--force", Error.OnCommandLine(Assert.ThrowsAny<RiffleException>(slow.Complete)), StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(Path.Combine(Output, "dataset.json")));
    }

    [Fact]
    public void An_output_inside_the_source_is_refused()
    {
        var source = PreparationSource.OneLevel(3, "a", "b").Write("folder", _folder.Path);
        var error = Assert.Throws<RiffleException>(() => Preparation.Run(source, source + "/out", new PreparationOptions(), ImageCodec.Default));
        Error.Names(error.Message, source + "/out", source);
    }

    [Theory]
    [InlineData(-0.1, 16, 0, 56, 1, "--validation-fraction")]
    [InlineData(1.0, 16, 0, 56, 1, "--validation-fraction")]
    [InlineData(double.NaN, 16, 0, 56, 1, "--validation-fraction")]
    [InlineData(0.1, 0, 0, 56, 1, "--shards")]
    [InlineData(0.1, 100_000, 0, 56, 1, "--shards")]
    [InlineData(0.1, 16, -1, 56, 1, "--bake.")]
    [InlineData(0.1, 16, 0, 7, 1, "--bake-size")]
    [InlineData(0.1, 16, 0, 56, 0, "--threads")]
    public void Impossible_options_are_refused(double fraction, int shards, int copies, int size, int threads, string named)
    {
        var options = new PreparationOptions { ValidationFraction = fraction, Shards = shards, BakeCopies = copies, BakeSize = size, Threads = threads };
        Assert.Contains(named, Error.OnCommandLine(Assert.ThrowsAny<ArgumentException>(() => Prepare(Output, options))), StringComparison.Ordinal);
    }

    private void Prepare(string output, PreparationOptions options)
    {
        var source = _folder.PathOf("source.zip");
        if (!File.Exists(source))
            PreparationSource.OneLevel(4, "a", "b").Write("zip", _folder.Path);
        Preparation.Run(source, output, options, ImageCodec.Default);
    }
}
