using Riffle.Data;
using Riffle.Data.Sources;
using Riffle.Distillation;
using Riffle.Formats;
using Riffle.Models;
using Riffle.Networks;
using Riffle.Tests.Data;
using Riffle.Tests.Formats;
using static Riffle.Tests.Fuzzing.FuzzFiles;

namespace Riffle.Tests.Fuzzing;

/// <summary>Every format that is read, with its readers.</summary>
internal static class FuzzTargets
{
    private static readonly Dictionary<string, Func<FuzzTarget>> Makers = new()
    {
        ["tfrecord"] = () => new("tfrecord", [Records(3), Records(1)], Seals.RecordHeader, ReadRecords, 64),
        ["example"] = () => new("example", [ImageFolder.Example(1, 16, 3), OneHotExample()], null, ReadExample, 64_000),
        ["features"] = () => new("features", [ImageFolder.Example(1, 16, 3), ForeignRecord.Of(("image", 1), ("label", 2))], null, ReadFeatures, 600),
        ["foreign records"] = () => new("foreign records", ForeignRecords(), Seals.RecordHeader, ReadArchive, 64_000),
        ["events"] = () => new("events", [Events()], Seals.RecordHeader, ReadEvents, 640),
        ["checkpoint"] = () => new("checkpoint", [WholeCheckpoint], null, (path, bytes) => Checkpoint.Load(Written(path, bytes)), 64),
        ["checkpoint header"] = () => new("checkpoint header", [CheckpointHeader()], null, ReadHeader, 64),
        ["checkpoint document"] = () => new(
            "checkpoint document", [CheckpointDocument(WholeCheckpoint)], null, (path, bytes) => ReadDocument(path, bytes, CheckpointTensors), 64),
        ["own network"] = () => new("own network", [CheckpointDocument(OwnCheckpoint)], null, (path, bytes) => ReadDocument(path, bytes, OwnTensors), 64),
        ["network.json"] = () => new("network.json", [NetworkBytes()], null, (path, bytes) => NetworkFile.Read(Written(path, bytes)), 64),
        ["safetensors"] = () => new("safetensors", [TensorBytes()], null, (path, bytes) => SafeTensors.Read(Written(path, bytes)), 64),
        ["torch file"] = () => new("torch file", TorchFiles(), null, (path, bytes) => ReadTensors(TensorFile.Read(Written(path, bytes))), 64),
        ["torch pickle"] = () => new("torch pickle", Pickles(), null, ReadPickle, 600),
        ["import"] = () => new("import", ImportFiles(), null, ReadWeights, 64),
        ["model.onnx"] = () => new("model.onnx", OnnxFiles(), null, (path, bytes) => OnnxFile.Read(Written(path, bytes)), 4096),
        ["run.json"] = () => new("run.json", [DescriptionBytes()], null, ReadDescription, 64),
        ["soft-labels.json"] = () => new("soft-labels.json", [SoftLabelsBytes()], null, ReadSoftLabels, 64),
        ["dataset.json"] = () => new("dataset.json", [InfoBytes()], null, ReadInfo, 64),
        ["jpeg"] = () => new("jpeg", Jpegs(), null, ReadImage, 64_000),
        ["png"] = () => new("png", Pngs(), Seals.Png, ReadImage, 64_000),
        ["large png"] = () => new("large png", Pngs(), Seals.Png, (path, bytes) => ImageDecoder.Decode(bytes, path, mostWhole: 0), 64_000),
        ["webp"] = () => new("webp", Fixtures("WebP"), null, ReadImage, 64_000),
        ["gif"] = () => new("gif", Fixtures("GIF"), null, ReadImage, 64_000),
        ["bmp"] = () => new("bmp", Fixtures("BMP"), null, ReadImage, 64_000),
        ["ico"] = () => new("ico", Fixtures("ICO"), null, ReadImage, 64_000),
        ["zip"] = () => new("zip", [Archive("zip")], null, ReadArchive, 64_000),
        ["tar"] = () => new("tar", [Archive("tar"), GnuTar()], Seals.Tar, ReadArchive, 64_000),
        ["tar.gz"] = () => new("tar.gz", [Archive("tar.gz")], null, ReadArchive, 64_000),
        ["data set"] = () => new("data set", [Records(3)], null, CheckShard, 64_000),
    };

