namespace Riffle.Data;

/// <summary>Names of the files in a data set folder.</summary>
internal static class DatasetFiles
{
    /// <summary>The file that describes the data set.</summary>
    public const string Info = "dataset.json";

    /// <summary>The most shards that a split can have: their numbers are written with five digits.</summary>
    public const int MaxShards = 99_999;

    /// <summary>Name of one shard, as <c>train-00003-of-00016</c>.</summary>
    public static string Shard(Split split, int index, int count) =>
        $"{split.Prefix()}-{index:D5}-of-{count:D5}";

    /// <summary>Paths of all shards of a split, in order.</summary>
    public static IReadOnlyList<string> Shards(string directory, Split split, int count) =>
        [.. Enumerable.Range(0, count).Select(i => Path.Combine(directory, Shard(split, i, count)))];

    /// <summary>Whether a file name is one that a data set folder holds.</summary>
    internal static bool Belongs(string name) => name == Info || SplitOf(name) is not null;

    /// <summary>The split of a shard by its name; null if the name is not one of a shard.</summary>
    internal static Split? SplitOf(string name) =>
        name.Split('-') is [var prefix, { Length: 5 } index, "of", { Length: 5 } count] && int.TryParse(index, out _) && int.TryParse(count, out _)
            ? Splits.WithPrefix(prefix) : null;
}
