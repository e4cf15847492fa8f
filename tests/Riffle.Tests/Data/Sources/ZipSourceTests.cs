using System.Text;
using Riffle.Data;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data.Sources;

/// <summary>Zip files of kinds that are not read: what they are is said first.</summary>
public sealed class ZipSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(12, 0, "bzip2")]
    [InlineData(14, 0, "LZMA")]
    [InlineData(93, 0, "zstd")]
    [InlineData(95, 0, "xz")]
    [InlineData(98, 0, "PPMd")]
    [InlineData(6, 0, "Implode")]
    [InlineData(77, 0, "method 77")]
    [InlineData(99, RawZip.Entry.Encrypted, "encrypted")]
    [InlineData(8, RawZip.Entry.Encrypted, "encrypted")]
    public void What_compresses_or_encrypts_all_files_is_named_with_the_way_out(int method, int flags, string named)
    {
        var path = _folder.Add("source.zip", RawZip.Of(Entries(method, flags)));
        var error = Assert.Throws<BadDataException>(() => Prepare(path));
        Error.Names(error.Message, $"{path}: ", named, "pack");
        Assert.Equal(error.Message, Assert.Single(Assert.Single(DatasetCheck.Run(path, ImageCodec.Default, 1).Findings).Examples).Message);
    }

    [Fact]
    public void A_single_file_by_another_method_is_skipped_with_its_method()
    {
        RawZip.Entry[] entries = [.. Entries(0, 0), new("a/9.jpg"u8.ToArray(), PreparationSource.Jpeg(9), Method: 12)];
        var skipped = Assert.Single(Prepare(_folder.Add("source.zip", RawZip.Of(entries))).Skipped);
        Error.Names(Assert.Single(skipped.Examples), "a/9.jpg: ", "bzip2");
    }

    [Fact]
    public void A_list_of_classes_by_another_method_is_named()
    {
        RawZip.Entry[] entries = [.. Entries(0, 0), new("wnids.txt"u8.ToArray(), "a\nb\n"u8.ToArray(), Method: 14)];
        var path = _folder.Add("source.zip", RawZip.Of(entries));
        Error.Names(Assert.Throws<BadDataException>(() => Prepare(path)).Message, $"{path}: ", "wnids.txt", "LZMA");
    }

    [Fact]
    public void A_part_of_an_archive_is_told_from_a_damaged_one()
    {
        var whole = RawZip.Of(Entries(0, 0));
        string Message(string name, byte[] bytes) => Assert.Throws<BadDataException>(() => Prepare(_folder.Add(name, bytes))).Message;
        Assert.Contains("the last of 8 parts", Message("last.zip", RawZip.Of(Entries(0, 0), disk: 7)), StringComparison.Ordinal);
        Assert.Contains("the last of 8 parts", Message("tail.zip", RawZip.Of(Entries(0, 0), disk: 7)[100..]), StringComparison.Ordinal);
        Assert.Contains("part", Message("photos.zip.001", whole[..900]), StringComparison.Ordinal);
        Assert.Contains("part", Message("photos.z01", whole[..900]), StringComparison.Ordinal);
        Assert.DoesNotContain("part", Message("photos.zip", whole[..900]), StringComparison.Ordinal);
        Assert.Contains("byte 900", Message("photos.zip", whole[..900]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("photos.7z", "7z\xBC\xAF\x27\x1C----", "a 7z archive")]
    [InlineData("photos.tar.xz", "\u00FD7zXZ\0----", "an xz file")]
    [InlineData("photos.tar.bz2", "BZh91AY&SY", "a bzip2 file")]
    [InlineData("photos.rar", "Rar!\x1A\x07\x01\0", "a RAR archive")]
    [InlineData("photos.zip", "<!DOCTYPE html><html>", "a web page")]
    [InlineData("photos.tar.gz", "version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer")]
    [InlineData("photo.jpg", "\xFF\xD8\xFF\xE0----", "a JPEG image")]
    public void What_else_was_given_is_named(string name, string start, string named)
    {
        var path = _folder.Add(name, Encoding.Latin1.GetBytes(start));
        Error.Names(Assert.Throws<BadDataException>(() => Prepare(path)).Message, $"{path}: ", named);
    }

    private static IEnumerable<RawZip.Entry> Entries(int method, int flags) => from name in new[] { "a", "b" }
                                                                               from i in Enumerable.Range(0, 3)
                                                                               select new RawZip.Entry(Encoding.ASCII.GetBytes($"{name}/{i}.jpg"), PreparationSource.Jpeg(i), flags, method);

    private DatasetInfo Prepare(string path) => Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions { Replace = true }, ImageCodec.Default).Info;
}
