using System.Text;
using Riffle.Data.Sources;
using Riffle.Tests.Cli;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data.Sources;

/// <summary>Headers of tar files, whole and damaged: .NET's reader looks at no checksum, and takes a header with an empty one for the end.</summary>
public sealed class TarHeaderTests : IDisposable
{
    private const int BlockSize = 512;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(148, 8)] // the whole checksum: an end without a word, and half of the images
    [InlineData(3, 1)]
    [InlineData(124, 12)]
    [InlineData(156, 1)]
    public void A_damaged_header_is_an_error_and_not_the_end_of_the_archive(int at, int length)
    {
        var path = PreparationSource.OneLevel(3, "a", "b").Write("tar", _folder.Path);
        var whole = File.ReadAllBytes(path);
        Assert.Equal(6, List(path).Count);
        var headers = Headers(whole).ToArray();
        Assert.Equal(12, headers.Length); // each file has attributes in front of it
        foreach (var header in headers)
        {
            var damaged = (byte[])whole.Clone();
            damaged.AsSpan(header + at, length).Clear();
            File.WriteAllBytes(path, damaged);
            Assert.StartsWith($"{path}: near byte", Assert.Throws<BadDataException>(() => List(path)).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>As the system's own program writes them, with names too long for a header where the format has a way.</summary>
    [UnixTheory]
    [InlineData("v7", 60)]
    [InlineData("ustar", 60)]
    [InlineData("oldgnu", 140)]
    [InlineData("gnu", 140)]
    [InlineData("pax", 140)]
    public void Archives_of_every_format_are_read(string format, int length)
    {
        var source = new PreparationSource();
        foreach (var (name, bytes) in PreparationSource.OneLevel(3, "a", "é").Files)
            source.Files[name.Replace(".jpg", new string('n', length) + ".jpg", StringComparison.Ordinal)] = bytes;
        source.Write("folder", _folder.Path);
        foreach (var (path, create) in new[] { (_folder.PathOf("made.tar"), "-cf"), (_folder.PathOf("made.tar.gz"), "-czf") })
        {
            Assert.Equal(0, Shell.Run("tar", [create, path, "--format", format, "-C", _folder.Path, "source"]).ExitCode);
            var names = List(path).Select(file => file.Name).Order(StringComparer.Ordinal);
            Assert.Equal(source.Files.Keys.Select(name => "source/" + name).Order(StringComparer.Ordinal), names);
        }
    }

    /// <summary>A header may leave a size to the attributes before it, and write it in binary; and its checksum may be of signed bytes.</summary>
    [Fact]
    public void A_size_in_attributes_or_binary_and_a_signed_checksum_are_read()
    {
        var image = PreparationSource.Jpeg(1);
        byte[] attributes = [.. Encoding.UTF8.GetBytes($"{$"00 size={image.Length}\n".Length:00} size={image.Length}\n")];
        byte[] binary = [0x80, .. new byte[7], .. BitConverter.GetBytes(image.Length).Reverse()];
        byte[] file =
        [
            .. Header("x", 'x', Octal(attributes.Length)), .. Blocks(attributes),
            .. Header("a/0.jpg", '0', Octal(0)), .. Blocks(image),
            .. Header("a/1.jpg", '0', binary), .. Blocks(image),
            .. Header("b/\u00e9.jpg", '0', Octal(image.Length), signed: true), .. Blocks(image),
            .. new byte[2 * BlockSize],
        ];
        var path = _folder.Add("made.tar", file);
        Assert.Equal([image.Length, image.Length, image.Length], List(path).Select(entry => (int)entry.Length));
        using var container = SourceContainer.Open(path);
        Assert.All(container.Read(List(path)), read => Assert.Equal(image, read.Bytes.ToArray()));
    }

    private static IReadOnlyList<SourceEntry> List(string path)
    {
        using var container = SourceContainer.Open(path);
        return [.. container.List(_ => { }, CancellationToken.None).Files];
    }

    private static IEnumerable<int> Headers(byte[] tar) =>
        Enumerable.Range(0, tar.Length / BlockSize).Select(block => block * BlockSize).Where(at => tar.AsSpan(at + 257).StartsWith("ustar"u8));

    private static byte[] Octal(int size) => Encoding.ASCII.GetBytes(Convert.ToString(size, 8).PadLeft(11, '0') + "\0");

    private static byte[] Blocks(byte[] content) => [.. content, .. new byte[(BlockSize - content.Length % BlockSize) % BlockSize]];

    private static byte[] Header(string name, char type, byte[] size, bool signed = false)
    {
        var block = new byte[BlockSize];
        Encoding.UTF8.GetBytes(name).CopyTo(block, 0);
        Encoding.ASCII.GetBytes("0000644\00000000\00000000\0").CopyTo(block, 100);
        size.CopyTo(block, 124);
        Encoding.ASCII.GetBytes("00000000000\0        " + type).CopyTo(block, 136);
        Encoding.ASCII.GetBytes("ustar\000").CopyTo(block, 257);
        var sum = block.Sum(value => signed ? (sbyte)value : value);
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(block, 148);
        return block;
    }
}
