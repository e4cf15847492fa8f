using Riffle.Data;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data;

/// <summary>Everything that can be wrong with a source's content: named, left out and counted, or, when strict, the end.</summary>
public sealed class PreparationSkipTests : IDisposable
{
    private static readonly Dictionary<string, (Action<PreparationSource> Break, string Reason, string Named)> Faults = new()
    {
        ["truncated"] = (s => s.Files["tiny/train/n01/images/x.JPEG"] = PreparationSource.Jpeg(1)[..^60], "damaged image", "train/n01/images/x.JPEG: "),
        ["corrupt"] = (s => s.Files["tiny/train/n01/images/x.JPEG"] = Corrupt(PreparationSource.Png()), "damaged image", "train/n01/images/x.JPEG: "),
        ["text"] = (s => s.Add("tiny/train/n01/images/notes.txt", "no image"), "neither JPEG nor PNG", "train/n01/images/notes.txt"),
        ["empty file"] = (s => s.Files["tiny/train/n01/images/x.JPEG"] = [], "neither JPEG nor PNG", "train/n01/images/x.JPEG: empty"),
        ["empty class"] = (s => s.Files["tiny/train/n00/"] = [], "class folder without images", "train/n00"),
        ["class of notes"] = (s => s.Add("tiny/train/n00/a.txt", "no image"), "class folder without images", "train/n00"),
        ["listed class without folder"] = (s => s.Add("tiny/wnids.txt", "n01\nn02\nn03\nn09"), "class folder without images", "train/n09"),
        ["folder that is not listed"] =
            (s => s.Files["tiny/train/n00/images/a.JPEG"] = PreparationSource.Jpeg(1), "class folder that wnids.txt does not list", "train/n00"),
        ["stray image"] = (s => s.Files["tiny/train/a.JPEG"] = PreparationSource.Jpeg(1), "image outside any class folder", "train/a.JPEG"),
        ["no annotation"] = (s => s.Files["tiny/val/images/x.JPEG"] = PreparationSource.Jpeg(1), "validation image without annotation", "val/images/x.JPEG"),
        ["no image"] = (s => Annotate(s, "gone.JPEG\tn01\t"), "annotation without an image", "val/val_annotations.txt: line 7, gone.JPEG"),
        ["annotated twice"] = (s => Annotate(s, "val_0.JPEG\tn01\t"), "name that comes twice", "val/val_annotations.txt: line 7, val_0.JPEG"),
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
        var whole = Preparation.Run(source.Write("folder", _folder.PathOf("whole")), _folder.PathOf("expected"), new PreparationOptions()).Info;
        Faults[name].Break(source);
        foreach (var kind in PreparationSource.AllKinds)
        {
            var info = Preparation.Run(source.Write(kind, _folder.Path), _folder.PathOf("out-" + kind), new PreparationOptions()).Info;
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
        var error = Assert.Throws<BadDataException>(() => Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions { Strict = true }));
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
        var skipped = Assert.Single(Preparation.Run(source.Write("zip", _folder.Path), _folder.PathOf("out"), new PreparationOptions()).Info.Skipped);
        Assert.Equal(25, skipped.Count);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"a/bad{i:D2}.jpg"), skipped.Examples.Select(example => example.Split(':')[0]));
    }

    [Fact]
    public void A_class_of_which_nothing_can_be_read_keeps_its_label_and_is_named()
    {
        var source = PreparationSource.OneLevel(4, "a", "c");
        source.Files["b/x.jpg"] = PreparationSource.Jpeg(1)[..100];
        var info = Preparation.Run(source.Write("zip", _folder.Path), _folder.PathOf("out"), new PreparationOptions()).Info;
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
        var info = Preparation.Run(source.Write(kind, _folder.Path), _folder.PathOf("out"), new PreparationOptions { Strict = true }).Info;
        Assert.Equal((2, 8), (info.Classes.Length, info.Train + info.Validation));
    }

    [Theory]
    [InlineData("holds no class folders, and no images", "notes.txt")]
    [InlineData("holds no class folders: 2 images lie in it directly", "a.jpg", "b.jpg")]
    [InlineData("holds images of one class only, cats", "cats/a.jpg", "cats/b.jpg")]
    [InlineData("holds images of one class only, cats", "cats/a.jpg", "dogs/notes.txt")]
    [InlineData("holds images of one class only, cats", "train/cats/a.jpg", "val/cats/a.jpg")]
    public void A_source_without_two_classes_says_what_is_expected(string message, params string[] names)
    {
        var source = new PreparationSource();
        foreach (var name in names)
            source.Files[name] = PreparationSource.Jpeg(1);
        var path = source.Write("tar", _folder.Path);
        var error = Assert.Throws<BadDataException>(() => Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions()));
        Assert.StartsWith($"{path}: {message}; expected train/CLASS", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_source_without_a_readable_image_is_refused()
    {
        var source = new PreparationSource();
        source.Add("a/1.jpg", "no");
        source.Add("b/1.jpg", "no");
        var error = Assert.Throws<BadDataException>(() => Preparation.Run(source.Write("zip", _folder.Path), _folder.PathOf("out"), new PreparationOptions()));
        Assert.Contains("a/1.jpg", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.PathOf("out")));
    }

    [Fact]
    public void A_fraction_for_a_source_that_has_validation_images_is_refused()
    {
        var path = PreparationSource.TinyImageNet().Write("zip", _folder.Path);
        var error = Assert.Throws<RiffleException>(() => Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions { ValidationFraction = 0.2 }));
        Assert.Contains("validation images of its own", error.Message, StringComparison.Ordinal);
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
