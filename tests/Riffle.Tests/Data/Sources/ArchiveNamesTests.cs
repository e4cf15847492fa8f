using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;
using Riffle.Data.Sources;
using Riffle.Formats;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data.Sources;

/// <summary>Names of zip and tar files in any encoding.</summary>
public sealed class ArchiveNamesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Different_byte_strings_are_different_names_whatever_they_are()
    {
        var bytes = Gen.OneOf(Gen.Elements<byte>((byte)'a', (byte)'/', (byte)'\\', 0xC3, 0xA9, 0x82, 0x95, 0xE9), Gen.Choose(1, 255).Select(b => (byte)b))
            .ArrayOf().Where(name => name.Length > 0);
        Prop.ForAll(bytes.ListOf().ToArbitrary(), names =>
        {
            var distinct = names.DistinctBy(Convert.ToHexString).ToArray();
            foreach (var parting in "/\\")
            {
                // Where no name has the other separator, as ZipSource takes care.
                var own = distinct.Where(name => parting == '/' || !name.Contains((byte)'/')).Select(name => new ArchiveName(name, IsUtf8: false)).ToArray();
                Assert.Equal(own.Length, new ArchiveNames("x.zip", own, null, parting).Names.Distinct().Count());
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Two_encodings_in_one_archive_make_one_name_of_two_only_where_the_user_says_so()
    {
        var bytes = Gen.Elements<byte[]>([0x82], [0xC3, 0xA9], [0xE9], [0x61], [0x9B], [0xC2, 0xA2]).ListOf()
            .Select(parts => parts.SelectMany(part => part).ToArray());
        var names = (from name in bytes from isUtf8 in Gen.Elements(true, false) select new ArchiveName(name, isUtf8)).ListOf();
        Prop.ForAll(names.ToArbitrary(), list =>
        {
            try
            {
                var texts = new ArchiveNames("x.zip", [.. list], null).Names;
                foreach (var same in list.Zip(texts).GroupBy(pair => pair.Second))
                    Assert.Single(same.Select(pair => Convert.ToHexString(pair.First.Bytes)).Distinct());
            }
            catch (BadDataException e)
            {
                Assert.Contains("--name-encoding", Error.OnCommandLine(e), StringComparison.Ordinal);
            }
        }).QuickCheckThrowOnFailure();
        ArchiveName[] both = [new([0x82], IsUtf8: false), new("\u00e9"u8.ToArray(), IsUtf8: true)];
        Assert.Equal(["\u00e9", "\u00e9"], new ArchiveNames("x.zip", both, CodePage.Ibm437).Names);
        ArchiveName[] flagged = [new([0x82], IsUtf8: false), both[0], both[1]];
        Error.Names(Error.OnCommandLine(Assert.ThrowsAny<BadDataException>(() => new ArchiveNames("x.zip", flagged, null))), "x.zip: ", "'\u00e9'", "--name-encoding");
    }

    [Theory]
    [InlineData("shift_jis", "\u72ac", "\u732b", "\u9ce5")]
    [InlineData("shift_jis", "\u8868", "\u30bd", "\u80fd")] // each ends with the byte of '\'
    [InlineData("gbk", "\u732b\u54aa", "\u72d7\u72d7", "\u5c0f\u9e1f")]
    [InlineData("cp866", "\u043a\u043e\u0442", "\u043f\u0451\u0441", "\u0434\u043e\u043c")]
    [InlineData("big5", "\u8c93", "\u72d7", "\u9ce5")]
    [InlineData("windows-1252", "caf\u00e9", "caf\u00e8", "th\u00ea")]
    [InlineData("utf-8", "caf\u00e9", "caf\u00e8", "\u732b")]
    public void Classes_of_any_code_page_stay_apart_and_are_right_where_it_is_told(string encoding, params string[] classes)
    {
        foreach (var path in new[] { Zip(CodePage.Find(encoding)!, classes), Tar(CodePage.Find(encoding)!, classes) })
        {
            var summary = Prepare(path, null);
            Assert.Equal((3, 9, 0), (summary.Classes.Length, summary.Train + summary.Validation, summary.Skipped.Length));
            Assert.Equal(encoding == "utf-8", summary.Notes.Length == 0);
            Assert.All(summary.Notes, note => Assert.Contains("code page", note, StringComparison.Ordinal));

            summary = Prepare(path, encoding);
            Assert.Equal(classes.Order(StringComparer.Ordinal), summary.Classes.Select(c => c.Name));
            Assert.Empty(summary.Notes);
        }
    }

    [Fact]
    public void A_code_page_that_is_not_that_of_the_names_or_does_not_exist_is_an_error()
    {
        var path = Zip(CodePage.Find("gbk")!, "\u732b\u54aa", "\u72d7\u72d7");
        Error.Names(Error.OnCommandLine(Assert.ThrowsAny<BadDataException>(() => Prepare(path, "shift_jis"))), path, "shift_jis", "--name-encoding");
        foreach (var none in new[] { "klingon", "utf-16", "", "iso-2022-jp", "99999", "IBM037", "\0" })
            Assert.Contains("shift_jis", Assert.ThrowsAny<ArgumentException>(() => Prepare(path, none)).Message, StringComparison.Ordinal);
        foreach (var name in new[] { "gbk", "GBK", "936", "cp936", "CP936", "windows-936" })
            Assert.Equal("\u72d7\u72d7", Prepare(path, name).Classes[0].Name);
    }

    [Fact]
    public void A_name_in_UTF_8_beside_one_in_a_code_page_is_taken_if_it_is_of_that_name()
    {
        byte[] lost = "????/0.jpg"u8.ToArray();
        RawZip.Entry[] entries =
        [
            .. Enumerable.Range(0, 3).SelectMany(i => new[] { "\u732b", "\u72d7" }.Select(name =>
                new RawZip.Entry([.. "??/"u8, .. Encoding.ASCII.GetBytes($"{i}.jpg")], PreparationSource.Jpeg(i)).WithUnicodePath($"{name}/{i}.jpg"))),
            new RawZip.Entry(lost, PreparationSource.Jpeg(9)).WithUnicodePath("\u9ce5/9.jpg", crc: 7),
        ];
        var path = _folder.Add("unicode.zip", RawZip.Of(entries));
        Assert.Equal(["????", "\u72d7", "\u732b"], Prepare(path, null).Classes.Select(c => c.Name));
    }

    [Fact]
    public void A_name_that_is_flagged_as_UTF_8_and_is_none_stays_apart_from_others()
    {
        byte[][] names = [[0xE9], [0xE8], [0x82]];
        var entries = names.SelectMany(name => Enumerable.Range(0, 2).Select(i =>
            new RawZip.Entry([.. name, .. Encoding.ASCII.GetBytes($"/{i}.jpg")], PreparationSource.Jpeg(i), RawZip.Entry.Utf8)));
        Assert.Equal(3, Prepare(_folder.Add("flagged.zip", RawZip.Of(entries)), null).Classes.Length);
    }

    [UnixFact]
    public void Names_on_disk_that_are_no_UTF_8_are_told()
    {
        var source = PreparationSource.OneLevel(3, "a", "b").Write("folder", _folder.Path);
        try
        {
            Shell.Run("sh", ["-c", "cp a/0.jpg \"a/caf$(printf '\\351').jpg\""], source);
            var skipped = Assert.Single(Prepare(source, null).Skipped);
            Assert.Contains("its name is not UTF-8", Assert.Single(skipped.Examples), StringComparison.Ordinal);
            Shell.Run("sh", ["-c", "mkdir \"caf$(printf '\\351')\""], source);
            Assert.Contains("is not UTF-8", Assert.Throws<BadDataException>(() => Prepare(source, null)).Message, StringComparison.Ordinal);
        }
        finally
        {
            // Nor can such names be deleted by .NET.
            Shell.Run("rm", ["-r", source]);
        }
    }

    [UnixFact]
    public void A_link_to_itself_is_told_and_hides_nothing_beside_it()
    {
        var source = PreparationSource.OneLevel(3, "a", "b").Write("folder", _folder.Path);
        File.CreateSymbolicLink(Path.Combine(source, "a", "00.jpg"), "00.jpg");
        var info = Prepare(source, null);
        Assert.Equal(6, info.Train + info.Validation);
        Assert.StartsWith("a/00.jpg", Assert.Single(Assert.Single(info.Skipped).Examples), StringComparison.Ordinal);
    }

    private string Zip(Encoding encoding, params string[] classes) => _folder.Add("source.zip", RawZip.Of(classes.SelectMany((name, c) =>
        Enumerable.Range(0, 3).Select(i => new RawZip.Entry(encoding.GetBytes($"{name}/{i}.jpg"), PreparationSource.Jpeg((10 * c) + i))))));

    /// <summary>With short names in headers, and long ones before them, as GNU's tar writes them.</summary>
    private string Tar(Encoding encoding, params string[] classes)
    {
        var tar = new List<byte>();
        foreach (var (name, c) in classes.Select((name, c) => (name, c)))
        {
            for (var i = 0; i < 3; i++)
            {
                var (bytes, image) = (encoding.GetBytes($"{name}/{(i == 0 ? new string('n', 120) : "")}{i}.jpg"), PreparationSource.Jpeg((10 * c) + i));
                if (bytes.Length > 100)
                    tar.AddRange([.. Header("././@LongLink"u8, 'L', bytes.Length + 1), .. Blocks([.. bytes, 0])]);
                tar.AddRange([.. Header(bytes.AsSpan(0, Math.Min(bytes.Length, 100)), '0', image.Length), .. Blocks(image)]);
            }
        }

        return _folder.Add("source.tar", [.. tar, .. new byte[1024]]);
    }

    private static byte[] Blocks(byte[] content) => [.. content, .. new byte[(512 - content.Length % 512) % 512]];

    private static byte[] Header(ReadOnlySpan<byte> name, char type, int size)
    {
        var block = new byte[512];
        name.CopyTo(block);
        Encoding.ASCII.GetBytes($"0000644\00000000\00000000\0{Convert.ToString(size, 8).PadLeft(11, '0')}\000000000000\0        {type}").CopyTo(block, 100);
        Encoding.ASCII.GetBytes("ustar  \0").CopyTo(block, 257);
        Encoding.ASCII.GetBytes(Convert.ToString(block.Sum(value => value), 8).PadLeft(6, '0') + "\0 ").CopyTo(block, 148);
        return block;
    }

    private DatasetInfo Prepare(string path, string? encoding) =>
        Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions { Replace = true, NameEncoding = encoding }, ImageCodec.Default).Info;
}
