using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Riffle.Data;
using Riffle.Data.Sources;
using Riffle.Formats;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data.Sources;

/// <summary>Records that other programs wrote (Fixtures/make_tfrecords.py), prepared and checked.</summary>
public sealed class TFRecordSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Output => _folder.PathOf("out");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("slim-imagenet", "n01440764=tench, Tinca tinca;n01443537=goldfish, Carassius auratus;n01518878=ostrich", 9, 3, 3)]
    [InlineData("slim-generic", "daisy=daisy;tulips=tulips", 6, 2, 2)]
    [InlineData("tfds", "cat=cat;dog=dog", 6, 2, 2)]
    [InlineData("older", "0=0;1=1", 8, 2, 2)]
    public void Every_form_is_prepared(string form, string classes, int train, int validation, int perClass)
    {
        var info = Preparation.Run(Fixture(form), Output, new PreparationOptions { ValidationFraction = form == "older" ? 0.2 : null }, ImageCodec.Default).Info;
        Assert.Equal(classes, string.Join(';', info.Classes.Select(c => $"{c.Name}={c.Text}")));
        Assert.Equal((train, validation, 0), (info.Train, info.Validation, info.Skipped.Length));
        Assert.Equal(Enumerable.Repeat(train / perClass, perClass), info.TrainPerClass);
        Assert.Equal(0, DatasetCheck.Run(Output, ImageCodec.Default, 2).Faults);

        // The colour of an image tells which class its maker meant.
        string[] maker = form switch
        {
            "slim-imagenet" => ["n01443537", "n01440764", "n01518878"],
            "slim-generic" => ["tulips", "daisy"],
            "tfds" => ["dog", "cat"],
            _ => ["0", "1"],
        };
        var numbers = new HashSet<int>();
        foreach (var example in Examples(Output))
        {
            var pixels = ImageDecoder.Decode(example.Encoded.Span, example.FileName).Pixels;
            Assert.Equal(maker[(int)Math.Round((pixels[0] - 40) / 60.0)], info.Classes[example.Label].Name);
            numbers.Add((int)Math.Round(pixels[1] / 10.0));
        }

        Assert.Equal(train + validation, numbers.Count);
    }

    [Fact]
    public void A_file_and_a_pattern_do_as_well_as_a_folder()
    {
        var all = Preparation.Run(Fixture("slim-imagenet"), Output, new PreparationOptions { Replace = true }, ImageCodec.Default).Info;
        var matched = Preparation.Run(Path.Combine(Fixture("slim-imagenet"), "*-of-0000?"), Output, new PreparationOptions { Replace = true }, ImageCodec.Default).Info;
        Assert.Equal(all.Fingerprint, matched.Fingerprint);
        var one = Preparation.Run(Path.Combine(Fixture("older"), "part-1.zz"), Output, new PreparationOptions { Replace = true }, ImageCodec.Default).Info;
        Assert.Equal(4, one.Train + one.Validation);
        foreach (var records in new[] { TFRecordOptions.Detect, new(ImageKey: "image") })
        {
            Assert.Contains("not found", Assert.Throws<RiffleException>(() => Preparation.Run(
                Path.Combine(Fixture("older"), "none-*"), Output, new PreparationOptions { Replace = true, Records = records }, ImageCodec.Default)).Message);
        }
    }

    [Theory]
    [InlineData(null, new[] { 1, 2, 3 }, "0,1,2")]
    [InlineData(null, new[] { 0, 2, 3 }, "0,2,3")]
    [InlineData(null, new[] { 2, 11 }, "02,11")]
    [InlineData(0, new[] { 1, 2 }, "1,2")]
    [InlineData(1, new[] { 1, 2 }, "0,1")]
    [InlineData(5, new[] { 5, 7 }, "0,2")]
    public void Labels_count_from_0_or_1(int? offset, int[] labels, string classes)
    {
        Write("train", labels.Select(label => Record(("image", label), ("label", label))));
        var options = new PreparationOptions { ValidationFraction = 0, Records = new(LabelOffset: offset) };
        Assert.Equal(classes, string.Join(',', Preparation.Run(_folder.PathOf("source"), Output, options, ImageCodec.Default).Info.Classes.Select(c => c.Name)));
    }

    [Fact]
    public void Other_keys_are_given()
    {
        Write("train", Enumerable.Range(0, 4).Select(i => Record(("picture", i), ("species", $"kind {i % 2}"), ("label", 3))));
        var source = _folder.PathOf("source");
        var message = Assert.Throws<BadDataException>(() => Preparation.Run(source, Output, new PreparationOptions(), ImageCodec.Default)).Message;
        Error.Names(message, "image/encoded or image", "label, picture, species", "--image-key");
        var info = Preparation.Run(source, Output, new PreparationOptions { Records = new("picture", "species") }, ImageCodec.Default).Info;
        Assert.Equal(["kind 0", "kind 1"], info.Classes.Select(c => c.Name));
        Assert.Contains("--image-key", Error.OnCommandLine(Assert.Throws<RiffleException>(
            () => DatasetCheck.Run(AppContext.BaseDirectory, ImageCodec.Default, 1, records: new("picture")))));
    }

    [Fact]
    public void What_is_wrong_with_records_is_skipped_by_prepare_and_a_fault_for_check()
    {
        Write("train", Enumerable.Range(0, 6).Select(i => Record(("image", i), ("label", i % 2), ("image/class/synset", i == 3 ? "n00" : $"n0{i % 2 + 1}"))));
        var shard = Path.Combine(_folder.PathOf("source"), "train");
        var bytes = File.ReadAllBytes(shard);
        bytes[100] ^= 1;
        File.WriteAllBytes(shard, bytes);
        var report = DatasetCheck.Run(_folder.PathOf("source"), ImageCodec.Default, 2);
        Assert.Equal((false, 2, 4, 2), (report.IsPrepared, report.Faults, report.Train, report.Classes));
        var messages = string.Join('\n', report.Findings.SelectMany(f => f.Examples).Select(f => f.Message));
        Assert.Contains("record 0 at byte 0", messages);
        Error.OneNames(messages.Split('\n'), "train/000003: ", "label 1", "n00", "n02");
        Assert.Equal(4, Preparation.Run(_folder.PathOf("source"), Output, new PreparationOptions { ValidationFraction = 0 }, ImageCodec.Default).Info.Train);
        Assert.Throws<BadDataException>(() => Preparation.Run(_folder.PathOf("source"), Output, new PreparationOptions { Strict = true, Replace = true }, ImageCodec.Default));
    }

    [Fact]
    public void A_shard_whose_beginning_is_damaged_is_not_passed_over()
    {
        for (var shard = 0; shard < 2; shard++)
            Write($"train-{shard}-of-2", Enumerable.Range(4 * shard, 4).Select(i => Record(("image", i), ("label", i % 2))));
        var damaged = Path.Combine(_folder.PathOf("source"), "train-1-of-2");
        var bytes = File.ReadAllBytes(damaged);
        bytes[3] ^= 1;
        File.WriteAllBytes(damaged, bytes);
        var report = DatasetCheck.Run(_folder.PathOf("source"), ImageCodec.Default, 1);
        Assert.Equal((1, 7), (report.Faults, report.Train));
    }

    [Fact]
    public void A_compressed_file_that_is_cut_off_keeps_what_came_before()
    {
        Write("train.gz", Enumerable.Range(0, 40).Select(i => Record(("image", i), ("label", i % 2))), gzip: true);
        var shard = Path.Combine(_folder.PathOf("source"), "train.gz");
        File.WriteAllBytes(shard, File.ReadAllBytes(shard)[..^200]);
        var report = DatasetCheck.Run(_folder.PathOf("source"), ImageCodec.Default, 1);
        Assert.Equal(1, report.Faults);
        Assert.InRange(report.Train, 20, 39);
    }

    [Theory]
    [InlineData("tfx_csv_example_gen_train-00000-of-00012.gz", "company")]
    [InlineData("tfx_penguin_train.gz", "species")]
    public void Records_of_TensorFlow_that_hold_no_images_say_what_they_hold(string file, string feature)
    {
        if (ExternalData.Folder is null)
            return;
        var message = Assert.Throws<BadDataException>(
            () => Preparation.Run(ExternalData.PathOf("tfrecord/" + file), Output, new PreparationOptions { Records = new(LabelKey: feature) }, ImageCodec.Default)).Message;
        Assert.StartsWith(ExternalData.PathOf("tfrecord/" + file), message);
        Assert.Contains(feature, message);
    }

    [Theory]
    [InlineData("x_training.tfrecord", "x_testing.tfrecord", 4, 2)]
    [InlineData("TRAIN-0-of-1", "Eval-0-of-1", 4, 2)]
    [InlineData("trainset.tfrecord", "dev.tfrecord", 4, 2)]
    [InlineData("a.tfrecord", "holdout.tfrecord", 4, 2)]
    public void What_files_are_for_their_names_tell_as_those_of_folders_do(string training, string other, int train, int validation)
    {
        Write(training, Enumerable.Range(0, 4).Select(i => Record(("image", i), ("label", i % 2))));
        Write(other, Enumerable.Range(4, 2).Select(i => Record(("image", i), ("label", i % 2))));
        var info = Preparation.Run(_folder.PathOf("source"), Output, new PreparationOptions(), ImageCodec.Default).Info;
        Assert.Equal((train, validation, null), (info.Train, info.Validation, info.ValidationFraction));
    }

    [Fact]
    public void Files_for_testing_beside_others_for_validation_are_the_test_images()
    {
        foreach (var (name, first) in new[] { ("train", 0), ("val", 4), ("test", 8) })
            Write(name, Enumerable.Range(first, 4).Select(i => Record(("image", i), ("label", i % 2))));
        var info = Preparation.Run(_folder.PathOf("source"), Output, new PreparationOptions { Strict = true }, ImageCodec.Default).Info;
        Assert.Equal((4, 4, 4), (info.Train, info.Validation, info.Test));
    }

    [Fact]
    public void Classes_called_as_parts_of_a_data_set_are_classes()
    {
        Write("train.tfrecord", Enumerable.Range(0, 6).Select(i => Record(("image", i), ("label", i % 2 == 0 ? "train" : "test"))));
        Assert.Equal(["test", "train"], Preparation.Run(_folder.PathOf("source"), Output, new PreparationOptions(), ImageCodec.Default).Info.Classes.Select(c => c.Name));
    }

    [Fact]
    public void Names_of_classes_in_two_forms_of_Unicode_are_one_and_what_is_no_UTF_8_is_none()
    {
        Write("train", new[] { "caf\u00e9", "cafe\u0301", "tea", "tea" }.Select((name, i) => Record(("image", i), ("label", name)))
            .Append(Record(("image", 9), ("label", (byte[])[0xE9]))).Append(Record(("image", 10), ("label", (byte[])[0xE8]))));
        var info = Preparation.Run(_folder.PathOf("source"), Output, new PreparationOptions { ValidationFraction = 0 }, ImageCodec.Default).Info;
        Assert.Equal(["caf\u00e9", "tea"], info.Classes.Select(c => c.Name));
        Assert.Equal((4, 2), (info.Train, Assert.Single(info.Skipped).Count));
    }

    [Fact]
    public void Records_of_images_that_are_not_read_name_their_format()
    {
        Write("train", Enumerable.Range(0, 4).Select(i => Record(("image", (byte[])[.. "\0\0\0 ftypheic"u8]), ("label", i % 2))));
        var error = Assert.Throws<BadDataException>(() => Preparation.Run(_folder.PathOf("source"), Output, new PreparationOptions(), ImageCodec.Default));
        Error.Names(error.Message, $"4 × {SkipReason.Unsupported}", "train/0/train/000000: a HEIC image");
    }

    /// <summary>Read by a script that shares nothing with Riffle, with the messages as TensorFlow publishes them.</summary>
    [ProtocFact]
    public void Our_records_are_framed_and_spelled_as_TensorFlow_reads_them()
    {
        Preparation.Run(Fixture("slim-imagenet"), Output, new PreparationOptions { Shards = 1 }, ImageCodec.Default);
        var shards = Directory.GetFiles(Output, "*-of-*").Order(StringComparer.Ordinal);
        var script = Path.Combine(AppContext.BaseDirectory, "Fixtures", "read_tfrecords.py");
        var result = Shell.Run("python3", [script, ProtocFactAttribute.Protoc!, .. shards]);
        Assert.Equal(("", 0), (result.Error, result.ExitCode));
        var expected = shards.SelectMany(Records).Select(record => ImageExample.Parse(record)).ToArray();
        Assert.Equal(12, expected.Length);
        var decoded = result.Output.Split("features {\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(expected.Select(e => $"{e.Label}"), decoded.Select(text => Value(text, "image/class/label")));
        Assert.Equal(expected.Select(e => $"\"{e.Synset}\""), decoded.Select(text => Value(text, "image/class/synset")));
        Assert.Equal(expected.Select(e => $"\"{e.FileName}\""), decoded.Select(text => Value(text, "image/filename")));
        Assert.All(decoded, text => Assert.StartsWith("\"\\377\\330", Value(text, "image/encoded")));

        static string Value(string text, string key) => Regex.Match(text, $"key: \"{key}\"\\s+value {{\\s+\\w+ {{\\s+value: ([^\n]*)").Groups[1].Value;
    }

    private static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "tfrecords", name);

    private static IEnumerable<byte[]> Records(string shard)
    {
        using var reader = new TFRecordReader(shard);
        while (reader.TryRead(out var record))
            yield return record.ToArray();
    }

    private static IEnumerable<ImageExample> Examples(string folder) =>
        Directory.GetFiles(folder, "*-of-*").SelectMany(Records).Select(record => ImageExample.Parse(record));

    private static byte[] Record(params (string Key, object Value)[] features) => ForeignRecord.Of(features);

    private void Write(string shard, IEnumerable<byte[]> records, bool gzip = false)
    {
        var folder = Directory.CreateDirectory(_folder.PathOf("source")).FullName;
        Stream file = File.Create(Path.Combine(folder, shard));
        using var writer = new TFRecordWriter(gzip ? new GZipStream(file, CompressionLevel.Fastest) : file);
        foreach (var record in records)
            writer.Write(record);
    }

    /// <summary>A fact that needs Python and the protocol compiler of the build.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class ProtocFactAttribute : FactAttribute
    {
        public ProtocFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
            : base(file, line)
        {
            if (Protoc is null || !HasPython())
                Skip = "There is no python3, or no protoc below the NuGet packages (grpc.tools).";
        }

        public static string? Protoc { get; } = Find();

        private static string? Find()
        {
            var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
                ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
            var folder = Path.Combine(packages, "grpc.tools");
            return Directory.Exists(folder)
                ? Directory.EnumerateDirectories(folder).Select(version => Path.Combine(version, "tools", "linux_x64", "protoc")).FirstOrDefault(File.Exists)
                : null;
        }

        private static bool HasPython()
        {
            try
            {
                return Shell.Run("python3", ["--version"]).ExitCode == 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }
}
