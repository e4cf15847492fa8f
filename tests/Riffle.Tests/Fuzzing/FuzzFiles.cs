using System.Formats.Tar;
using System.IO.Compression;
using Google.Protobuf;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Formats.Protos;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Recipes;
using Riffle.Tests.Data;
using Riffle.Tests.Formats;
using Riffle.Tests.Images;
using Riffle.Tests.Networks;

namespace Riffle.Tests.Fuzzing;

/// <summary>A whole file of every format that is read, for <see cref="FuzzTargets"/> to damage.</summary>
internal static class FuzzFiles
{
    /// <summary>The network of the files that are imported.</summary>
    public static Network Imported { get; } = NetworkCatalogue.Build(ImportedSpec);

    public static NetworkSpec ImportedSpec => NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 3, units: [1, 1, 1]);

    public static readonly byte[] WholeCheckpoint = CheckpointBytes(ImportedSpec);

    public static readonly (string Name, int[] Shape, ReadOnlyMemory<float> Values)[] CheckpointTensors = ReadTensors(WholeCheckpoint);

    /// <summary>A checkpoint that describes its network itself.</summary>
    public static readonly byte[] OwnCheckpoint = CheckpointBytes(NetworkSpec.Of(OwnNetwork.Create(16, 3)));

    public static readonly (string Name, int[] Shape, ReadOnlyMemory<float> Values)[] OwnTensors = ReadTensors(OwnCheckpoint);

    public static byte[][] OnnxFiles() =>
    [
        .. from name in (string[])["shufflenet-v2-free-batch", "padded", "stacked", "resnext", "mobilenet-v3-by-hand", "excited"]
           select File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "onnx", $"{name}.onnx")),
    ];

    /// <summary>The weights of a checkpoint, as they are and as PyTorch writes them.</summary>
    public static byte[][] ImportFiles() => [WholeCheckpoint, TorchArchive.StateDict(CheckpointTensors)];

    public static byte[][] TorchFiles() =>
    [
        .. from name in (string[])["state", "training", "legacy", "beside.old4", "beside.0", "beside.2", "beside.4", "model"]
           select File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"torch.{name}.pth")),
    ];

    public static byte[] Records(int count)
    {
        using var stream = new MemoryStream();
        using (var writer = new TFRecordWriter(stream, leaveOpen: true))
        {
            for (var i = 0; i < count; i++)
                writer.Write(ImageFolder.Example(i, 16, ImageFolder.Label(i)));
        }

        return stream.ToArray();
    }

    public static byte[] Events()
    {
        using var stream = new MemoryStream();
        using (var writer = new TFRecordWriter(stream, leaveOpen: true))
        {
            writer.Write(new Event { WallTime = 1, FileVersion = "brain.Event:2" }.ToByteArray());
            Summary.Types.Value[] values =
            [
                EventValues.Scalar("epoch_loss", 2),
                EventValues.Histogram("w", [1, 2, 3]),
                EventValues.Text("t", "text"),
                EventValues.SessionStart(new Dictionary<string, object> { ["rate"] = 0.5, ["name"] = "best", ["flip"] = true }, "group", 3),
            ];
            for (var i = 0; i < values.Length; i++)
                writer.Write(new Event { WallTime = 1, Step = i, Summary = new Summary { Value = { values[i] } } }.ToByteArray());
        }

        return stream.ToArray();
    }

    public static byte[][] ForeignRecords()
    {
        using var plain = new MemoryStream();
        using (var writer = new TFRecordWriter(plain, leaveOpen: true))
        {
            for (var i = 0; i < 4; i++)
            {
                writer.Write(ForeignRecord.Of(
                    ("image/encoded", i), ("image/class/label", 1 + (i % 2)), ("image/class/synset", $"n{i % 2}"), ("image/class/text", "a, b")));
            }
        }

        static byte[] Compressed(byte[] bytes, Func<Stream, Stream> compress)
        {
            using var stream = new MemoryStream();
            using (var compressor = compress(stream))
                compressor.Write(bytes);
            return stream.ToArray();
        }

        return
        [
            plain.ToArray(),
            Compressed(plain.ToArray(), stream => new GZipStream(stream, CompressionLevel.NoCompression, leaveOpen: true)),
            Compressed(plain.ToArray(), stream => new ZLibStream(stream, CompressionLevel.Fastest, leaveOpen: true)),
        ];
    }

    public static byte[] OneHotExample() => (ImageExample.Parse(ImageFolder.Example(2, 8, 1)) with { OneHot = [0, 1, 0, 0, 0, 0, 0] }).ToBytes();

    public static byte[] CheckpointHeader() => Header(WholeCheckpoint);

    public static byte[] CheckpointDocument(byte[] checkpoint)
    {
        using var header = System.Text.Json.JsonDocument.Parse(Header(checkpoint));
        return System.Text.Encoding.UTF8.GetBytes(header.RootElement.GetProperty("__metadata__").GetProperty("riffle").GetString()!);
    }

    /// <summary>The description of a network as a file of its own.</summary>
    public static byte[] NetworkBytes()
    {
        using var folder = new TemporaryFolder();
        NetworkFile.Write(OwnNetwork.Create(16, 3), folder.PathOf("n"));
        return File.ReadAllBytes(folder.PathOf("n"));
    }

    private static byte[] Header(byte[] checkpoint) => checkpoint[8..(8 + (int)BitConverter.ToInt64(checkpoint))];

    private static (string Name, int[] Shape, ReadOnlyMemory<float> Values)[] ReadTensors(byte[] checkpoint)
    {
        using var folder = new TemporaryFolder();
        var file = SafeTensors.Read(folder.Add("c", checkpoint));
        return [.. file.Names.Select(name => (name, file.Shape(name).ToArray(), (ReadOnlyMemory<float>)file.Get(name)))];
    }

    private static byte[] CheckpointBytes(NetworkSpec spec)
    {
        using var folder = new TemporaryFolder();
        var training = new TrainingRecord(Recipe.Paper, 7, new("00ff", 70, 14), Progress.None, []);
        training = training with { Origin = new("00ff", training, 1) };
        new Checkpoint(
            spec, new Weights(NetworkCatalogue.Build(spec)), [new("a", "a"), new("b", "b"), new("c", "c")], Normalisation.ImageNet, training)
            .Save(folder.PathOf("c"));
        return File.ReadAllBytes(folder.PathOf("c"));
    }

    public static byte[] TensorBytes()
    {
        using var stream = new MemoryStream();
        var metadata = new Dictionary<string, string> { ["a"] = "b" };
        SafeTensors.Write(stream, [("w", [2, 3], new float[6]), ("b", [4], new float[4]), ("s", [], new float[1])], metadata);
        return stream.ToArray();
    }

    public static byte[] DescriptionBytes()
    {
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25");
        var description = new RunDescription("0.1.0", ".NET 10", "linux-x64", "/data", new("00ff", 70, 14), spec, Recipe.Paper, 7, 0);
        return System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(description, ModelJson.Indented.Of<RunDescription>());
    }

    public static byte[] SoftLabelsBytes()
    {
        const string Text = """
            {
              "version": 1, "riffle": "0.1.0",
              "soft_labels": {
                "data": { "fingerprint": "00ff", "train": 70, "validation": 14 },
                "teachers": [ { "network": "shufflenet-v1-g3-x0.25", "top1": 42.5, "fingerprint": "0f" } ],
                "image_size": 24,
                "augmentation": { "random_crop": true, "flip": true, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0 },
                "seed": 7, "views": 2
              },
              "top1": 42.5, "views": [ "ab", "cd" ]
            }
            """;
        return System.Text.Encoding.UTF8.GetBytes(Text);
    }

    public static byte[] InfoBytes() => System.Text.Encoding.UTF8.GetBytes(Info(0, 0).ToJson());

    public static byte[][] Jpegs()
    {
        var jpeg = JpegEncoder.Encode(TestImages.Noise(24, 17));
        byte[] turned = [.. "Exif\0\0II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0];
        return [jpeg, ImageFixture.Named("JPEG, progressive").File, JpegEncoder.Encode(TestImages.Gradient(64, 64)), TestImages.WithSegment(jpeg, 0xE1, turned)];
    }

    /// <summary>Every file of a format among the fixtures.</summary>
    public static byte[][] Fixtures(string format) => [.. ImageFixture.All.Where(fixture => fixture.Name.Split(',')[0] == format).Select(fixture => fixture.File)];

    public static byte[][] Pngs()
    {
        // 13×3 pixels, with the two bytes of the deflate stream's header and all lines stored: grey of 1 bit, a palette, alpha, 16 bits, interlaced.
        static byte[] Lines(int bytesPerLine, int lines)
        {
            using var stream = new MemoryStream();
            using (var deflater = new System.IO.Compression.ZLibStream(stream, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
                deflater.Write(new byte[lines * (bytesPerLine + 1)]);
            return stream.ToArray();
        }

        byte[] interlaced = TestImages.PngHeader(8, 8, 8, 2);
        interlaced[12] = 1;
        return
        [
            TestImages.Png(TestImages.Noise(8, 8), ("gAMA", [0, 1, 0x86, 0xA0])),
            TestImages.PngFile(("IHDR", TestImages.PngHeader(13, 3, 1, 0)), ("IDAT", Lines(2, 3)), ("IEND", [])),
            TestImages.PngFile(("IHDR", TestImages.PngHeader(13, 3, 8, 3)), ("PLTE", [1, 2, 3, 4, 5, 6]), ("tRNS", [9]), ("IDAT", Lines(13, 3)), ("IEND", [])),
            TestImages.PngFile(("IHDR", TestImages.PngHeader(13, 3, 16, 6)), ("IDAT", Lines(104, 3)), ("IEND", [])),
            TestImages.PngFile(("IHDR", interlaced), ("IDAT", Lines(206, 1)), ("IEND", [])),
        ];
    }

    public static byte[] Archive(string kind)
    {
        using var folder = new TemporaryFolder();
        var source = PreparationSource.ClassFolders("cat", "dog");
        source.Files["pets/train/cat/p.png"] = PreparationSource.Png();
        source.Add("pets/words.txt", "cat\ta cat\n");
        return File.ReadAllBytes(source.Write(kind, folder.Path));
    }

    /// <summary>With names so long that they have headers of their own.</summary>
    public static byte[] GnuTar()
    {
        using var stream = new MemoryStream();
        using (var tar = new TarWriter(stream, TarEntryFormat.Gnu, leaveOpen: true))
        {
            foreach (var (name, bytes) in PreparationSource.OneLevel(2, "a", "b").Files)
                tar.WriteEntry(new GnuTarEntry(TarEntryType.RegularFile, name.Replace("/", "/" + new string('l', 120), StringComparison.Ordinal))
                {
                    DataStream = new MemoryStream(bytes),
                });
        }

        return stream.ToArray();
    }

    public static byte[][] Pickles() => [.. TorchFiles().Where(file => file[0] == 'P').Select(Pickle)];

    private static byte[] Pickle(byte[] archive) =>
        TorchArchive.Entries(archive).Single(entry => entry.Name.EndsWith("data.pkl", StringComparison.Ordinal)).Bytes;

    public static DatasetInfo Info(int train, int validation) => new()
    {
        Train = train,
        Validation = validation,
        TrainShards = train,
        ValidationShards = validation,
        Fingerprint = "00ff",
        Sizes = new(1, 2, 3, 4, 5, 6, 7),
        Skipped = [new("damaged image", 1, ["a/1.jpg"])],
        TrainPerClass = [0, 0],
        ValidationPerClass = [0, 0],
        Shards = train == 0 ? [new("train-00000-of-00001", 3, 100, "ab")] : [],
        Classes = [.. Enumerable.Range(0, ImageFolder.Classes).Select(i => new DatasetClass($"class{i}", $"class{i}"))],
    };
}
