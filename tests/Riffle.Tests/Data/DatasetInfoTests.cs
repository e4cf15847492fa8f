using Riffle.Data;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data;

public sealed class DatasetInfoTests : IDisposable
{
    private static readonly DatasetInfo Example = new()
    {
        Source = "größe.zip",
        Seed = ulong.MaxValue,
        ValidationFraction = 0.1,
        Train = 3,
        Validation = 1,
        TrainShards = 2,
        ValidationShards = 1,
        Fingerprint = "00ff",
        Skipped = [new("damaged image", 1, ["a/1.jpg: \"torn\" <in half>"])],
        Classes = [new("a", "first, \"one\""), new("b", "second")],
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_saved_is_loaded()
    {
        Example.Save(_folder.Path);
        var loaded = DatasetInfo.Load(_folder.Path);
        Assert.Equal(Example.ToJson(), loaded.ToJson());
        Assert.Equal(Example.Classes.AsEnumerable(), loaded.Classes);
        Assert.Equal((ulong.MaxValue, "größe.zip", 2), (loaded.Seed, loaded.Source, loaded.TrainShards));
        Assert.Contains("\"train_shards\": 2", File.ReadAllText(_folder.PathOf("dataset.json")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"version\": 1", "\"version\": 2", "newer Riffle")]
    [InlineData("\"train\": 3", "\"train\": \"three\"", "damaged at line")]
    [InlineData("\"train\": 3", "\"train\": -3", "negative number of images")]
    [InlineData("\"train_shards\": 2", "\"train_shards\": 0", "impossible number of shards")]
    [InlineData("\"fingerprint\"", "\"finger\"", "damaged at line")]
    [InlineData("\"classes\": [", "\"classes\": [], \"more\": [", "no classes")]
    [InlineData("\"shards\": []", "\"shards\": null", "damaged at line")]
    [InlineData("\"skipped\": [", "\"skipped\": [null, ", "damaged at line")]
    [InlineData("\"00ff\"", "null", "damaged at line")]
    [InlineData("\"name\": \"b\"", "\"name\": null", "damaged at line")]
    [InlineData("\"classes\": [", "\"classes\": [null, ", "damaged at line")]
    [InlineData("\"a/1.jpg", "null, \"a/1.jpg", "damaged at line")]
    [InlineData("\"shards\": []", "\"shards\": [{\"name\": \"x\"}]", "damaged at line")]
    [InlineData("\"shards\": []",
        "\"shards\": [{\"name\": \"x\", \"records\": 0, \"bytes\": 0, \"sha256\": \"0\"}, {\"name\": \"x\", \"records\": 0, \"bytes\": 0, \"sha256\": \"0\"}]",
        "the same shard twice")]
    public void What_is_wrong_is_named(string text, string instead, string message)
    {
        var json = Example.ToJson();
        Assert.Contains(text, json, StringComparison.Ordinal);
        var path = _folder.Add("dataset.json", System.Text.Encoding.UTF8.GetBytes(json.Replace(text, instead, StringComparison.Ordinal)));
        var error = Assert.ThrowsAny<RiffleException>(() => DatasetInfo.Load(_folder.Path));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_anywhere_is_bad_data()
    {
        var json = System.Text.Encoding.UTF8.GetBytes(Example.ToJson());
        for (var length = 0; length < json.Length; length += 7)
        {
            _folder.Add("dataset.json", json[..length]);
            Assert.Throws<BadDataException>(() => DatasetInfo.Load(_folder.Path));
        }
    }

    [Fact]
    public void A_folder_that_is_no_data_set_is_named() =>
        Error.Names(Error.OnCommandLine(Assert.Throws<RiffleException>(() => DatasetInfo.Load(_folder.Path))), _folder.Path, "riffle prepare");

    [Fact]
    public void Names_of_shards()
    {
        Assert.Equal(["d/validation-00000-of-00002", "d/validation-00001-of-00002"], DatasetFiles.Shards("d", Split.Validation, 2));
        Assert.True(DatasetFiles.Belongs("train-00003-of-00016"));
        Assert.True(DatasetFiles.Belongs("dataset.json"));
        Assert.False(DatasetFiles.Belongs("train-3-of-16"));
        Assert.False(DatasetFiles.Belongs("tests-00003-of-00016"));
        Assert.Equal(Split.Test, DatasetFiles.SplitOf("test-00003-of-00016"));
        Assert.Null(DatasetFiles.SplitOf("dataset.json"));
    }
}
