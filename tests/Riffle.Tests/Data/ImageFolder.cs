using Riffle.Data;
using Riffle.Formats;

namespace Riffle.Tests.Data;

/// <summary>A data set folder of small images that each tell by their colour which one they are, gone at the end of the test.</summary>
internal sealed class ImageFolder : IDisposable
{
    public const int Classes = 7;

    /// <summary>Colours differ by 32 levels, which JPEG keeps apart.</summary>
    private const int Step = 32, Steps = 8;

    public ImageFolder(int train, int validation, int shards = 3, int side = 16, DatasetBaking? baking = null)
    {
        Path = Directory.CreateTempSubdirectory("riffle-loader-").FullName;
        Write(Split.Train, train, shards, side);
        Write(Split.Validation, validation, validation == 0 ? 0 : 1, side);
        Info(train, validation, shards, baking).Save(Path);
    }

    public string Path { get; }

    public Dataset Open() => Dataset.Open(Path, ImageCodec.Default);

    public string Shard(int index, int count = 3) => System.IO.Path.Combine(Path, DatasetFiles.Shard(Split.Train, index, count));

    /// <summary>Which image a pixel is of.</summary>
    public static int Identify(ReadOnlySpan<byte> pixel) => ((pixel[0] / Step * Steps) + (pixel[1] / Step)) * Steps + (pixel[2] / Step);

    public static int Label(int image) => image * 5 % Classes;

    public static byte[] Example(int image, int side, int label)
    {
        byte[] colour = [.. new[] { image / Steps / Steps, image / Steps % Steps, image % Steps }.Select(c => (byte)((c * Step) + (Step / 2)))];
        var pixels = Enumerable.Range(0, side * side * 3).Select(i => colour[i % 3]).ToArray();
        return new ImageExample
        {
            Encoded = JpegEncoder.Encode(new(side, side, pixels), 95),
            Format = "JPEG",
            Height = side,
            Width = side,
            Label = label,
            Synset = $"class{label}",
            Text = $"class{label}",
            FileName = $"{image}.jpg",
        }.ToBytes();
    }

    public static void WriteShard(string path, IEnumerable<byte[]> records)
    {
        using var writer = new TFRecordWriter(File.Create(path));
        foreach (var record in records)
            writer.Write(record);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static DatasetInfo Info(int train, int validation, int shards, DatasetBaking? baking) => new()
    {
        Train = train,
        Validation = validation,
        TrainShards = shards,
        ValidationShards = validation == 0 ? 0 : 1,
        Fingerprint = "",
        Baking = baking,
        Classes = [.. Enumerable.Range(0, Classes).Select(i => new DatasetClass($"class{i}", $"class{i}"))],
    };

    private void Write(Split split, int images, int shards, int side)
    {
        // Shards of unequal sizes, one of which may be empty.
        for (var shard = 0; shard < shards; shard++)
        {
            var (first, end) = ((int)((long)images * shard * shard / shards / shards), (int)((long)images * (shard + 1) * (shard + 1) / shards / shards));
            var path = System.IO.Path.Combine(Path, DatasetFiles.Shard(split, shard, shards));
            WriteShard(path, Enumerable.Range(first, end - first).Select(i => Example(i, side, Label(i))));
        }
    }
}
