using Riffle.Data;
using Riffle.Data.Sources;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data;

/// <summary>Everything that can be wrong with a source's content: named, left out and counted, or, when strict, the end.</summary>
public sealed class PreparationSkipTests : IDisposable
{
    private static readonly Dictionary<string, (Action<PreparationSource> Break, string Reason, string Named)> Faults = new()
    {
        ["truncated"] = (s => s.Files["tiny/train/n01/images/x.JPEG"] = PreparationSource.Jpeg(1)[..^60], "damaged image", "train/n01/images/x.JPEG: "),
        ["corrupt"] = (s => s.Files["tiny/train/n01/images/x.JPEG"] = Corrupt(PreparationSource.Png()), "damaged image", "train/n01/images/x.JPEG: "),
        ["text"] = (s => s.Add("tiny/train/n01/images/notes.txt", "no image"), "not an image in a supported format", "train/n01/images/notes.txt"),
        ["empty file"] = (s => s.Files["tiny/train/n01/images/x.JPEG"] = [], "not an image in a supported format", "train/n01/images/x.JPEG: empty"),
        ["empty class"] = (s => s.Files["tiny/train/n00/"] = [], "class folder without images", "train/n00"),
        ["class of notes"] = (s => s.Add("tiny/train/n00/a.txt", "no image"), "class folder without images", "train/n00"),
        ["listed class without folder"] = (s => s.Add("tiny/wnids.txt", "n01\nn02\nn03\nn09"), "class folder without images", "train/n09"),
        ["folder that is not listed"] =
            (s => s.Files["tiny/train/n00/images/a.JPEG"] = PreparationSource.Jpeg(1), "class folder not listed in wnids.txt", "train/n00"),
        ["stray image"] = (s => s.Files["tiny/train/a.JPEG"] = PreparationSource.Jpeg(1), "image outside any class folder", "train/a.JPEG"),
        ["no annotation"] = (s => s.Files["tiny/val/images/x.JPEG"] = PreparationSource.Jpeg(1), "validation image without annotation", "val/images/x.JPEG"),
        ["no image"] = (s => Annotate(s, "gone.JPEG\tn01\t"), "annotation without an image", "val/val_annotations.txt: line 7, gone.JPEG"),
        ["annotated twice"] = (s => Annotate(s, "val_0.JPEG\tn01\t"), "duplicate name", "val/val_annotations.txt: line 7, val_0.JPEG"),
        ["no tab"] = (s => Annotate(s, "val_0.JPEG n01"), "annotation that is not 'file TAB class'", "val/val_annotations.txt: line 7, no tab"),
        ["no such class"] = (AddUnknownClass, "validation label without a training class", "val/val_annotations.txt: line 7, x.JPEG is of class n77"),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. Faults.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void A_fault_is_named_left_out_and_counted(string name)
    {
        var source = PreparationSource.TinyImageNet();
        var whole = Preparation.Run(source.Write("folder", _folder.PathOf("whole")), _folder.PathOf("expected"), new PreparationOptions(), ImageCodec.Default).Info;
        Faults[name].Break(source);
        foreach (var kind in PreparationSource.AllKinds)
        {
            var info = Preparation.Run(source.Write(kind, _folder.Path), _folder.PathOf("out-" + kind), new PreparationOptions(), ImageCodec.Default).Info;
            var skipped = Assert.Single(info.Skipped);
            Assert.Equal((Faults[name].Reason, 1), (skipped.Reason, skipped.Count));
            Assert.StartsWith(Faults[name].Named, Assert.Single(skipped.Examples), StringComparison.Ordinal);
            Assert.Equal((whole.Train, whole.Validation), (info.Train, info.Validation));
            Assert.Equal(whole.Classes, info.Classes.AsEnumerable());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Strict_stops_at_it(string name)
    {
        var source = PreparationSource.TinyImageNet();
        Faults[name].Break(source);
        var path = source.Write("tar.gz", _folder.Path);
        var error = Assert.Throws<BadDataException>(() => Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions { Strict = true }, ImageCodec.Default));
        Assert.StartsWith($"{path}: {Faults[name].Named}", error.Message, StringComparison.Ordinal);
        Assert.Contains(Faults[name].Reason, error.Message, StringComparison.Ordinal);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Many_faults_are_counted_and_the_first_ten_named()
    {
        var source = PreparationSource.OneLevel(4, "a", "b");
        for (var i = 0; i < 25; i++)
            source.Files[$"a/bad{i:D2}.jpg"] = PreparationSource.Jpeg(i)[..100];
        var skipped = Assert.Single(Preparation.Run(source.Write("zip", _folder.Path), _folder.PathOf("out"), new PreparationOptions(), ImageCodec.Default).Info.Skipped);
        Assert.Equal(25, skipped.Count);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"a/bad{i:D2}.jpg"), skipped.Examples.Select(example => example.Split(':')[0]));
    }

    [Fact]
    public void A_class_of_which_nothing_can_be_read_keeps_its_label_and_is_named()
    {
        var source = PreparationSource.OneLevel(4, "a", "c");
        source.Files["b/x.jpg"] = PreparationSource.Jpeg(1)[..100];
        var info = Preparation.Run(source.Write("zip", _folder.Path), _folder.PathOf("out"), new PreparationOptions(), ImageCodec.Default).Info;
        Assert.Equal(["a", "b", "c"], info.Classes.Select(c => c.Name));
        Assert.Equal(0, info.TrainPerClass[1]);
        var empty = info.Skipped.Single(skipped => skipped.Reason == "class folder without images");
        Assert.StartsWith("b:", Assert.Single(empty.Examples), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(PreparationSource.Kinds), MemberType = typeof(PreparationSource))]
    public void Hidden_files_and_what_file_managers_leave_are_no_fault(string kind)
    {
        var source = PreparationSource.OneLevel(4, "a", "b");
        source.Add("a/.DS_Store", "x");
        source.Add("a/Thumbs.db", "x");
        source.Add("a/._0.jpg", "x");
        source.Add(".git/config", "x");
        source.Add("__MACOSX/a/._1.jpg", "x");
        source.Add("README", "all about a and b");
        source.Files["a/@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg"] = PreparationSource.Jpeg(1);
        source.Files["@eaDir/"] = [];
        var info = Preparation.Run(source.Write(kind, _folder.Path), _folder.PathOf("out"), new PreparationOptions { Strict = true }, ImageCodec.Default).Info;
        Assert.Equal((2, 8), (info.Classes.Length, info.Train + info.Validation));
        var leftOut = Assert.Single(info.LeftOut);
        Assert.Equal((6, ".DS_Store,._0.jpg,.git,@eaDir,Thumbs.db,__MACOSX"), (leftOut.Count, string.Join(',', leftOut.Examples)));
    }

    [Theory]
    [InlineData("no images", "notes.txt")]
    [InlineData("2 images", "a.jpg", "b.jpg")]
    [InlineData("one class, cats;", "cats/a.jpg", "cats/b.jpg")]
    [InlineData("one class, cats;", "cats/a.jpg", "dogs/notes.txt")]
    [InlineData("one class, cats;", "train/cats/a.jpg", "val/cats/a.jpg")]
    public void A_source_without_two_classes_says_what_is_expected(string found, params string[] names)
    {
        var source = new PreparationSource();
        foreach (var name in names)
            source.Files[name] = PreparationSource.Jpeg(1);
        var path = source.Write("tar", _folder.Path);
        var error = Assert.Throws<BadDataException>(() => Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions(), ImageCodec.Default));
        Error.Names(error.Message, $"{path}: ", found, "train/CLASS");
    }

