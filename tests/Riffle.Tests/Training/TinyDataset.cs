using System.Security.Cryptography;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Networks;
using Riffle.Recipes;

namespace Riffle.Tests.Training;

/// <summary>A data set folder, and a place for runs, that are gone after the test: stripes in three directions, of any colour.</summary>
internal sealed class TinyDataset : IDisposable
{
    private static readonly string[] Names = ["diagonal", "horizontal", "vertical"];

    public TinyDataset(int train = 70, int validation = 140, int seed = 1, int classes = 3)
    {
        Folder = Directory.CreateTempSubdirectory("riffle-training-").FullName;
        var random = new Random(seed);
        var data = Directory.CreateDirectory(DataFolder).FullName;
        WriteSplit(data, Split.Train, train, shards: 2, random);
        WriteSplit(data, Split.Validation, validation, shards: 1, random);
        var files = Directory.GetFiles(data).Order().SelectMany(File.ReadAllBytes).ToArray();
        new DatasetInfo
        {
            Train = train,
            Validation = validation,
            TrainShards = 2,
            ValidationShards = 1,
            Fingerprint = Convert.ToHexStringLower(SHA256.HashData(files)),
            Shards = [.. Directory.GetFiles(data).Order().Select(Describe)],
            Classes = [.. Names.Take(classes).Select(name => new DatasetClass(name, name + " stripes"))],
        }.Save(data);

        static DatasetShard Describe(string file)
        {
            var bytes = File.ReadAllBytes(file);
            using var reader = new TFRecordReader(file);
            var records = 0;
            while (reader.TryRead(out _))
                records++;
            return new(Path.GetFileName(file), records, bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }

        void WriteSplit(string folder, Split split, int images, int shards, Random random)
        {
            for (var shard = 0; shard < shards; shard++)
            {
                using var stream = File.Create(Path.Combine(folder, DatasetFiles.Shard(split, shard, shards)));
                using var writer = new TFRecordWriter(stream);
                for (var i = shard; i < images; i += shards)
                {
                    var label = i % classes;
                    writer.Write(new ImageExample
                    {
                        Encoded = JpegEncoder.Encode(Draw(label, random)),
                        Format = "JPEG",
                        Height = 32,
                        Width = 32,
                        Label = label,
                        Synset = Names[label],
                        Text = Names[label],
                        FileName = $"{split}-{i}.jpg",
                    }.ToBytes());
                }
            }
        }
    }

    /// <summary>The files of a run that must be the same however it came about.</summary>
    public static IReadOnlyList<string> ResultFiles { get; } = ["metrics.csv", "checkpoints/best.safetensors", "checkpoints/last.safetensors"];

    public string Folder { get; }

    public string DataFolder => Path.Combine(Folder, "data");

    public string Run(string name) => Path.Combine(Folder, name);

    public Dataset Open() => Dataset.Open(DataFolder, ImageCodec.Default);

    public NetworkSpec Spec() =>
        NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: Open().Info.Classes.Length, units: [1, 1, 1]);

    /// <summary>Two steps of 32 images in an epoch, over two blocks of the engine; quick to drop its rate.</summary>
    public static Recipe Recipe(OptimiserKind optimiser = OptimiserKind.Nesterov, int epochs = 3) => Riffle.Recipes.Recipe.Paper with
    {
        Name = "test",
        Optimiser = optimiser,
        Epochs = epochs,
        Batch = 32,
        LabelSmoothing = 0.1,
        Schedule = new()
        {
            Kind = ScheduleKind.Plateau,
            LearningRate = optimiser == OptimiserKind.Adam ? 0.003 : 0.05,
            Patience = 0,
            Factor = 0.5,
            WarmUpEpochs = 0.5,
        },
    };

    public static byte[] Jpeg(int label, int seed = 9) => JpegEncoder.Encode(Draw(label, new Random(seed)));

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static RgbImage Draw(int label, Random random)
    {
        var image = new RgbImage(32, 32, new byte[32 * 32 * 3]);
        var (phase, colours) = (random.Next(8), new byte[6]);
        random.NextBytes(colours);
        for (var y = 0; y < 32; y++)
        {
            for (var x = 0; x < 32; x++)
            {
                var along = (label switch { 0 => x + y, 1 => y, _ => x }) + phase;
                colours.AsSpan(along / 4 % 2 * 3, 3).CopyTo(image.Pixels.AsSpan((y * 32 + x) * 3));
            }
        }

        return image;
    }
}
