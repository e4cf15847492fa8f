using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>One class of a data set. Its label is its position among the classes.</summary>
/// <param name="Name">Name of the class folder: a WordNet id as n01443537, or any other name.</param>
/// <param name="Text">A readable name: the words of the WordNet id, otherwise the name.</param>
public sealed record DatasetClass(string Name, string Text);

/// <summary>One shard: a TFRecord file of a data set.</summary>
/// <param name="Name">File name.</param>
/// <param name="Records">Number of images.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Sha256">SHA-256 of the file, in lower-case hexadecimal.</param>
public sealed record DatasetShard(string Name, int Records, long Bytes, string Sha256);

/// <summary>Sizes of the source's images, upright, in pixels.</summary>
/// <param name="MinWidth">Least width.</param>
/// <param name="MinHeight">Least height.</param>
/// <param name="MaxWidth">Greatest width.</param>
/// <param name="MaxHeight">Greatest height.</param>
/// <param name="CommonWidth">Width of the most common size.</param>
/// <param name="CommonHeight">Height of the most common size.</param>
/// <param name="CommonCount">Number of images of the most common size.</param>
public sealed record DatasetSizes(int MinWidth, int MinHeight, int MaxWidth, int MaxHeight, int CommonWidth, int CommonHeight, int CommonCount);

/// <summary>Files that were skipped or left out for one reason.</summary>
/// <param name="Reason">The reason.</param>
/// <param name="Count">Their number.</param>
/// <param name="Examples">The first few, each named by its file.</param>
public sealed record DatasetSkipped(string Reason, int Count, ImmutableArray<string> Examples);

/// <summary>How training images were augmented and stored ahead of training.</summary>
/// <param name="Copies">Augmented copies of each training image.</param>
/// <param name="Size">Their height and width in pixels.</param>
public sealed record DatasetBaking(int Copies, int Size);

/// <summary>A data set whose images another one has too.</summary>
/// <param name="Source">The file or folder name of its source.</param>
/// <param name="Fingerprint">Its <see cref="DatasetInfo.Fingerprint"/>.</param>
public sealed record DatasetOrigin(string Source, string Fingerprint);

/// <summary>The content of <c>dataset.json</c>, which describes a data set folder. It depends only on the images and the options, not on time or machine.</summary>
public sealed record DatasetInfo
{
    /// <summary>The format version that this library writes.</summary>
    internal const int CurrentVersion = 1;

    /// <summary>Version of the format of the folder.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Version of Riffle that wrote it.</summary>
    public string Riffle { get; init; } = "";

    /// <summary>File or folder name of the source, without its path.</summary>
    public string Source { get; init; } = "";

    /// <summary>The data set that the source's images were added to; null if there is none.</summary>
    public DatasetOrigin? AddedTo { get; init; }

    /// <summary>Seed of the order of records, of the split and of baking.</summary>
    public ulong Seed { get; init; }

    /// <summary>The share of each class's images that was set aside for validation; null if the source has its own validation images.</summary>
    public double? ValidationFraction { get; init; }

    /// <summary>The share of each class's images that was set aside for testing; null if none was.</summary>
    public double? TestFraction { get; init; }

    /// <summary>The regular expression by which images that belong together were kept in one split; null if each image was set aside by itself.</summary>
    public string? GroupBy { get; init; }

    /// <summary>How images were baked; null if the original bytes are stored.</summary>
    public DatasetBaking? Baking { get; init; }

    /// <summary>Number of training records.</summary>
    public required int Train { get; init; }

    /// <summary>Number of validation records.</summary>
    public required int Validation { get; init; }

    /// <summary>Number of test records.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Test { get; init; }

    /// <summary>Number of training shards.</summary>
    public required int TrainShards { get; init; }

    /// <summary>Number of validation shards; 0 where there are no validation images.</summary>
    public required int ValidationShards { get; init; }

    /// <summary>Number of test shards; 0 where there are no test images.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int TestShards { get; init; }

    /// <summary>Identifies the content: equal fingerprints mean equal records in equal order. <c>sha256sum train-* validation-* | sha256sum</c> prints it, with
    /// <c>test-*</c> as the third where there are test images.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Sizes of the images; null if unknown.</summary>
    public DatasetSizes? Sizes { get; init; }

    /// <summary>How the source is laid out: <c>train/CLASS for training, valid/CLASS for validation</c>; empty if an older version wrote it.</summary>
    public string Layout { get; init; } = "";

    /// <summary>Notes on parts of the source that may mean something else.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>
    /// What was left out of the source, such as test images and system files; the examples are names of folders and files.
    /// </summary>
    public ImmutableArray<DatasetSkipped> LeftOut { get; init; } = [];

    /// <summary>What was skipped and why.</summary>
    public ImmutableArray<DatasetSkipped> Skipped { get; init; } = [];

