using System.Security.Cryptography;
using System.Text;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data;

public sealed class PreparationTests : IDisposable
{
    private static readonly PreparationOptions Defaults = new() { Shards = 3, Threads = 2 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(PreparationSource.Kinds), MemberType = typeof(PreparationSource))]
    public void Tiny_ImageNet_s_layout(string kind)
    {
        var source = PreparationSource.TinyImageNet();
        var info = Prepare(source.Write(kind, _folder.Path)).Info;

        Assert.Equal([new("n01", "goldfish, carp"), new("n02", "shark"), new("n03", "ray")], info.Classes.AsEnumerable());
        Assert.Equal([4, 4, 4], info.TrainPerClass.AsEnumerable());
        Assert.Equal([2, 2, 2], info.ValidationPerClass.AsEnumerable());
        Assert.Equal((12, 6, 3, 1), (info.Train, info.Validation, info.TrainShards, info.ValidationShards));
        Assert.Equal(new DatasetSizes(12, 10, 12, 10, 12, 10, 18), info.Sizes);
        Assert.Empty(info.Skipped);
        Assert.Null(info.ValidationFraction);
        foreach (var example in Records(Split.Train))
            Assert.Equal(example.Synset, example.FileName.Split('/')[1]);
        string[] labels = ["n03", "n01", "n02"];
        foreach (var example in Records(Split.Validation))
            Assert.Equal(labels[(example.FileName[^6] - '0') % 3], example.Synset);
        foreach (var example in Records(Split.Train).Concat(Records(Split.Validation)))
        {
            Assert.Equal(source.Files["tiny/" + example.FileName], example.Encoded.ToArray());
            Assert.Equal(("JPEG", 12, 10), (example.Format, example.Width, example.Height));
            Assert.Equal(info.Classes[example.Label], new(example.Synset, example.Text));
            Assert.Null(example.OneHot);
        }
    }

    [Fact]
    public void The_same_bytes_come_of_every_container_and_any_number_of_threads()
    {
        var source = PreparationSource.TinyImageNet();
        source.Files["tiny/train/n01/images/broken.JPEG"] = PreparationSource.Jpeg(1)[..200];
        var contents = new HashSet<string>();
        foreach (var kind in PreparationSource.AllKinds)
        {
            var path = source.Write(kind, _folder.Path);
            for (var threads = 1; threads <= 3; threads++)
                contents.Add(Content(Prepare(path, Defaults with { Threads = threads, Replace = true })));
        }

        Assert.Single(contents);
    }

    [Theory]
    [MemberData(nameof(PreparationSource.Kinds), MemberType = typeof(PreparationSource))]
    public void Class_folders_with_validation_matched_by_name(string kind)
    {
        var source = PreparationSource.ClassFolders("dog", "cat", "Emu");
        var info = Prepare(source.Write(kind, _folder.Path)).Info;

        Assert.Equal(["Emu", "cat", "dog"], info.Classes.Select(c => c.Name));
        Assert.Equal(["Emu", "cat", "dog"], info.Classes.Select(c => c.Text));
        Assert.Equal([6, 6, 6], info.TrainPerClass.AsEnumerable());
        Assert.Equal([2, 2, 2], info.ValidationPerClass.AsEnumerable());
        Assert.All(Records(Split.Validation), example => Assert.Equal($"val/{info.Classes[example.Label].Name}/", example.FileName[..^5]));
    }

    [Theory]
    [MemberData(nameof(PreparationSource.Kinds), MemberType = typeof(PreparationSource))]
    public void One_level_is_split_by_a_fraction_in_each_class(string kind)
    {
        var source = PreparationSource.OneLevel(10, "a", "b");
        var path = source.Write(kind, _folder.Path);
        var info = Prepare(path, Defaults with { ValidationFraction = 0.3, Seed = 5 }).Info;

        Assert.Equal([7, 7], info.TrainPerClass.AsEnumerable());
        Assert.Equal([3, 3], info.ValidationPerClass.AsEnumerable());
        Assert.Equal(0.3, info.ValidationFraction);
        var names = Records(Split.Train).Concat(Records(Split.Validation)).Select(example => example.FileName).ToList();
        Assert.Equal(source.Files.Keys, names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Test_images_are_a_third_split_and_nothing_tells_of_them_where_there_are_none()
    {
        var path = PreparationSource.OneLevel(10, "a", "b").Write("zip", _folder.Path);
        var without = Prepare(path, Defaults with { ValidationFraction = 0.2 }).Info;
        Assert.DoesNotContain("test", without.ToJson(), StringComparison.Ordinal);
        var validation = Records(Split.Validation).Select(example => example.FileName).ToArray();

        var info = Prepare(path, Defaults with { ValidationFraction = 0.2, TestFraction = 0.3, Replace = true }).Info;
        Assert.Equal((10, 4, 6, 1), (info.Train, info.Validation, info.Test, info.TestShards));
        Assert.Equal([3, 3], info.TestPerClass!.Value.AsEnumerable());
        Assert.Equal(validation, Records(Split.Validation).Select(example => example.FileName));
        Assert.Equal(20, Splits.All.SelectMany(Records).Select(example => example.FileName).Distinct().Count());
        Assert.Equal("test-00000-of-00001", info.Shards[^1].Name);
        Assert.Equal(ShardWriter.Fingerprint(info.Shards), info.Fingerprint);
        Assert.Equal((0, 6), (DatasetCheck.Run(Output, ImageCodec.Default, 1).Faults, DatasetCheck.Run(Output, ImageCodec.Default, 1).Test));
        File.Delete(Path.Combine(Output, "test-00000-of-00001"));
        Assert.Throws<BadDataException>(() => Dataset.Open(Output, ImageCodec.Default));
    }

    [Fact]
    public void A_source_s_own_test_images_change_no_shard_of_the_others_and_forbid_a_fraction()
    {
        var source = PreparationSource.ClassFolders("a", "b");
        var without = Prepare(source.Write("folder", _folder.Path)).Info;
        source.Files["pets/test/a/0.jpg"] = PreparationSource.Jpeg(900);
        var path = source.Write("folder", _folder.Path);
        var info = Prepare(path, Defaults with { Replace = true }).Info;
        Assert.Equal(without.Shards.AsEnumerable(), info.Shards.SkipLast(1));
        Assert.Equal([1, 0], info.TestPerClass!.Value.AsEnumerable());
        Error.Names(
            Error.OnCommandLine(Assert.ThrowsAny<RiffleException>(() => Prepare(path, Defaults with { TestFraction = 0.1, Replace = true }))), "test/CLASS", "--test-fraction");
        var own = Prepare(path, Defaults with { TestFraction = 0.1, IgnoreValidation = true, Replace = true }).Info;
        Assert.Equal((8, 2, 2, 5), (own.Train, own.Validation, own.Test, own.LeftOut.Sum(left => left.Count)));
        Assert.ThrowsAny<ArgumentException>(() => Prepare(path, Defaults with { ValidationFraction = 0.5, TestFraction = 0.5, Replace = true }));
    }

    [Fact]
    public void What_would_spoil_a_training_is_found_while_the_images_are_read()
    {
        var source = PreparationSource.OneLevel(10, "a", "b");
        source.Files["c/0.jpg"] = PreparationSource.Jpeg(5000);
        source.Files["c/1.jpg"] = PreparationSource.Jpeg(5001);
        source.Files["d/0.jpg"] = PreparationSource.Jpeg(6000);
        var path = source.Write("folder", _folder.Path);
        var first = Prepare(path);
        Assert.Equal([("class without images", 1), ("unequal class sizes", 1)], first.Findings.Select(group => (group.Kind, group.Count)));
        Error.Names(first.Findings[0].Examples[0].Message, "class d ", "validation");
        Error.Names(first.Findings[1].Examples[0].Message, "a has 9 ", "c 1", "d 1");

        var (inTrain, inValidation) = (Records(Split.Train).First(e => e.Synset == "a").FileName, Records(Split.Validation).First(e => e.Synset == "a").FileName);
        source.Files[inValidation] = source.Files[inTrain];
        var report = Prepare(source.Write("folder", _folder.Path), Defaults with { Replace = true });
        var same = Assert.Single(report.Findings.Single(group => group.Kind == CheckKind.SeveralSplits).Examples);
        Error.Names(same.Message, inTrain, inValidation, "validation", "bytes");
    }

    [Fact]
    public void Images_of_a_group_stay_together_and_a_pattern_without_effect_is_refused()
    {
        var source = new PreparationSource();
        for (var i = 0; i < 60; i++)
            source.Files[$"{(i % 2 == 0 ? "a" : "b")}/p{i / 4}_{i}.jpg"] = PreparationSource.Jpeg(i);
        var path = source.Write("zip", _folder.Path);
        var options = Defaults with { ValidationFraction = 0.2, TestFraction = 0.2, GroupBy = "/(p[0-9]+)_", Replace = true };
        var info = Prepare(path, options).Info;
        Assert.Equal((36, 12, 12, options.GroupBy), (info.Train, info.Validation, info.Test, info.GroupBy));
        Assert.Equal(15, Splits.All.Sum(split => Records(split).Select(example => example.FileName[2..].Split('_')[0]).Distinct().Count()));

        Error.Names(Error.OnCommandLine(Assert.ThrowsAny<ArgumentException>(() => Prepare(path, options with { GroupBy = "(p" }))), "--group-by");
        Error.Names(Assert.Throws<RiffleException>(() => Prepare(path, options with { GroupBy = "patient" })).Message, "'patient'", "a/p0_0.jpg");
        Error.Names(Error.OnCommandLine(Assert.ThrowsAny<RiffleException>(() => Prepare(path, options with { ValidationFraction = 0, TestFraction = null }))), "--group-by");
    }

    [Fact]
    public void A_pattern_that_takes_exponential_time_is_stopped() =>
        Error.Names(Error.OnCommandLine(Assert.ThrowsAny<RiffleException>(() => new ImageGroups("(a+)+$").Of(new string('a', 60) + "!"))), "--group-by");

    [Fact]
    public void Seeds_change_order_and_split_but_not_what_there_is()
    {
        var path = PreparationSource.OneLevel(20, "a", "b").Write("folder", _folder.Path);
        List<string>[] Names(ulong seed)
        {
            Prepare(path, Defaults with { Seed = seed, Replace = true });
            return [.. new[] { Split.Train, Split.Validation }.Select(split => Records(split).Select(example => example.FileName).ToList())];
        }

        var (first, second) = (Names(1), Names(2));
        Assert.NotEqual(first[0], second[0]);
        Assert.NotEqual(first[1], second[1]);
        Assert.Equal(first.SelectMany(names => names).Order(), second.SelectMany(names => names).Order());
        Assert.NotEqual(first[0], first[0].Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_format_is_what_the_content_says()
    {
        var source = PreparationSource.ClassFolders("a", "b");
        source.Files["pets/train/a/png.jpg"] = PreparationSource.Png();
        source.Files["pets/train/a/jpeg.png"] = PreparationSource.Jpeg(1);
        var info = Prepare(source.Write("zip", _folder.Path)).Info;

        Assert.Equal(new DatasetSizes(1, 1, 12, 10, 12, 10, 17), info.Sizes);
        Assert.Equal(("PNG", 1, 1), Records(Split.Train).Where(e => e.FileName == "train/a/png.jpg").Select(e => (e.Format, e.Width, e.Height)).Single());
        Assert.Equal("JPEG", Records(Split.Train).Single(e => e.FileName == "train/a/jpeg.png").Format);
    }

    [Fact]
    public void The_fingerprint_is_of_the_files_as_they_are()
    {
        var summary = Prepare(PreparationSource.TinyImageNet().Write("tar.gz", _folder.Path));
        var lines = "";
        foreach (var shard in summary.Info.Shards)
        {
            var bytes = File.ReadAllBytes(Path.Combine(Output, shard.Name));
            Assert.Equal(bytes.Length, shard.Bytes);
            lines += $"{Convert.ToHexStringLower(SHA256.HashData(bytes))}  {shard.Name}\n";
        }

        string[] expected = ["train-00000-of-00003", "train-00001-of-00003", "train-00002-of-00003", "validation-00000-of-00001"];
        Assert.Equal(expected, summary.Info.Shards.Select(s => s.Name));
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines))), summary.Info.Fingerprint);
        Assert.Equal(summary.Info.ToJson(), DatasetInfo.Load(Output).ToJson());
        Assert.Equal(5, Directory.GetFiles(Output).Length);
    }

    [Theory]
    [InlineData("folder")]
    [InlineData("tar.gz")]
    public void Baked_copies_have_one_hot_labels_and_are_the_same_each_time(string kind)
    {
        var path = PreparationSource.TinyImageNet().Write(kind, _folder.Path);
        var options = Defaults with { BakeCopies = 3, BakeSize = 14 };
        var info = Prepare(path, options).Info;

        Assert.Equal(new DatasetBaking(3, 14), info.Baking);
        Assert.Equal((36, 6), (info.Train, info.Validation));
        Assert.Equal([12, 12, 12], info.TrainPerClass.AsEnumerable());
        var records = Records(Split.Train);
        foreach (var copies in records.GroupBy(example => example.FileName))
            Assert.Equal(3, copies.Select(copy => Convert.ToHexString(copy.Encoded.Span)).Distinct().Count());
        foreach (var example in records.Concat(Records(Split.Validation)))
        {
            var image = ImageDecoder.Decode(example.Encoded.Span, example.FileName);
            Assert.Equal((14, 14, 14, 14), (image.Width, image.Height, example.Width, example.Height));
            Assert.Equal(Enumerable.Range(0, 3).Select(label => label == example.Label ? 1f : 0f), example.OneHot);
        }

        Assert.Equal(info.Fingerprint, Prepare(path, options with { Threads = 1, Replace = true }).Info.Fingerprint);
        Assert.NotEqual(info.Fingerprint, Prepare(path, options with { Seed = 1, Replace = true }).Info.Fingerprint);
    }

    [Fact]
    public void There_are_no_more_shards_than_images()
    {
        var info = Prepare(PreparationSource.OneLevel(2, "a", "b").Write("zip", _folder.Path), Defaults with { Shards = 100 }).Info;
        Assert.Equal((2, 2), (info.TrainShards, info.ValidationShards));
        Assert.All(info.Shards, shard => Assert.Equal(1, shard.Records));
    }

    [Fact]
    public void Progress_counts_every_image()
    {
        var seen = new Recorder();
        Preparation.Run(PreparationSource.TinyImageNet().Write("tar.gz", _folder.Path), Output, Defaults, ImageCodec.Default, seen);
        foreach (var stage in new[] { WorkStage.Checking, WorkStage.Writing })
            Assert.Equal(Enumerable.Range(1, 18).Select(i => new WorkProgress(stage, i, 18)), seen.Seen.Where(p => p.Stage == stage));
    }

    [Theory]
    [InlineData("folder")]
    [InlineData("tar.gz")]
    public void Stopped_it_leaves_nothing_behind(string kind)
    {
        var path = PreparationSource.TinyImageNet().Write(kind, _folder.Path);
        using var stop = new CancellationTokenSource();
        var stopAtTen = new Recorder
        {
            Then = progress =>
        {
            if (progress is { Stage: WorkStage.Checking, Done: 10 })
                stop.Cancel();
        }
        };

        Assert.Throws<OperationCanceledException>(() => Preparation.Run(path, Output, Defaults, ImageCodec.Default, stopAtTen, stop.Token));
        Assert.Equal(10, stopAtTen.Seen.Max(progress => progress.Stage == WorkStage.Checking ? progress.Done : 0));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    private string Output => _folder.PathOf("out");

    private PreparationSummary Prepare(string path, PreparationOptions? options = null) => Preparation.Run(path, Output, options ?? Defaults, ImageCodec.Default);

    private List<ImageExample> Records(Split split)
    {
        var info = DatasetInfo.Load(Output);
        var records = new List<ImageExample>();
        foreach (var shard in DatasetFiles.Shards(Output, split, info.Of(split).Shards))
        {
            using var reader = new TFRecordReader(shard);
            while (reader.TryRead(out var record))
                records.Add(ImageExample.Parse(record.Span));
        }

        return records;
    }

    private static string Content(PreparationSummary summary) => string.Concat(
        Directory.GetFiles(summary.Output, "*-of-*").Order(StringComparer.Ordinal).Select(file => Convert.ToHexString(File.ReadAllBytes(file))))
        + (summary.Info with { Source = "" }).ToJson();

    private sealed class Recorder : IProgress<WorkProgress>
    {
        public List<WorkProgress> Seen { get; } = [];

        public Action<WorkProgress> Then { get; init; } = _ => { };

        public void Report(WorkProgress value)
        {
            Seen.Add(value);
            Then(value);
        }
    }
}
