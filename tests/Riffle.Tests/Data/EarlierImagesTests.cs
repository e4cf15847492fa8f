using Riffle.Data;
using Riffle.Formats;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data;

/// <summary>Images that are added to a prepared data set.</summary>
public sealed class EarlierImagesTests : IDisposable
{
    private static readonly PreparationOptions Options = new() { Shards = 3, Threads = 2, ValidationFraction = 0.2, TestFraction = 0.1 };

    private readonly TemporaryFolder _folder = new();
    private int _sources;

    private string First => Path.Combine(_folder.Path, "first");

    private string Both => Path.Combine(_folder.Path, "both");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(PreparationSource.Kinds), MemberType = typeof(PreparationSource))]
    public void Every_image_keeps_its_split_and_its_bytes_and_new_ones_are_set_aside_as_they_were(string kind)
    {
        var first = Prepare(PreparationSource.OneLevel(10, "b", "d"), kind, First, Options);
        var before = Records(First);

        // One class more, before the others by name, and more of one that is there; of the latter, some under the names of others.
        var more = new PreparationSource();
        for (var i = 0; i < 20; i++)
            more.Files[$"a/{i}.jpg"] = PreparationSource.Jpeg(5000 + i);
        for (var i = 0; i < 10; i++)
            more.Files[$"d/{i}.jpg"] = PreparationSource.Jpeg(6000 + i);
        var info = Prepare(more, kind, Both, new() { Shards = 3, Threads = 2, AddTo = First }).Info;

        Assert.Equal(["a", "b", "d"], info.Classes.Select(c => c.Name));
        Assert.Equal((14, 4, 2), (info.TrainPerClass[0], info.ValidationPerClass[0], info.TestPerClass!.Value[0]));
        Assert.Equal((7, 2, 1), (info.TrainPerClass[1], info.ValidationPerClass[1], info.TestPerClass.Value[1]));
        Assert.Equal((14, 4, 2), (info.TrainPerClass[2], info.ValidationPerClass[2], info.TestPerClass.Value[2]));
        Assert.Equal(new DatasetOrigin(first.Info.Source, first.Info.Fingerprint), info.AddedTo);
        Assert.Equal((0.2, 0.1), (info.ValidationFraction, info.TestFraction));
        var after = Records(Both);
        foreach (var (bytes, (split, example)) in before)
        {
            Assert.Equal(split, after[bytes].Split);
            Assert.Equal((example.Synset, example.FileName), (after[bytes].Example.Synset, after[bytes].Example.FileName));
        }

        Assert.Equal(50, after.Count);
        Assert.All(after.Values, record => Assert.Equal(record.Example.Synset, info.Classes[record.Example.Label].Name));
        Assert.Equal(0, DatasetCheck.Run(Both, ImageCodec.Default, 1).Faults);
    }

    [Fact]
    public void What_is_there_already_is_left_out_and_one_new_class_is_enough()
    {
        var source = PreparationSource.OneLevel(10, "b", "d");
        Prepare(source, "zip", First, Options);
        var all = Refused(source, "zip", Both, new() { AddTo = First });
        Error.Names(all, "source.zip", "all 20 images", First);

        source.Files["d/new.jpg"] = PreparationSource.Jpeg(7000);
        var info = Prepare(source, "zip", Both, Options with { AddTo = First }).Info;
        Assert.Equal(20, info.LeftOut.Single().Count);
        Assert.Equal(21, Records(Both).Count);

        var one = new PreparationSource { Files = { ["wasp/1.jpg"] = PreparationSource.Jpeg(8000), ["wasp/2.jpg"] = PreparationSource.Jpeg(8001) } };
        Assert.Equal(["b", "d", "wasp"], Prepare(one, "tar", Both, Options with { AddTo = First, Replace = true }).Info.Classes.Select(c => c.Name));
        Assert.Contains("only one class", Refused(one, "tar", Both, Options with { Replace = true }));
    }

    [Fact]
    public void A_new_image_of_a_group_goes_where_the_group_is()
    {
        PreparationSource Source(int number) => new()
        {
            Files =
            {
                [$"a/p1-{number}.jpg"] = PreparationSource.Jpeg(number),
                [$"a/p2-{number}.jpg"] = PreparationSource.Jpeg(number + 1),
                [$"b/p3-{number}.jpg"] = PreparationSource.Jpeg(number + 2),
                [$"b/p4-{number}.jpg"] = PreparationSource.Jpeg(number + 3),
            },
        };
        Prepare(Source(10), "folder", First, new() { ValidationFraction = 0.5, GroupBy = @"/(p\d)-" });
        var info = Prepare(Source(20), "folder", Both, new() { AddTo = First }).Info;
        Assert.Equal((4, 4, @"/(p\d)-"), (info.Train, info.Validation, info.GroupBy));
        Assert.All(
            Records(Both).Values.GroupBy(record => record.Example.FileName.Split('/')[1].Split('-')[0]),
            group => Assert.Single(group.Select(record => record.Split).Distinct()));
    }

    [Fact]
    public void A_baked_or_damaged_data_set_is_refused_with_its_place()
    {
        var source = PreparationSource.OneLevel(4, "a", "b");
        Prepare(source, "folder", First, new() { BakeCopies = 2, BakeSize = 8 });
        source.Files["a/new.jpg"] = PreparationSource.Jpeg(900);
        Error.Names(Refused(source, "folder", Both, new() { AddTo = First }), First, "baked");

        Prepare(source, "folder", First, new() { Shards = 1, Replace = true });
        var shard = Path.Combine(First, "train-00000-of-00001");
        var bytes = File.ReadAllBytes(shard);
        bytes[200] ^= 1;
        File.WriteAllBytes(shard, bytes);
        source.Files["a/newer.jpg"] = PreparationSource.Jpeg(901);
        Error.Names(Refused(source, "folder", Both, new() { AddTo = First }), shard);
        Assert.False(Directory.Exists(Both));
    }

    private PreparationSummary Prepare(PreparationSource source, string kind, string output, PreparationOptions options) =>
        Preparation.Run(source.Write(kind, Directory.CreateDirectory(Path.Combine(_folder.Path, $"{++_sources}")).FullName), output, options, ImageCodec.Default);

    private string Refused(PreparationSource source, string kind, string output, PreparationOptions options) =>
        Assert.ThrowsAny<RiffleException>(() => Prepare(source, kind, output, options)).Message;

    /// <summary>All records by the bytes of their images.</summary>
    private static Dictionary<string, (Split Split, ImageExample Example)> Records(string folder)
    {
        var data = Dataset.Open(folder, ImageCodec.Default);
        var records = new Dictionary<string, (Split, ImageExample)>();
        foreach (var split in Splits.All)
        {
            foreach (var shard in data.Shards(split))
            {
                using var reader = new TFRecordReader(shard);
                while (reader.TryRead(out var record))
                {
                    var example = ImageExample.Parse(record.Span);
                    records.Add(Convert.ToHexString(example.Encoded.Span), (split, example));
                }
            }
        }

        return records;
    }
}