    /// <summary>Training records of each class, in the order of <see cref="Classes"/>.</summary>
    public ImmutableArray<int> TrainPerClass { get; init; } = [];

    /// <summary>Validation records of each class, in the order of <see cref="Classes"/>.</summary>
    public ImmutableArray<int> ValidationPerClass { get; init; } = [];

    /// <summary>Test records of each class, in the order of <see cref="Classes"/>; null where there are no test images.</summary>
    public ImmutableArray<int>? TestPerClass { get; init; }

    /// <summary>Every shard: training, validation, test.</summary>
    public ImmutableArray<DatasetShard> Shards { get; init; } = [];

    /// <summary>The classes in the order of their labels, which is the ordinal order of their names.</summary>
    public required ImmutableArray<DatasetClass> Classes { get; init; }

    /// <summary>Reads <c>dataset.json</c> of a data set folder.</summary>
    /// <exception cref="RiffleException">The file does not exist, or a newer version wrote it.</exception>
    /// <exception cref="BadDataException">It is damaged or contradicts itself.</exception>
    public static DatasetInfo Load(string directory)
    {
        var path = Path.Combine(directory, DatasetFiles.Info);
        try
        {
            var info = JsonSerializer.Deserialize(InputFile.ReadDocument(path), DatasetJson.Options.Of<DatasetInfo>())
                ?? throw new BadDataException($"{path}: the file is empty; run riffle prepare again");
            return info.Checked(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            var exists = Directory.Exists(directory);
            throw new RiffleException(
                File.Exists(directory) ? $"{directory}: this is a file, not a data set folder."
                : exists ? $"{directory}: not a data set folder, because it has no {DatasetFiles.Info}."
                : $"{directory}: no such folder.",
                e)
            {
                CommandLineAdvice = exists ? $"If it contains images, run: riffle prepare {ShellWord.Path(directory)} --out DIR" : "'riffle prepare' writes a data set folder.",
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RiffleException($"{path}: can't read the file: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new BadDataException($"{path}: damaged at line {e.LineNumber + 1}, byte {e.BytePositionInLine} of that line; run riffle prepare again", e);
        }
    }

    /// <summary>Writes <c>dataset.json</c> into a data set folder, completely or not at all.</summary>
    /// <exception cref="RiffleException">It can't be written.</exception>
    internal void Save(string directory) => AtomicFile.WriteText(Path.Combine(directory, DatasetFiles.Info), ToJson() + "\n");

    /// <summary>The content of <c>dataset.json</c>.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DatasetJson.Options.Of<DatasetInfo>());

    /// <summary>The numbers of a split. Of an older version, the records per class may be missing.</summary>
    internal (int Images, int Shards, ImmutableArray<int> PerClass) Of(Split split) => split switch
    {
        Split.Train => (Train, TrainShards, TrainPerClass),
        Split.Validation => (Validation, ValidationShards, ValidationPerClass),
        _ => (Test, TestShards, TestPerClass ?? []),
    };

    /// <summary>The records of each class in each split.</summary>
    internal ImmutableArray<ClassCounts> Counts => [.. Classes.Select((found, label) => new ClassCounts(
        found.Name, TrainPerClass.ElementAtOrDefault(label), ValidationPerClass.ElementAtOrDefault(label), Of(Split.Test).PerClass.ElementAtOrDefault(label)))];

    /// <summary>The share of each class that was set aside for a split; null if none was.</summary>
    internal double? SetAside(Split split) => split switch
    {
        Split.Train => null,
        Split.Validation => ValidationFraction,
        _ => TestFraction,
    };

    /// <summary>The share of the images that could be set aside which a split has got.</summary>
    internal double ShareSetAside(Split split)
    {
        var all = Splits.All.Where(one => one == Split.Train || SetAside(one) is not null)
            .Sum(one => Of(one).Images / (double)(one == Split.Train ? Baking?.Copies ?? 1 : 1));
        return Of(split).Images / all;
    }

    private DatasetInfo Checked(string path)
    {
        if (Version > CurrentVersion)
            throw new RiffleException($"{path}: the format version is {Version}, but this Riffle reads only up to {CurrentVersion}; use a newer Riffle");
        var wrong =
            Classes.IsDefaultOrEmpty ? "no classes"
            : Shards.DistinctBy(shard => shard.Name).Count() < Shards.Length ? "the same shard twice"
            : Splits.All.Any(split => Of(split).Images < 0) ? "a negative number of images"
            : !Splits.All.All(split => ShardsFit(Of(split).Images, Of(split).Shards)) ? "an impossible number of shards"
            : null;
        return wrong is null ? this : throw new BadDataException($"{path}: lists {wrong}; run riffle prepare again");
    }

    private static bool ShardsFit(int images, int shards) => shards is >= 0 and <= DatasetFiles.MaxShards && (images == 0 || shards > 0);
}
