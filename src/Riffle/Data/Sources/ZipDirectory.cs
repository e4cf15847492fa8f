using System.Buffers.Binary;
using System.IO.Hashing;

namespace Riffle.Data.Sources;

/// <summary>Properties of an entry in a zip file's directory that <see cref="System.IO.Compression.ZipArchiveEntry"/> does not have.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Method">The number of the method that compressed it.</param>
internal readonly record struct ZipRecord(ArchiveName Name, int Method)
{
    private static readonly Dictionary<int, string> Others = new()
    {
        [1] = "Shrink",
        [6] = "Implode",
        [12] = "bzip2",
        [14] = "LZMA",
        [16] = "IBM CMPSC",
        [19] = "LZ77",
        [20] = "zstd",
        [93] = "zstd",
        [94] = "MP3",
        [95] = "xz",
        [96] = "JPEG",
        [97] = "WavPack",
        [98] = "PPMd",
    };

    /// <summary>The name of a method that is not read; null for Store, Deflate and Deflate64. That of an encrypted entry is not looked at.</summary>
    public string? UnreadMethod => Method is 0 or 8 or 9 or 99 ? null : Others.GetValueOrDefault(Method, $"method {Method}");
}

/// <summary>
/// Reads the directory at the end of a zip file (PKWARE's APPNOTE, 4.3): names as bytes, methods, and whether the file is but a part of the archive. The files
/// are read by <see cref="System.IO.Compression.ZipArchive"/>.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndMark = 0x06054b50, End64Mark = 0x06064b50, Locator64Mark = 0x07064b50, HeaderMark = 0x02014b50;
    private const int EndLength = 22, End64Length = 56, LocatorLength = 20, HeaderLength = 46, MaxComment = ushort.MaxValue;
    private const int Utf8Flag = 1 << 11, UnicodePath = 0x7075;

    /// <summary>The entries, in the order of the directory.</summary>
    /// <exception cref="BadDataException">It is missing or damaged, or the archive has several parts.</exception>
    public static List<ZipRecord> Read(string path)
    {
        using var file = File.OpenRead(path);
        var (at, count) = Find(file, path);
        file.Position = at;
        using var directory = new BufferedStream(file, 1 << 16);
        var records = new List<ZipRecord>();
        try
        {
            for (var i = 0L; i < count; i++)
                records.Add(ReadHeader(directory));
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw Damaged(path, e);
        }

        return records;
    }

    /// <summary>The error for a file with an unreadable directory.</summary>
    public static BadDataException Damaged(string path, Exception? inner = null) => new(
        $"{path}: the zip directory before byte {new FileInfo(path).Length} is missing or damaged; "
        + (IsNamedAsPart(path) ? "this is one part of a split archive, so join the parts into one file first" : "download or pack it again"), inner);

    private static (long At, long Count) Find(FileStream file, string path)
    {
        var tail = new byte[Math.Min(file.Length, EndLength + MaxComment)];
        file.Position = file.Length - tail.Length;
        file.ReadExactly(tail);
        var found = tail.Length - EndLength;
        while (found >= 0 && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(found)) != EndMark)
            found--;
        if (found < 0)
            throw Damaged(path);
        var end = tail.AsSpan(found);
        var (disk, count, at) = (BinaryPrimitives.ReadUInt16LittleEndian(end[4..]), (long)BinaryPrimitives.ReadUInt16LittleEndian(end[10..]),
            (long)BinaryPrimitives.ReadUInt32LittleEndian(end[16..]));
        if (disk is not (0 or ushort.MaxValue))
        {
            throw new BadDataException(
                $"{path}: this is the last of {disk + 1} parts of a split archive; join them into one file, for example with 'zip -s 0 PARTS.zip -O WHOLE.zip'");
        }

        var end64 = file.Length - tail.Length + found - LocatorLength;
        return count == ushort.MaxValue || at == uint.MaxValue ? Find64(file, end64) ?? (at, count) : (at, count);
    }

    private static (long At, long Count)? Find64(FileStream file, long locatorAt)
    {
        if (locatorAt < 0)
            return null;
        Span<byte> block = stackalloc byte[End64Length];
        file.Position = locatorAt;
        file.ReadExactly(block[..LocatorLength]);
        var at = BinaryPrimitives.ReadInt64LittleEndian(block[8..]);
        if (BinaryPrimitives.ReadUInt32LittleEndian(block) != Locator64Mark || at < 0 || at > file.Length - End64Length)
            return null;
        file.Position = at;
        file.ReadExactly(block);
        return BinaryPrimitives.ReadUInt32LittleEndian(block) == End64Mark
            ? (Math.Max(0, BinaryPrimitives.ReadInt64LittleEndian(block[48..])), BinaryPrimitives.ReadInt64LittleEndian(block[32..]))
            : null;
    }

    private static ZipRecord ReadHeader(Stream directory)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        directory.ReadExactly(header);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != HeaderMark)
            throw new InvalidDataException();
        ushort Field(ReadOnlySpan<byte> of, int at) => BinaryPrimitives.ReadUInt16LittleEndian(of[at..]);
        var name = new byte[Field(header, 28)];
        directory.ReadExactly(name);
        var extra = new byte[Field(header, 30)];
        directory.ReadExactly(extra);
        directory.ReadExactly(new byte[Field(header, 32)]);
        var unicode = UnicodeName(extra, name);
        return new(new ArchiveName(unicode ?? name, unicode is not null || (Field(header, 8) & Utf8Flag) != 0), Field(header, 10));
    }

    /// <summary>The name in UTF-8 that Info-ZIP puts beside one in a code page, if it is of the name that is there: version 1, CRC-32 of that, text.</summary>
    private static byte[]? UnicodeName(ReadOnlySpan<byte> extra, ReadOnlySpan<byte> name)
    {
        while (extra.Length >= 4)
        {
            var (id, length) = (BinaryPrimitives.ReadUInt16LittleEndian(extra), BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]));
            if (length > extra.Length - 4)
                break;
            var field = extra.Slice(4, length);
            if (id == UnicodePath && length > 5 && field[0] == 1 && BinaryPrimitives.ReadUInt32LittleEndian(field[1..]) == Crc32.HashToUInt32(name)
                && System.Text.Unicode.Utf8.IsValid(field[5..]))
                return field[5..].ToArray();
            extra = extra[(4 + length)..];
        }

        return null;
    }

    /// <summary><c>photos.zip.001</c> of 7-Zip, <c>photos.z01</c> of others.</summary>
    private static bool IsNamedAsPart(string path) =>
        Path.GetExtension(path) is [_, .. var extension] && extension.TrimStart('z', 'Z') is { Length: 2 or 3 } digits && digits.All(char.IsAsciiDigit);
}
