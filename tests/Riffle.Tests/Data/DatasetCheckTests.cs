using Riffle.Data;
using Riffle.Formats;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data;

/// <summary>What a check finds, and where it says that it is.</summary>
public sealed class DatasetCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Output => _folder.PathOf("out");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(PreparationSource.Kinds), MemberType = typeof(PreparationSource))]
    public void A_whole_source_and_what_is_prepared_of_it_have_no_fault(string kind)
    {
        var path = PreparationSource.TinyImageNet().Write(kind, _folder.Path);
        Preparation.Run(path, Output, new PreparationOptions(), ImageCodec.Default);
        foreach (var checkedPath in new[] { path, Output })
        {
            var report = Check(checkedPath);
            Assert.Equal((0, 3, 12, 6), (report.Faults, report.Classes, report.Train, report.Validation));
            Assert.Equal(checkedPath == Output, report.IsPrepared);
        }
    }

    [Fact]
    public void Baked_images_have_no_fault()
    {
        Preparation.Run(PreparationSource.TinyImageNet().Write("zip", _folder.Path), Output, new PreparationOptions { BakeCopies = 2 }, ImageCodec.Default);
        Assert.Equal((0, 24), (Check(Output).Faults, Check(Output).Train));
    }

    [Fact]
    public void Any_byte_of_a_shard_that_changes_is_found_with_its_file_and_record()
    {
        Prepare(PreparationSource.TinyImageNet());
        var shard = Path.Combine(Output, "train-00001-of-00002");
        var whole = File.ReadAllBytes(shard);
        var second = 16 + (int)BitConverter.ToInt64(whole);
        for (var at = 0; at < whole.Length; at += 89)
        {
            var damaged = (byte[])whole.Clone();
            damaged[at] ^= 4;
            File.WriteAllBytes(shard, damaged);
            var report = Check(Output);
            Assert.Equal(2, report.Faults);
            Error.Names(Found(report, "shard with a wrong checksum").Message, $"{shard}: ", "SHA-256");
            var record = Found(report, "damaged record");
            Assert.Equal(shard, record.File);
            Assert.Equal(at < second, record.Offset == 0);
            Assert.InRange(record.Offset!.Value, 0, at);
            Assert.Contains($" at byte {record.Offset}", record.Message, StringComparison.Ordinal);
            Assert.InRange(report.Train, 11, 11); // all but one
        }
    }

    [Fact]
    public void A_missing_and_a_shorter_shard_are_found_and_the_others_read()
    {
        Prepare(PreparationSource.TinyImageNet());
        File.Delete(Path.Combine(Output, "validation-00000-of-00001"));
        var shard = Path.Combine(Output, "train-00000-of-00002");
        File.WriteAllBytes(shard, File.ReadAllBytes(shard)[..^1]);
        var report = Check(Output);
        Assert.Equal((11, 0), (report.Train, report.Validation));
        Assert.Contains("validation-00000-of-00001", Found(report, "missing shard").File, StringComparison.Ordinal);
        Error.Names(Found(report, "shard with a wrong checksum").Message, $"{shard}: ", $"byte {new FileInfo(shard).Length}");
        Assert.Contains("record 5 at byte", Found(report, "damaged record").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_are_read_where_dataset_json_is_damaged_or_gone()
    {
        Prepare(PreparationSource.TinyImageNet());
        var path = Path.Combine(Output, "dataset.json");
        File.WriteAllText(path, "{");
        var report = Check(Output);
        Assert.Equal((1, 12, 6, 0), (report.Faults, report.Train, report.Validation, report.Classes));
        File.Delete(path);
        report = Check(Output);
        Assert.Equal((1, 12, 6), (report.Faults, report.Train, report.Validation));
        Assert.Equal(path, Found(report, "description that does not match the data").File);
    }

    public static TheoryData<string, string, string[]> Lies => new()
    {
        { "\"train\": 12", "\"train\": 13", ["13 training", "12"] },
        { "\"records\": 6", "\"records\": 7", ["6 records", "dataset.json", "7"] },
        { "\"fingerprint\": \"", "\"fingerprint\": \"0", ["dataset.json: ", "fingerprint"] },
        { "\"train_per_class\": [\n    4", "\"train_per_class\": [\n    3", ["dataset.json: ", "training images per class"] },
        { "\"name\": \"train-00000-of-00002\"", "\"name\": \"train-00000-of-00003\"", ["dataset.json: ", "list of shards"] },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void What_dataset_json_tells_wrongly_is_found(string text, string instead, string[] names)
    {
        Prepare(PreparationSource.TinyImageNet());
        var path = Path.Combine(Output, "dataset.json");
        var json = File.ReadAllText(path);
        Assert.Contains(text, json, StringComparison.Ordinal);
        var at = json.IndexOf(text, StringComparison.Ordinal);
        File.WriteAllText(path, json[..at] + instead + json[(at + text.Length)..]);
        Error.Names(Found(Check(Output), "description that does not match the data").Message, names);
    }

    public static TheoryData<string[], Delegate> WrongExamples => new()
    {
        { ["label is 7", "dataset.json", "7 classes"], Change(e => e with { Label = 7 }) },
        { ["label 2", "class2", "class0"], Change(e => e with { Label = 2 }) },
        { ["17×16", "16×16"], Change(e => e with { Width = 17 }) },
        { ["one-hot", "label 0"], Change(e => e with { OneHot = [0, 1, 0, 0, 0, 0, 0] }) },
        { ["not an image"], Change(e => e with { Encoded = new byte[9] }) },
        { ["JPEG image"], Change(e => e with { Encoded = e.Encoded[..100] }) },
    };

    [Theory]
    [MemberData(nameof(WrongExamples), DisableDiscoveryEnumeration = true)]
    public void A_record_that_lies_about_its_image_is_found(string[] names, Delegate damage)
    {
        using var images = new ImageFolder(4, 2, shards: 1);
        var good = ImageFolder.Example(0, 16, 0);
        var shard = images.Shard(0, 1);
        ImageFolder.WriteShard(shard, [good, ((Func<ImageExample, ImageExample>)damage)(ImageExample.Parse(good)).ToBytes(), ImageFolder.Example(2, 16, 3), ImageFolder.Example(3, 16, 1)]);
        var report = Check(images.Path);
        var finding = Assert.Single(Assert.Single(report.Findings, group => group.IsFault).Examples);
        Assert.Equal((shard, good.Length + 16L), (finding.File, finding.Offset));
        Assert.StartsWith($"{shard}: record 1 at byte {good.Length + 16} (0.jpg): ", finding.Message, StringComparison.Ordinal);
        Error.Names(finding.Message, names);
        Assert.Equal(3, report.Train);
    }

    private static Func<ImageExample, ImageExample> Change(Func<ImageExample, ImageExample> change) => change;

    [Fact]
    public void Images_that_come_twice_are_found_by_bytes_and_by_pixels()
    {
        var source = PreparationSource.ClassFolders("a", "b");
        source.Files["pets/train/a/9.png"] = TestImages.Png(TestImages.Noise(20, 20));
        source.Files["pets/val/a/9.png"] = TestImages.Png(TestImages.Noise(20, 20), ("tEXt", [.. "Comment\0none"u8]));
        source.Files["pets/train/b/0.jpg"] = source.Files["pets/train/a/0.jpg"];
        source.Files["pets/train/b/7.jpg"] = source.Files["pets/train/b/1.jpg"];
        var path = source.Write("zip", _folder.Path);
        Preparation.Run(path, Output, new PreparationOptions(), ImageCodec.Default);
        foreach (var report in new[] { Check(path), Check(Output) })
        {
            Assert.Equal((0, 3), (report.Faults, report.Warnings));
            Assert.Contains("the same pixels as", Found(report, "image in several splits").Message, StringComparison.Ordinal);
            Assert.Contains("the same bytes as", Found(report, "image in two classes").Message, StringComparison.Ordinal);
            Assert.Contains("the same bytes as", Found(report, "duplicate image").Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Empty_and_unequal_classes_and_odd_sizes_are_warned_of()
    {
        var source = PreparationSource.OneLevel(33, "a", "b");
        source.Files["c/0.jpg"] = PreparationSource.Jpeg(1, 60, 8);
        source.Files["d/"] = [];
        var report = Check(source.Write("folder", _folder.Path));
        Assert.Equal((0, 3), (report.Faults, report.Warnings - report.NearDuplicates.Length));
        Error.Names(Found(report, "unequal class sizes").Message, "a has 33 training images", "c 1;");
        Assert.Equal("c/0.jpg: 60×8 pixels", Found(report, "odd size").Message);
        Assert.Equal("d", Found(report, "class folder without images").File);
    }

    [Theory]
    [MemberData(nameof(PreparationSource.Kinds), MemberType = typeof(PreparationSource))]
    public void A_damaged_image_of_a_source_is_a_fault_and_a_note_beside_it_is_not(string kind)
    {
        var source = PreparationSource.OneLevel(4, "a", "b");
        source.Files["a/cut.jpg"] = PreparationSource.Jpeg(50)[..100];
        source.Files["a/empty.jpg"] = [];
        source.Add("b/notes.txt", "no image");
        var report = Check(source.Write(kind, _folder.Path));
        Assert.Equal((2, 1, 8), (report.Faults, report.Warnings, report.Train));
        Error.Names(Found(report, "damaged image").Message, "a/cut.jpg: ", "JPEG image");
        Assert.Equal("a/empty.jpg", report.Findings.Single(group => group.IsFault && group.Kind == "not an image in a supported format").Examples.Single().File);
    }

    [Theory]
    [InlineData("zip")]
    [InlineData("tar.gz")]
    public void An_archive_that_is_cut_off_is_a_fault(string kind)
    {
        var path = PreparationSource.OneLevel(4, "a", "b").Write(kind, _folder.Path);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^60]);
        var report = Check(path);
        Assert.Equal(1, report.Faults);
        Assert.StartsWith($"{path}: ", Found(report, "unreadable source").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Findings_do_not_depend_on_threads()
    {
        var source = PreparationSource.OneLevel(40, "a", "b");
        for (var i = 0; i < 20; i++)
            source.Files[$"a/bad{i:D2}.jpg"] = PreparationSource.Jpeg(i)[..(100 + i)];
        var path = source.Write("tar.gz", _folder.Path);
        static string Text(CheckReport report) => (report with { Elapsed = default }).ToJson();
        Assert.Equal(Text(DatasetCheck.Run(path, ImageCodec.Default, 1)), Text(DatasetCheck.Run(path, ImageCodec.Default, 4)));
    }

    [Fact]
    public void More_faults_than_are_named_are_counted()
    {
        var source = PreparationSource.OneLevel(4, "a", "b");
        for (var i = 0; i < 120; i++)
            source.Files[$"a/bad{i:D3}.jpg"] = [0xFF, 0xD8, 0xFF, (byte)i];
        var group = Check(source.Write("folder", _folder.Path)).Findings.Single(group => group.IsFault);
        Assert.Equal((120, 100), (group.Count, group.Examples.Length));
    }

    [Fact]
    public void What_is_not_there_is_named_and_a_check_can_be_stopped()
    {
        var gone = _folder.PathOf("gone");
        Assert.StartsWith(gone, Assert.Throws<RiffleException>(() => Check(gone)).Message, StringComparison.Ordinal);
        Prepare(PreparationSource.TinyImageNet());
        Assert.Throws<OperationCanceledException>(() => DatasetCheck.Run(Output, ImageCodec.Default, 2, cancel: new CancellationToken(canceled: true)));
        Assert.Throws<ArgumentOutOfRangeException>(() => DatasetCheck.Run(Output, ImageCodec.Default, 0));
    }

    private static CheckFinding Found(CheckReport report, string kind) => Assert.Single(report.Findings.Single(group => group.Kind == kind).Examples);

    private static CheckReport Check(string path) => DatasetCheck.Run(path, ImageCodec.Default, threads: 2);

    private void Prepare(PreparationSource source) =>
        Preparation.Run(source.Write("zip", _folder.Path), Output, new PreparationOptions { Shards = 2 }, ImageCodec.Default);
}
