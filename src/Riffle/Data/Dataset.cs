namespace Riffle.Data;

/// <summary>A data set folder as <c>riffle prepare</c> writes it, opened for reading.</summary>
public sealed class Dataset
{
    private Dataset(string directory, DatasetInfo info, IImageCodec codec) => (Directory, Info, Codec) = (directory, info, codec);

    /// <summary>The folder.</summary>
    public string Directory { get; }

    /// <summary>The content of <c>dataset.json</c>.</summary>
    public DatasetInfo Info { get; }

    /// <summary>What decodes the images.</summary>
    public IImageCodec Codec { get; }

    /// <summary>Opens a data set folder and checks that all its shards exist with the length in <c>dataset.json</c>. Their content is checked when it is
    /// read.</summary>
    /// <param name="directory">The folder.</param>
    /// <param name="codec">Decodes the images, for example <c>ImageCodec.Default</c>.</param>
    /// <exception cref="RiffleException"><c>dataset.json</c> does not exist or can't be read.</exception>
    /// <exception cref="BadDataException"><c>dataset.json</c> is damaged, or a shard is missing or has a wrong length.</exception>
    public static Dataset Open(string directory, IImageCodec codec)
    {
        var data = new Dataset(directory, DatasetInfo.Load(directory), codec);
        var lengths = data.Info.Shards.ToDictionary(shard => shard.Name, shard => shard.Bytes);
        foreach (var path in Splits.All.SelectMany(data.Shards))
        {
            var file = new FileInfo(path);
            if (!file.Exists)
                throw new BadDataException($"{path}: this shard of the data set is missing. Copy the whole folder again, or run riffle prepare again.");
            if (lengths.TryGetValue(file.Name, out var bytes) && bytes != file.Length)
            {
                throw new BadDataException(
                    $"{path}: the shard ends at byte {file.Length}, but {DatasetFiles.Info} says {bytes}. Copy the file again, or run riffle prepare again.");
            }
        }

        return data;
    }

    /// <summary>Number of images in a split.</summary>
    public int Count(Split split) => Info.Of(split).Images;

    /// <summary>Paths of the shards of a split, in order.</summary>
    public IReadOnlyList<string> Shards(Split split) =>
        DatasetFiles.Shards(Directory, split, Info.Of(split).Shards);

    /// <summary>The number of images before each shard of the split; null if <c>dataset.json</c> does not say.</summary>
    internal int[]? FirstOfShard(Split split)
    {
        var records = Info.Shards.ToDictionary(shard => shard.Name, shard => shard.Records);
        var shards = Shards(split);
        var first = new int[shards.Count];
        var images = 0;
        foreach (var (i, path) in shards.Index())
        {
            if (!records.TryGetValue(Path.GetFileName(path), out var count))
                return null;
            first[i] = images;
            images += count;
        }

        return images == Count(split) ? first : null;
    }
}
