using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Riffle.Data;
using Riffle.Data.Sources;
using Riffle.Execution;
using Riffle.Formats;
using Riffle.Formats.Protos;
using Riffle.Networks;
using Riffle.Tests.Data;
using Riffle.Tests.Formats;
using Riffle.Training;

namespace Riffle.Tests.Fuzzing;

/// <summary>Every format that is read, with its readers.</summary>
internal static class FuzzTargets
{
    private static readonly Dictionary<string, Func<FuzzTarget>> Makers = new()
    {
        ["tfrecord"] = () => new("tfrecord", [Records(3), Records(1)], Seals.RecordHeader, ReadRecords, 64),
        ["example"] = () => new("example", [ImageFolder.Example(1, 16, 3), OneHotExample()], null, ReadExample, 64_000),
        ["foreign records"] = () => new("foreign records", ForeignRecords(), Seals.RecordHeader, ReadArchive, 64_000),
        ["events"] = () => new("events", [Events()], Seals.RecordHeader, ReadEvents, 640),
        ["checkpoint"] = () => new("checkpoint", [WholeCheckpoint!], null, (path, bytes) => Checkpoint.Load(Written(path, bytes)), 64),
        ["checkpoint header"] = () => new("checkpoint header", [CheckpointHeader()], null, ReadHeader, 64),
        ["checkpoint document"] = () => new("checkpoint document", [CheckpointDocument()], null, ReadDocument, 64),
        ["safetensors"] = () => new("safetensors", [TensorBytes()], null, (path, bytes) => SafeTensors.Read(Written(path, bytes)), 64),
        ["torch file"] = () => new("torch file", TorchFiles(), null, (path, bytes) => ReadTensors(TensorFile.Read(Written(path, bytes))), 64),
        ["torch pickle"] = () => new("torch pickle", [Pickle(TorchFiles()[0])], null, ReadPickle, 400),
        ["model.onnx"] = () => new("model.onnx", OnnxFiles(), null, (path, bytes) => OnnxFile.Read(Written(path, bytes)), 4096),
        ["run.json"] = () => new("run.json", [DescriptionBytes()], null, ReadDescription, 64),
        ["soft-labels.json"] = () => new("soft-labels.json", [SoftLabelsBytes()], null, ReadSoftLabels, 64),
        ["dataset.json"] = () => new("dataset.json", [InfoBytes()], null, ReadInfo, 64),
        ["jpeg"] = () => new("jpeg", Jpegs(), null, ReadImage, 64_000),
        ["png"] = () => new("png", Pngs(), Seals.Png, ReadImage, 64_000),
        ["zip"] = () => new("zip", [Archive("zip")], null, ReadArchive, 64_000),
        ["tar"] = () => new("tar", [Archive("tar"), GnuTar()], Seals.Tar, ReadArchive, 64_000),
        ["tar.gz"] = () => new("tar.gz", [Archive("tar.gz")], null, ReadArchive, 64_000),
        ["data set"] = () => new("data set", [Records(3)], null, CheckShard, 64_000),
    };

    private static readonly byte[] WholeCheckpoint = CheckpointBytes();

    private static readonly (string Name, int[] Shape, ReadOnlyMemory<float> Values)[] CheckpointTensors = ReadTensors();

    public static IEnumerable<string> Names => Makers.Keys;

    public static FuzzTarget Make(string name) => Makers[name]();

