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
        Preparation.Run(PreparationSource.TinyImageNet().Write("zip", _folder.Path), data, new PreparationOptions { Shards = 1 }, ImageCodec.Default);
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

    [Fact]
    public void Layout_what_is_left_out_and_classes_are_shown_by_prepare_and_check()
    {
        var source = new PreparationSource();
        foreach (var split in new[] { "train", "valid", "test" })
        {
            foreach (var name in PreparationSource.OneLevel(2, [.. Enumerable.Range(0, 12).Select(i => $"class{i:D2}")]).Files.Keys)
                source.Files[$"{split}/{name}"] = PreparationSource.Jpeg(source.Files.Count);
        }

        source.Add("train/class00/@eaDir/0.jpg/thumb.jpg", "x");
        var (path, data) = (source.Write("zip", _folder.Path), _folder.PathOf("data"));
        string[] lines =
        [
            "layout      train/CLASS for training, valid/CLASS for validation, test/CLASS for testing",
            "left out    1 system files and hidden files: @eaDir",
            "test        24 ",
            "classes     12: class00, class01, class02, class03, class04, class05, class06, class07 and 4 more",
        ];
        foreach (var args in new[] { new[] { "check", path, "--threads", "0" }, ["prepare", path, "--out", data, "--threads", "0"], ["check", data] })
        {
            var result = Shell.Riffle(args);
            Assert.Equal(0, result.ExitCode);
            Assert.All(lines, line => Assert.Contains(line, result.Output, StringComparison.Ordinal));
        }

        foreach (var args in new[] { new[] { "check", path, "--json" }, ["prepare", path, "--out", data, "--json", "--force"], ["check", data, "--json"] })
        {
            using var json = JsonDocument.Parse(Shell.Riffle(args).Output);
            Assert.Equal("train/CLASS for training, valid/CLASS for validation, test/CLASS for testing", json.RootElement.GetProperty("layout").GetString());
            Assert.Equal([1], json.RootElement.GetProperty("left_out").EnumerateArray().Select(left => left.GetProperty("count").GetInt32()));
            Assert.Equal(24, json.RootElement.GetProperty("test").GetInt32());
            Assert.Equal(12, json.RootElement.GetProperty("class_names").GetArrayLength());
        }
    }

    [Fact]
    public void A_data_set_without_validation_images_is_led_out_of_by_the_option_that_train_names()
    {
        var source = new PreparationSource();
        foreach (var (name, bytes) in PreparationSource.OneLevel(4, "a", "b").Files)
            source.Files[$"train/{name}"] = bytes;
        source.Files["val/x.jpg"] = PreparationSource.Jpeg(7);
        var (path, data) = (source.Write("folder", _folder.Path), _folder.PathOf("data"));
        Assert.Equal(0, Shell.Riffle("prepare", path, "--out", data, "--validation-fraction", "0").ExitCode);
        var train = Shell.Riffle("train", "--data", data, "--model", "mobilenet-v1-x0.25", "--epochs", "1", "--out", _folder.PathOf("run"));
        Assert.Contains("--validation-fraction 0.1", train.Error, StringComparison.Ordinal);
        Assert.Equal(0, Shell.Riffle("prepare", path, "--out", data, "--validation-fraction", "0.1", "--force").ExitCode);
        Assert.Equal(2, DatasetInfo.Load(data).Validation);
    }
}