    public static IEnumerable<string> Names => Makers.Keys;

    public static FuzzTarget Make(string name) => Makers[name]();

    private static string Written(string path, byte[] bytes)
    {
        File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>The header alone damaged, with its right length before it and the weights behind.</summary>
    private static void ReadHeader(string path, byte[] bytes) =>
        Checkpoint.Load(Written(path, [.. BitConverter.GetBytes((long)bytes.Length), .. bytes, .. WholeCheckpoint[(8 + CheckpointHeader().Length)..]]));

    /// <summary>What a checkpoint tells of its network and training damaged, in a file that is whole but for its tensors.</summary>
    private static void ReadDocument(string path, byte[] bytes, (string Name, int[] Shape, ReadOnlyMemory<float> Values)[] tensors)
    {
        using (var stream = File.Create(path))
            SafeTensors.Write(stream, tensors, new Dictionary<string, string> { ["riffle"] = System.Text.Encoding.UTF8.GetString(bytes) });
        Checkpoint.Load(path);
    }

    /// <summary>As importing does: values of the shapes that are wanted, which the file does not decide.</summary>
    private static void ReadTensors(IEnumerable<ITensorFile> files)
    {
        static bool IsSmall(ITensorFile file, string name) => file.Shape(name).Aggregate(1.0, (count, d) => count * d) < 1000;

        foreach (var (file, name) in files.SelectMany(file => file.Names.Where(name => IsSmall(file, name)), (file, name) => (file, name)))
        {
            try
            {
                Assert.True(file.Get(name).Length < 1000);
            }
            catch (BadDataException e) when (e.Message.Contains($"'{name}' has the unsupported type", StringComparison.Ordinal))
            {
                // Whole numbers, as a count of batches.
            }
        }
    }

    /// <summary>The names and shapes alone damaged, in an archive that is whole and has values enough for any of them.</summary>
    private static void ReadPickle(string path, byte[] bytes)
    {
        var values = Enumerable.Range(0, 60).Select(i => ($"a/data/{i}", new byte[512]));
        ReadTensors(TensorFile.Read(Written(path, TorchArchive.Of([("a/data.pkl", bytes), .. values]))));
    }

    private static void ReadWeights(string path, byte[] bytes) => WeightImport.Read(Written(path, bytes), ImportedSpec, null, Normalisation.ImageNet);

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
        using var images = new StoredImages(1, 8, ImageCodec.Default);
        images.Decode(0, bytes, new RecordPlace(path, 0, 0, 0), ImageFolder.Classes);
    }

    private static void ReadFeatures(string path, byte[] bytes)
    {
        try
        {
            if (ImageExample.HasKeysOf(ForeignExample.Keys(bytes)))
                ImageExample.Parse(bytes);
            else
                ForeignExample.Parse(bytes);
        }
        catch (BadDataException e)
        {
            throw new BadDataException($"{path}: {e.Message}", e);
        }
    }

    private static void ReadImage(string path, byte[] bytes) => ImageDecoder.Decode(bytes, path);

    private static void ReadInfo(string path, byte[] bytes)
    {
        var folder = Path.GetDirectoryName(Written(path, bytes))!;
        DatasetInfo.Load(folder);
        try
        {
            Dataset.Open(folder, ImageCodec.Default);
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
        var maker = new RecordMaker(layout.Classes, new PreparationOptions(), ImageCodec.Default);
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
        var report = DatasetCheck.Run(folder, ImageCodec.Default, threads: 1);
        var all = report.Findings.SelectMany(group => group.Examples).ToArray();
        Assert.All(all, finding => Assert.Contains(finding.File, finding.Message, StringComparison.Ordinal));
        Assert.All(all.Where(finding => finding.Offset is not null), finding => Assert.InRange(finding.Offset!.Value, 0, new FileInfo(shard).Length));
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

}