    private static byte[][] OnnxFiles() =>
    [
        .. from name in (string[])["shufflenet-v2-free-batch", "padded", "stacked", "resnext", "authors-one-image", "unit"]
           select File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "onnx", $"{name}.onnx")),
    ];

    private static string Written(string path, byte[] bytes)
    {
        File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>The header alone damaged, with its right length before it and the weights behind.</summary>
    private static void ReadHeader(string path, byte[] bytes) =>
        Checkpoint.Load(Written(path, [.. BitConverter.GetBytes((long)bytes.Length), .. bytes, .. WholeCheckpoint[(8 + CheckpointHeader().Length)..]]));

    /// <summary>What a checkpoint tells of its network and training damaged, in a file that is whole but for its tensors.</summary>
    private static void ReadDocument(string path, byte[] bytes)
    {
        using (var stream = File.Create(path))
            SafeTensors.Write(stream, CheckpointTensors, new Dictionary<string, string> { ["riffle"] = System.Text.Encoding.UTF8.GetString(bytes) });
        Checkpoint.Load(path);
    }

    /// <summary>As importing does: values of the shapes that are wanted, which the file does not decide.</summary>
    private static void ReadTensors(ITensorFile file)
    {
        foreach (var name in file.Names.Where(name => file.Shape(name).Aggregate(1.0, (count, d) => count * d) < 1000))
        {
            try
            {
                Assert.True(file.Get(name).Length < 1000);
            }
            catch (BadDataException e) when (e.Message.Contains($"'{name}' is of type", StringComparison.Ordinal))
            {
                // Whole numbers, as a count of batches.
            }
        }
    }

    /// <summary>The names and shapes alone damaged, in an archive that is whole.</summary>
    private static void ReadPickle(string path, byte[] bytes)
    {
        var entries = TorchArchive.Entries(TorchFiles()[0]).Select(entry => IsPickle(entry.Name) ? entry with { Bytes = bytes } : entry);
        ReadTensors(TensorFile.Read(Written(path, TorchArchive.Of([.. entries]))));
    }

    private static byte[][] TorchFiles() =>
        [.. new[] { "state", "training", "legacy" }.Select(name => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"torch.{name}.pth")))];

    private static byte[] Pickle(byte[] archive) => TorchArchive.Entries(archive).Single(entry => IsPickle(entry.Name)).Bytes;

    private static bool IsPickle(string name) => name.EndsWith("data.pkl", StringComparison.Ordinal);

    private static void ReadRecords(string path, byte[] bytes)
    {
        using var reader = new TFRecordReader(new MemoryStream(bytes), path);
        BadDataException? first = null;
        for (var records = 0; ; records++)
        {
            // Each record takes at least a byte, and each damage is passed: more rounds than bytes would never end.
            Assert.InRange(records, 0, bytes.Length + 1);
            try
            {
                if (!reader.TryRead(out _))
                    break;
            }
            catch (BadDataException e)
            {
                first ??= e;
                reader.Resume();
            }
        }

        if (first is not null)
            throw first;
    }

    private static void ReadExample(string path, byte[] bytes)
    {
        using var images = new StoredImages(1, 8);
        images.Decode(0, bytes, new RecordPlace(path, 0, 0, 0), ImageFolder.Classes);
    }

    private static void ReadImage(string path, byte[] bytes) => ImageDecoder.Decode(bytes, path);

    private static void ReadInfo(string path, byte[] bytes)
    {
        var folder = Path.GetDirectoryName(Written(path, bytes))!;
        DatasetInfo.Load(folder);
        try
        {
            Dataset.Open(folder);
        }
        catch (BadDataException e) when (e.Message.StartsWith(Path.Combine(folder, "train-"), StringComparison.Ordinal)
            || e.Message.StartsWith(Path.Combine(folder, "validation-"), StringComparison.Ordinal))
        {
            // Shards that the damage made up are missing.
        }
    }

    private static void ReadDescription(string path, byte[] bytes)
    {
        var folder = Path.GetDirectoryName(Written(path, bytes))!;
        Directory.CreateDirectory(Path.Combine(folder, "checkpoints"));
        File.WriteAllBytes(Path.Combine(folder, "checkpoints", "last.safetensors"), []);
        using var run = RunFolder.Open(folder);
        run.ReadDataDirectory();
    }

    private static void ReadSoftLabels(string path, byte[] bytes)
    {
        var folder = Directory.CreateDirectory(path + "-soft").FullName;
        Written(Path.Combine(folder, "soft-labels.json"), bytes);
        SoftLabels.Open(folder);
    }

    /// <summary>What preparation does with a source, on this thread, so that its memory can be measured.</summary>
    private static void ReadArchive(string path, byte[] bytes)
    {
        using var container = SourceContainer.Open(Written(path, bytes));
        var layout = SourceLayout.Find(path, container.List(_ => { }, CancellationToken.None), new Skips(path, strict: false));
        var images = layout.Images.ToDictionary(image => image.Entry.Index);
        var maker = new RecordMaker(layout.Classes, new PreparationOptions());
        foreach (var file in container.Read([.. layout.Images.Select(image => image.Entry)]))
            maker.Make(images[file.Entry.Index], file);
    }

    /// <summary>A check tells of everything in its report.</summary>
    private static void CheckShard(string path, byte[] bytes)
    {
        var folder = Path.Combine(Path.GetDirectoryName(path)!, "set");
        Directory.CreateDirectory(folder);
        var shard = Written(Path.Combine(folder, "train-00000-of-00001"), bytes);
        Info(1, 0).Save(folder);
        var report = DatasetCheck.Run(folder, threads: 1);
        var all = report.Findings.SelectMany(group => group.Examples).ToArray();
        Assert.All(all, finding => Assert.Contains(finding.File, finding.Message, StringComparison.Ordinal));
        Assert.All(all.Where(finding => finding.Offset is not null), finding => Assert.InRange(finding.Offset!.Value, 0, new FileInfo(shard).Length));
    }

    private static byte[] Records(int count)
    {
        using var stream = new MemoryStream();
        using (var writer = new TFRecordWriter(stream, leaveOpen: true))
        {
            for (var i = 0; i < count; i++)
                writer.Write(ImageFolder.Example(i, 16, ImageFolder.Label(i)));
        }

        return stream.ToArray();
    }

    /// <summary>As a resume does, which keeps what is whole, and as a reader does.</summary>
    private static void ReadEvents(string path, byte[] bytes)
    {
        Written(path, bytes);
        foreach (var value in EventFile.Read(path).Where(e => e.Summary is not null).SelectMany(e => e.Summary.Value))
            EventValues.ScalarOf(value);
        EventFile.Keep(path, e => e.Step < 2);
        Assert.All(EventFile.Read(path), e => Assert.True(e.Step < 2));
    }

    private static byte[] Events()
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

    private static byte[][] ForeignRecords()
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

    private static byte[] OneHotExample() => (ImageExample.Parse(ImageFolder.Example(2, 8, 1)) with { OneHot = [0, 1, 0, 0, 0, 0, 0] }).ToBytes();

    private static byte[] CheckpointHeader() => WholeCheckpoint[8..(8 + (int)BitConverter.ToInt64(WholeCheckpoint))];

    private static byte[] CheckpointDocument()
    {
        using var header = System.Text.Json.JsonDocument.Parse(CheckpointHeader());
        return System.Text.Encoding.UTF8.GetBytes(header.RootElement.GetProperty("__metadata__").GetProperty("riffle").GetString()!);
    }

    private static (string Name, int[] Shape, ReadOnlyMemory<float> Values)[] ReadTensors()
    {
        using var folder = new TemporaryFolder();
        var file = SafeTensors.Read(folder.Add("c", WholeCheckpoint));
        return [.. file.Names.Select(name => (name, file.Shape(name).ToArray(), (ReadOnlyMemory<float>)file.Get(name)))];
    }

    private static byte[] CheckpointBytes()
    {
        using var folder = new TemporaryFolder();
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25", imageSize: 24, classes: 3, units: [1, 1, 1]);
        var training = new TrainingRecord(Recipe.Paper, 7, new("00ff", 70, 14), null, Progress.None, []);
        training = training with { Origin = new("00ff", training, 1) };
        new Checkpoint(
            spec, new Weights(NetworkCatalogue.Build(spec)), [new("a", "a"), new("b", "b"), new("c", "c")], Normalisation.ImageNet, training)
            .Save(folder.PathOf("c"));
        return File.ReadAllBytes(folder.PathOf("c"));
    }

    private static byte[] TensorBytes()
    {
        using var stream = new MemoryStream();
        var metadata = new Dictionary<string, string> { ["a"] = "b" };
        SafeTensors.Write(stream, [("w", [2, 3], new float[6]), ("b", [4], new float[4]), ("s", [], new float[1])], metadata);
        return stream.ToArray();
    }

    private static byte[] DescriptionBytes()
    {
        var spec = NetworkCatalogue.Resolve("shufflenet-v1-g3-x0.25");
        var description = new RunDescription("0.1.0", ".NET 10", "linux-x64", "/data", new("00ff", 70, 14), spec, Recipe.Paper, 7, 0);
        return System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(description, TrainingJson.Indented);
    }

    private static byte[] SoftLabelsBytes()
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

    private static byte[] InfoBytes() => System.Text.Encoding.UTF8.GetBytes(Info(0, 0).ToJson());

    private static DatasetInfo Info(int train, int validation) => new()
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

    private static byte[][] Jpegs()
    {
        var jpeg = JpegEncoder.Encode(TestImages.Noise(24, 17));
        byte[] turned = [.. "Exif\0\0II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0];
        return [jpeg, Progressive(TestImages.Gradient(33, 20)), JpegEncoder.Encode(TestImages.Gradient(64, 64)), TestImages.WithSegment(jpeg, 0xE1, turned)];
    }

    private static unsafe byte[] Progressive(RgbImage image)
    {
        const int FlagProgressive = 1 << 14;
        var (handle, size) = (TurboJpeg.InitCompress(), default(CULong));
        byte* buffer = null;
        try
        {
            fixed (byte* pixels = image.Pixels)
                Assert.Equal(0, TurboJpeg.Compress(
                    handle, pixels, image.Width, 0, image.Height, TurboJpeg.PixelsRgb, ref buffer, ref size, TurboJpeg.Subsampling420, 80, FlagProgressive));
            return new ReadOnlySpan<byte>(buffer, (int)size.Value).ToArray();
        }
        finally
        {
            TurboJpeg.Free(buffer);
            _ = TurboJpeg.Destroy(handle);
        }
    }

    private static byte[][] Pngs()
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

    private static byte[] Archive(string kind)
    {
        using var folder = new TemporaryFolder();
        var source = PreparationSource.ClassFolders("cat", "dog");
        source.Files["pets/train/cat/p.png"] = PreparationSource.Png();
        source.Add("pets/words.txt", "cat\ta cat\n");
        return File.ReadAllBytes(source.Write(kind, folder.Path));
    }

    /// <summary>With names so long that they have headers of their own.</summary>
    private static byte[] GnuTar()
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
}
