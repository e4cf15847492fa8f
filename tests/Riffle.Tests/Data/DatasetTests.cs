using Riffle.Data;

namespace Riffle.Tests.Data;

public class DatasetTests
{
    [Fact]
    public void Tells_its_splits()
    {
        using var folder = new ImageFolder(10, 4);
        var data = folder.Open();
        Assert.Equal((10, 4), (data.Count(Split.Train), data.Count(Split.Validation)));
        Assert.Equal([folder.Shard(0), folder.Shard(1), folder.Shard(2)], data.Shards(Split.Train));
        Assert.Equal(ImageFolder.Classes, data.Info.Classes.Length);
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        using var folder = new ImageFolder(10, 4);
        File.Delete(folder.Shard(1));
        Assert.Contains(folder.Shard(1), Assert.Throws<BadDataException>(folder.Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shard_of_another_length_than_told_is_named()
    {
        using var folder = new ImageFolder(10, 4);
        var info = DatasetInfo.Load(folder.Path);
        var length = new FileInfo(folder.Shard(2)).Length;
        (info with { Shards = [new("train-00002-of-00003", 5, length + 1, "")] }).Save(folder.Path);
        var error = Assert.Throws<BadDataException>(folder.Open);
        Assert.Contains(folder.Shard(2), error.Message, StringComparison.Ordinal);
        Assert.Contains($"byte {length}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_data_set_is_named()
    {
        var nowhere = Path.Combine(Path.GetTempPath(), "riffle-no-such-folder");
        Assert.Contains(nowhere, Assert.Throws<RiffleException>(() => Dataset.Open(nowhere, ImageCodec.Default)).Message, StringComparison.Ordinal);
    }
}