    [Theory]
    [MemberData(nameof(PreparationSource.Kinds), MemberType = typeof(PreparationSource))]
    public void A_source_without_a_readable_image_is_refused_with_the_reasons(string kind)
    {
        var source = new PreparationSource();
        source.Files["a/1.jpg"] = [.. "\0\0\0 ftypheic"u8];
        source.Add("a/2.jpg", "<html>not found</html>");
        source.Files["b/1.jpg"] = PreparationSource.Jpeg(1)[..100];
        source.Files["c/"] = [];
        var error = Assert.Throws<BadDataException>(() => Preparation.Run(source.Write(kind, _folder.Path), _folder.PathOf("out"), new PreparationOptions(), ImageCodec.Default));
        Error.Names(error.Message, "3 images", $"1 × {SkipReason.Damaged}", "b/1.jpg: ", $"2 × {SkipReason.Unsupported}", "a/1.jpg: a HEIC image, a/2.jpg: a web page");
        Assert.False(Directory.Exists(_folder.PathOf("out")));
    }

    [Fact]
    public void The_format_of_a_single_image_that_is_not_read_is_named()
    {
        var source = PreparationSource.OneLevel(4, "a", "b");
        source.Files["a/x.jpg"] = [.. "II*\0"u8, 0, 0, 0];
        source.Files["c/1.heic"] = [1];
        source.Files["c/2.heic"] = [2];
        var path = source.Write("zip", _folder.Path);
        var skipped = Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions(), ImageCodec.Default).Info.Skipped;
        Assert.Equal(["c: 2 HEIC images", "a/x.jpg: a TIFF image"], skipped.SelectMany(skip => skip.Examples));
        var faults = DatasetCheck.Run(path, ImageCodec.Default, 1).Findings.Where(group => group.IsFault).SelectMany(group => group.Examples).Select(finding => finding.Message);
        Assert.Equal(["c: 2 HEIC images", "a/x.jpg: a TIFF image"], faults);
    }

    [Fact]
    public void A_fraction_for_a_source_that_has_validation_images_is_refused_by_the_option()
    {
        var path = PreparationSource.TinyImageNet().Write("zip", _folder.Path);
        var error = Assert.Throws<RiffleException>(() => Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions { ValidationFraction = 0.2 }, ImageCodec.Default));
        Error.Names(Error.OnCommandLine(error), path, "tiny/val/val_annotations.txt", "--validation-fraction");
    }

    /// <summary>ImageNet as it is unpacked, labels of other classes, and no images at all.</summary>
    [Theory]
    [InlineData("val/0.jpg", "val/1.jpg")]
    [InlineData("val/images/0.jpg")]
    [InlineData("val/c/0.jpg", "val/d/1.jpg")]
    [InlineData("val/A/0.jpg")]
    [InlineData("val/")]
    public void Where_no_validation_image_has_a_class_a_part_of_the_training_images_is_set_aside(params string[] validation)
    {
        var source = new PreparationSource();
        foreach (var (name, bytes) in PreparationSource.OneLevel(10, "a", "b").Files)
            source.Files["train/" + name] = bytes;
        foreach (var name in validation)
            source.Files[name] = PreparationSource.Jpeg(99);
        foreach (var (kind, fraction, expected) in new[] { ("folder", (double?)null, 2), ("zip", 0.3, 6), ("tar", 0.0, 0) })
        {
            var options = new PreparationOptions { ValidationFraction = fraction, Replace = true };
            var info = Preparation.Run(source.Write(kind, _folder.Path), _folder.PathOf("out"), options, ImageCodec.Default).Info;
            Assert.Equal((20 - expected, expected, fraction ?? 0.1), (info.Train, info.Validation, info.ValidationFraction));
            var notes = info.Notes.Count(note => note.Contains(" val/ ", StringComparison.Ordinal));
            Assert.Equal(validation[0] == "val/" ? 0 : 1, notes);
        }
    }

    [Fact]
    public void Annotations_of_unknown_classes_alone_leave_the_source_without_validation_images()
    {
        var source = PreparationSource.TinyImageNet();
        source.Add("tiny/val/val_annotations.txt", "val_0.JPEG\tn77\n");
        var info = Preparation.Run(source.Write("zip", _folder.Path), _folder.PathOf("out"), new PreparationOptions { ValidationFraction = 0.25 }, ImageCodec.Default).Info;
        Assert.Equal((9, 3), (info.Train, info.Validation));
    }

    [Fact]
    public void Images_for_testing_serve_for_validation_unless_a_fraction_is_asked_for()
    {
        var source = new PreparationSource();
        foreach (var (name, bytes) in PreparationSource.OneLevel(10, "a", "b").Files)
            source.Files[(name[2] > '6' ? "Testing/" : "Training/") + name] = bytes;
        var path = source.Write("folder", _folder.Path);
        var info = Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions(), ImageCodec.Default).Info;
        Assert.Equal((14, 6, "Training/CLASS for training, Testing/CLASS for validation"), (info.Train, info.Validation, info.Layout));
        info = Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions { ValidationFraction = 0.3, Replace = true }, ImageCodec.Default).Info;
        Assert.Equal((10, 4, 6, "Training/CLASS for training, Testing/CLASS for testing"), (info.Train, info.Validation, info.Test, info.Layout));
        Assert.Empty(info.LeftOut);
    }

    [Fact]
    public void Validation_images_of_which_none_can_be_read_are_an_error_that_says_what_to_do()
    {
        var source = PreparationSource.ClassFolders("a", "b");
        foreach (var name in source.Files.Keys.Where(name => name.Contains("/val/", StringComparison.Ordinal)).ToArray())
            source.Files[name] = [1, 2, 3];
        var error = Assert.Throws<BadDataException>(() => Preparation.Run(source.Write("zip", _folder.Path), _folder.PathOf("out"), new PreparationOptions(), ImageCodec.Default));
        Error.Names(error.Message, "4 validation images", $"4 × {SkipReason.Unsupported}", "val/a/6.jpg", "val/CLASS");
    }

    private static void Annotate(PreparationSource source, string line) =>
        source.Files["tiny/val/val_annotations.txt"] = [.. source.Files["tiny/val/val_annotations.txt"], .. System.Text.Encoding.UTF8.GetBytes(line)];

    private static void AddUnknownClass(PreparationSource source)
    {
        source.Files["tiny/val/images/x.JPEG"] = PreparationSource.Jpeg(1);
        Annotate(source, "x.JPEG\tn77\t0");
    }

    private static byte[] Corrupt(byte[] bytes)
    {
        bytes[^20] ^= 0xFF;
        return bytes;
    }
}
