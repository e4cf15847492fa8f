using System.Text.Json;
using Riffle.Data;
using Riffle.Tests.Data;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Cli;

public sealed class CheckCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Warnings_alone_end_with_0()
    {
        var source = PreparationSource.OneLevel(3, "a", "b");
        source.Add("a/notes.txt", "no image");
        var result = Shell.Riffle("check", source.Write("tar.gz", _folder.Path));

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("faults      none", result.Output, StringComparison.Ordinal);
        Assert.Contains("a/notes.txt", result.Output, StringComparison.Ordinal);
        Assert.Contains("check: 7 of 7 images", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_changed_byte_ends_with_3_and_the_json_names_file_and_offset()
    {
        var data = _folder.PathOf("data");
        Preparation.Run(PreparationSource.TinyImageNet().Write("zip", _folder.Path), data, new PreparationOptions { Shards = 1 });
        var shard = Path.Combine(data, "train-00000-of-00001");
        var bytes = File.ReadAllBytes(shard);
        bytes[40] ^= 1;
        File.WriteAllBytes(shard, bytes);
        var result = Shell.Riffle("check", data, "--json");

        Assert.Equal(3, result.ExitCode);
        using var json = JsonDocument.Parse(result.Output);
        Assert.Equal(2, json.RootElement.GetProperty("faults").GetInt32());
        var record = json.RootElement.GetProperty("findings").EnumerateArray().Single(group => group.GetProperty("kind").GetString() == "damaged record");
        Assert.True(record.GetProperty("is_fault").GetBoolean());
        var finding = record.GetProperty("examples")[0];
        Assert.Equal((shard, 0), (finding.GetProperty("file").GetString(), finding.GetProperty("offset").GetInt32()));
    }
}
