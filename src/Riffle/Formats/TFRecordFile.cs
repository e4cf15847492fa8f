using System.IO.Compression;

namespace Riffle.Formats;

/// <summary>Files of TFRecords as other programs write them: plain, or compressed as a whole by GZIP (RFC 1952) or ZLIB (RFC 1950).</summary>
internal static class TFRecordFile
{
    private static readonly Func<Stream, Stream>[] Forms =
    [
        file => file,
        file => new GZipStream(file, CompressionMode.Decompress),
        file => new ZLibStream(file, CompressionMode.Decompress),
    ];

    /// <summary>Whether a file begins with a record, compressed or not: the length of the first one has its checksum.</summary>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    public static bool IsTFRecord(string path) => Detect(path) is not null;

    /// <summary>Whether a file is compressed and begins with a record.</summary>
    /// <exception cref="RiffleException">The file can't be read.</exception>
    public static bool IsCompressed(string path) => Detect(path) is { } form && form != Forms[0];

    /// <summary>Opens a file with any compression. If the first record is damaged, the first byte decides; reading then reports the damage.</summary>
    /// <exception cref="RiffleException">It can't be read.</exception>
    public static TFRecordReader Open(string path)
    {
        var file = OpenFile(path);
        var decompress = Detect(path) ?? Forms[file.ReadByte() switch { 0x1f => 1, 0x78 => 2, _ => 0 }];
        file.Position = 0;
        return new(decompress(file), path);
    }

    private static Func<Stream, Stream>? Detect(string path) => Forms.FirstOrDefault(form => BeginsWithRecord(path, form));

    private static bool BeginsWithRecord(string path, Func<Stream, Stream> decompress)
    {
        try
        {
            using var stream = decompress(OpenFile(path));
            Span<byte> header = stackalloc byte[TFRecordWriter.HeaderSize];
            return stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length && TFRecordReader.IsWhole(header);
        }
        catch (InvalidDataException)
        {
            return false;
        }
        catch (IOException e)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    internal static FileStream OpenFile(string path)
    {
        try
        {
            return InputFile.OpenSeekable(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }
}
