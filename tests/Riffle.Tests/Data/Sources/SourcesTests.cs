using System.Formats.Tar;
using System.IO.Compression;
using FsCheck;
using FsCheck.Fluent;
using Riffle.Data;
using Riffle.Data.Sources;
using Riffle.Tests.Formats;

namespace Riffle.Tests.Data.Sources;

/// <summary>Containers: what is taken of them, and what damaged or hostile ones can't do.</summary>
public sealed class SourcesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a/b.jpg", "a/b.jpg")]
    [InlineData("./a//b.jpg", "a/b.jpg")]
    [InlineData("a/..b/c", "a/..b/c")]
    [InlineData("../a", null)]
    [InlineData("a/../../b", null)]
    [InlineData("a/..", null)]
    [InlineData("/etc/passwd", null)]
    [InlineData("C:/x", null)]
    [InlineData("a\0b", null)]
    public void Names_that_lead_outside_are_refused(string name, string? expected) => Assert.Equal(expected, EntryName.Normalise(name));

    [Fact]
    public void A_normalised_name_stays_below_any_folder() =>
        Prop.ForAll(
            Gen.Elements("..", ".", "", "a", "b.jpg", "...", "C:", "~").ListOf(5).Select(parts => string.Join('/', parts)).ToArbitrary(),
            name =>
            {
                var normal = EntryName.Normalise(name);
                return normal is null
                    || (Path.GetFullPath(normal, "/data/").StartsWith("/data/", StringComparison.Ordinal) && EntryName.Normalise(normal) == normal);
            }).QuickCheckThrowOnFailure();

    [Theory]
    [MemberData(nameof(PreparationSource.Kinds), MemberType = typeof(PreparationSource))]
    public void Every_container_gives_names_sizes_texts_and_bytes(string kind)
    {
        var source = PreparationSource.TinyImageNet();
        using var container = SourceContainer.Open(source.Write(kind, _folder.Path));
        var listing = container.List(_ => { }, CancellationToken.None);

        Assert.Equal(source.Files.Keys, listing.Files.Select(file => file.Name).Order(StringComparer.Ordinal));
        Assert.All(listing.Files, file => Assert.Equal(source.Files[file.Name].Length, file.Length));
        Assert.Equal(["tiny/val/val_annotations.txt", "tiny/wnids.txt", "tiny/words.txt"], listing.Texts.Keys.Select(name => name).Order());
        Assert.All(listing.Texts, text => Assert.Equal(source.Files[text.Key], text.Value.ToArray()));

        var wanted = listing.Files.Where((_, i) => i % 3 == 1).Reverse().ToList();
        var read = container.Read(wanted).ToList();
        Assert.All(read, file => Assert.Equal(source.Files[file.Entry.Name], file.Bytes.ToArray()));
        Assert.Equal(container.AnyOrder ? wanted : Enumerable.Reverse(wanted), read.Select(file => file.Entry));
    }

    [Theory]
    [InlineData("tar.gz", 0.5)]
    [InlineData("tar.gz", 0.99)]
    [InlineData("tar", 0.5)]
    [InlineData("zip", 0.5)]
    [InlineData("zip", 0.99)]
    public void An_archive_that_ends_too_early_is_named_with_the_place(string kind, double part)
    {
        var path = PreparationSource.TinyImageNet().Write(kind, _folder.Path);
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(int)(bytes.Length * part)]);
        Assert.Matches($"{path}: .*byte [0-9]+", Assert.Throws<BadDataException>(() => Prepare(path)).Message);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_flipped_bit_anywhere_in_a_compressed_tar_is_noticed()
    {
        var path = PreparationSource.OneLevel(2, "a", "b").Write("tar.gz", _folder.Path);
        var bytes = File.ReadAllBytes(path);
        for (var at = 40; at < bytes.Length; at += 101)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[at] ^= 4;
            File.WriteAllBytes(path, damaged);
            Assert.Throws<BadDataException>(() => Prepare(path));
        }
    }

    [Fact]
    public void A_stored_image_of_a_zip_that_was_changed_is_noticed_by_its_checksum()
    {
        var path = PreparationSource.OneLevel(3, "a", "b").Write("zip", _folder.Path);
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Update))
        {
            using var stream = zip.CreateEntry("a/x.jpg", CompressionLevel.NoCompression).Open();
            stream.Write(PreparationSource.Jpeg(50));
        }

        var bytes = File.ReadAllBytes(path);
        var image = PreparationSource.Jpeg(50);

        // In a table of the header: the picture could still be decoded, to other pixels.
        bytes[bytes.AsSpan().IndexOf(image) + 40] ^= 1;
        File.WriteAllBytes(path, bytes);
        var skipped = Assert.Single(Prepare(path).Info.Skipped);
        Assert.Equal(["a/x.jpg: its checksum in the archive is wrong"], skipped.Examples.AsEnumerable());
    }

    [Theory]
    [InlineData("../../evil.jpg")]
    [InlineData("/tmp/evil.jpg")]
    [InlineData("a/../../evil.jpg")]
    public void An_entry_that_leads_outside_is_not_taken(string name)
    {
        foreach (var kind in new[] { "zip", "tar.gz" })
        {
            var source = PreparationSource.OneLevel(3, "a", "b");
            source.Files[name] = PreparationSource.Jpeg(1);
            var skipped = Assert.Single(Prepare(source.Write(kind, _folder.Path)).Info.Skipped);
            Assert.Equal(("path outside the archive", name), (skipped.Reason, Assert.Single(skipped.Examples)));
        }
    }

    [Fact]
    public void Links_in_archives_are_not_followed()
    {
        var path = _folder.PathOf("source.tar");
        using (var tar = new TarWriter(File.Create(path)))
        {
            foreach (var (name, bytes) in PreparationSource.OneLevel(3, "a", "b").Files)
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "a/link.jpg") { LinkName = "/etc/passwd" });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.HardLink, "b/link.jpg") { LinkName = "a/0.jpg" });
        }

        Assert.Equal(["a/link.jpg", "b/link.jpg"], Assert.Single(Prepare(path).Info.Skipped).Examples.AsEnumerable());

        var zip = PreparationSource.OneLevel(3, "a", "b").Write("zip", _folder.Path);
        using (var archive = ZipFile.Open(zip, ZipArchiveMode.Update))
        {
            var entry = archive.CreateEntry("a/link.jpg");
            entry.ExternalAttributes = unchecked((int)0xA1FF0000);
            using var stream = entry.Open();
            stream.Write("/etc/passwd"u8);
        }

        Assert.Equal(["a/link.jpg"], Assert.Single(Prepare(zip).Info.Skipped).Examples.AsEnumerable());
    }

    /// <summary>A link and then a file through it is how an archive writes outside; here neither is followed, and nothing is written.</summary>
    [Fact]
    public void A_file_below_a_link_of_an_archive_is_the_archives_own()
    {
        var path = _folder.PathOf("source.tar");
        using (var tar = new TarWriter(File.Create(path)))
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.SymbolicLink, "a") { LinkName = _folder.PathOf("target") });
            foreach (var (name, bytes) in PreparationSource.OneLevel(3, "a", "b").Files)
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(bytes) });
        }

        Directory.CreateDirectory(_folder.PathOf("target"));
        Assert.Equal(6, Prepare(path).Info is var info ? info.Train + info.Validation : 0);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.PathOf("target")));
    }

    /// <summary>The reader of tar files takes memory for a long name or for attributes as the header claims.</summary>
    [Theory]
    [InlineData('L', "17777777777")]
    [InlineData('L', "77777777777")]
    [InlineData('x', "10000000000")]
    [InlineData('g', "00010000000")]
    public void A_tar_that_claims_a_huge_name_is_refused_before_memory_is_taken(char type, string size)
    {
        var block = new byte[512];
        System.Text.Encoding.ASCII.GetBytes("././@LongLink").CopyTo(block, 0);
        System.Text.Encoding.ASCII.GetBytes("0000644\00000000\00000000\0" + size + "\000000000000\0        " + type).CopyTo(block, 100);
        System.Text.Encoding.ASCII.GetBytes("ustar  \0").CopyTo(block, 257);
        var sum = block.Sum(b => b);
        System.Text.Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(block, 148);
        var path = _folder.Add("bomb.tar", [.. block, .. new byte[4096]]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        using (var container = SourceContainer.Open(path))
            Assert.StartsWith($"{path}: near byte", Assert.Throws<BadDataException>(() => container.List(_ => { }, default)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000_000);
    }

    [Theory]
    [InlineData("9999999999999999999999")]
    [InlineData("999999999999")]
    public void A_tar_with_an_impossible_date_is_bad_data(string seconds)
    {
        var path = PreparationSource.OneLevel(3, "a", "b").Write("tar", _folder.Path);
        var bytes = File.ReadAllBytes(path);
        var at = bytes.AsSpan().IndexOf(" mtime="u8) + " mtime=".Length;
        var end = at + bytes.AsSpan(at).IndexOf((byte)'\n');
        System.Text.Encoding.ASCII.GetBytes(seconds[..Math.Min(seconds.Length, end - at)].PadRight(end - at, '0')).CopyTo(bytes, at);
        File.WriteAllBytes(path, bytes);
        Assert.StartsWith($"{path}: near byte", Assert.Throws<BadDataException>(() => Prepare(path)).Message, StringComparison.Ordinal);
    }

    /// <summary>.NET compares the two only when the entries are first asked for.</summary>
    [Fact]
    public void A_zip_whose_directory_has_another_number_of_entries_is_bad_data()
    {
        var path = PreparationSource.OneLevel(3, "a", "b").Write("zip", _folder.Path);
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().LastIndexOf("PK\x05\x06"u8) + 10]++;
        File.WriteAllBytes(path, bytes);
        Error.Names(Assert.Throws<BadDataException>(() => Prepare(path)).Message, $"{path}: ", $"byte {new FileInfo(path).Length}");
    }

    [Fact]
    public void Links_in_folders_are_followed_but_not_in_circles()
    {
        var source = PreparationSource.OneLevel(3, "a", "b");
        var path = source.Write("folder", _folder.Path);
        File.CreateSymbolicLink(Path.Combine(path, "a", "link.jpg"), Path.Combine(path, "b", "0.jpg"));
        File.CreateSymbolicLink(Path.Combine(path, "a", "nothing.jpg"), Path.Combine(path, "gone.jpg"));
        Directory.CreateSymbolicLink(Path.Combine(path, "a", "circle"), path);
        Directory.CreateSymbolicLink(Path.Combine(path, "c"), Path.Combine(path, "b"));

        var info = Prepare(path).Info;
        Assert.Equal(["a", "b", "c"], info.Classes.Select(c => c.Name));
        Assert.Equal(10, info.Train + info.Validation);
        Assert.Equal(["a/circle/: the link points to a folder that contains it", "a/nothing.jpg: the link points to nothing"], Assert.Single(info.Skipped).Examples.AsEnumerable());
    }

    [Fact]
    public void A_name_that_comes_twice_in_an_archive_counts_once()
    {
        var path = PreparationSource.OneLevel(3, "a", "b").Write("zip", _folder.Path);
        using (var archive = ZipFile.Open(path, ZipArchiveMode.Update))
        {
            using var stream = archive.CreateEntry("a/0.jpg").Open();
            stream.Write(PreparationSource.Jpeg(77));
        }

        var info = Prepare(path).Info;
        Assert.Equal(6, info.Train + info.Validation);
        Assert.Equal("duplicate name", Assert.Single(info.Skipped).Reason);
    }

    [Fact]
    public void Backslashes_in_zips_part_folders()
    {
        var source = new PreparationSource();
        foreach (var (name, bytes) in PreparationSource.OneLevel(3, "a", "b").Files)
            source.Files[name.Replace('/', '\\')] = bytes;
        Assert.Equal(["a", "b"], Prepare(source.Write("zip", _folder.Path)).Info.Classes.Select(c => c.Name));
    }

    [Fact]
    public void A_tar_of_the_current_folder_has_names_that_begin_with_a_dot()
    {
        var source = new PreparationSource();
        source.Files["./"] = [];
        foreach (var (name, bytes) in PreparationSource.OneLevel(3, "a", "b").Files)
            source.Files["./" + name] = bytes;
        var info = Prepare(source.Write("tar.gz", _folder.Path)).Info;
        Assert.Equal(["a", "b"], info.Classes.Select(c => c.Name));
        Assert.Empty(info.Skipped);
    }

    [Fact]
    public void A_file_beyond_the_limit_is_left_out_before_memory_is_taken()
    {
        var source = PreparationSource.OneLevel(3, "a", "b");
        var path = source.Write("folder", _folder.Path);
        using (var huge = File.Create(Path.Combine(path, "a", "huge.jpg")))
            huge.SetLength(SourceContainer.MaxImageBytes + 1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        using var container = SourceContainer.Open(path);
        var entry = container.List(_ => { }, CancellationToken.None).Files.Single(file => file.Name == "a/huge.jpg");
        Assert.Equal("file larger than 256 MB", Assert.Single(container.Read([entry])).Skip?.Reason);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 << 20);
    }

    [Fact]
    public void A_zip_that_understates_a_size_is_read_no_further_than_the_limit()
    {
        // 300 MB of zeros that take 300 kB, stated as 100 bytes.
        var path = _folder.PathOf("source.zip");
        using (var archive = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            using var stream = archive.CreateEntry("a/bomb.jpg", CompressionLevel.Fastest).Open();
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 300; i++)
                stream.Write(zeros);
        }

        var bytes = File.ReadAllBytes(path);
        var directory = bytes.AsSpan().LastIndexOf("PK\x01\x02"u8);
        BitConverter.TryWriteBytes(bytes.AsSpan(directory + 24), 100);
        File.WriteAllBytes(path, bytes);
        using var container = SourceContainer.Open(path);
        var entry = Assert.Single(container.List(_ => { }, CancellationToken.None).Files);
        Assert.Equal(100, entry.Length);
        var file = Assert.Single(container.Read([entry]));
        Assert.NotNull(file.Skip);
    }

    [Fact]
    public void Other_files_and_missing_ones_are_named()
    {
        var text = _folder.Add("notes.txt", "not an archive"u8.ToArray());
        var error = Assert.Throws<BadDataException>(() => Prepare(text));
        Error.Names(error.Message, $"{text}: ", "a text file");
        var noise = _folder.Add("noise.bin", [1, 0xFE, 2, 0xFD]);
        Assert.StartsWith(
            $"{noise}: ", Assert.Throws<BadDataException>(() => Prepare(noise)).Message, StringComparison.Ordinal);
        var gone = _folder.PathOf("gone.zip");
        Assert.StartsWith($"{gone}: ", Assert.Throws<RiffleException>(() => Prepare(gone)).Message, StringComparison.Ordinal);
        var gzip = _folder.PathOf("notes.tar.gz");
        using (var stream = new GZipStream(File.Create(gzip), CompressionLevel.Fastest))
            stream.Write(new byte[3000].Select(_ => (byte)'x').ToArray());
        Assert.StartsWith($"{gzip}: near byte", Assert.Throws<BadDataException>(() => Prepare(gzip)).Message, StringComparison.Ordinal);
    }

    private PreparationSummary Prepare(string path) => Preparation.Run(path, _folder.PathOf("out"), new PreparationOptions { Replace = true }, ImageCodec.Default);
}
