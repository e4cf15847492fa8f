using System.IO.Compression;
using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>One file of a source.</summary>
/// <param name="Index">Its number in the source's own order; not all numbers need be used.</param>
/// <param name="Name">Its normalised name.</param>
/// <param name="Length">Its size in bytes as the source states it, which need not be true.</param>
internal sealed record SourceEntry(int Index, string Name, long Length);

/// <summary>The content of one file, or why there is none.</summary>
internal readonly record struct SourceFile(SourceEntry Entry, ReadOnlyMemory<byte> Bytes, Skip? Skip = null);

/// <summary>What a source holds.</summary>
internal sealed class SourceListing
{
    public List<SourceEntry> Files { get; } = [];

    /// <summary>Normalised names of folders, as far as the source has entries for them.</summary>
    public List<string> Folders { get; } = [];

    /// <summary>Content of the small text files that describe a data set, by normalised name.</summary>
    public Dictionary<string, ReadOnlyMemory<byte>> Texts { get; } = [];

    /// <summary>Entries that are not taken.</summary>
    public List<Skip> Skipped { get; } = [];

    /// <summary>What may be meant otherwise than it was read.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Whether names are <c>train/CLASS/…</c>, <c>val/CLASS/…</c> and <c>test/CLASS/…</c> for certain, as those of records are.</summary>
    public bool AreRecords { get; init; }
}

/// <summary>A folder or an archive of images. Nothing is ever extracted to disk.</summary>
internal abstract class SourceContainer(string path) : IDisposable
{
    /// <summary>The most bytes that an image file can have.</summary>
    public const long MaxImageBytes = InputFile.MaxImageBytes;

    /// <summary>The most bytes that one of <see cref="TextNames"/> can have.</summary>
    public const long MaxTextBytes = 64L << 20;

    public const string Wnids = "wnids.txt", Words = "words.txt", Annotations = "val_annotations.txt";

    private static readonly string[] TextNames = [Wnids, Words, Annotations];

    /// <summary>Path as the user gave it.</summary>
    public string Path { get; } = path;

    /// <summary>Whether files can be read in any order without reading those between them.</summary>
    public abstract bool AnyOrder { get; }

    /// <summary>Opens a folder, files of TFRecords or, known by its content, a zip, tar or gzipped tar file.</summary>
    /// <param name="path">The folder or file, or a pattern with * or ? in its last part that files of TFRecords match.</param>
    /// <param name="records">How records are understood; null: automatic.</param>
    /// <param name="nameEncoding">The code page of names in an archive that does not say it; null: automatic.</param>
    /// <exception cref="ArgumentException">There is no code page of that name.</exception>
    /// <exception cref="RiffleException">It does not exist or can't be read.</exception>
    /// <exception cref="BadDataException">It is of another kind.</exception>
    public static SourceContainer Open(string path, TFRecordOptions? records = null, string? nameEncoding = null)
    {
        var encoding = nameEncoding is null ? null : CodePage.Find(nameEncoding)
            ?? throw new AdvisedArgumentException(
                $"unknown code page '{nameEncoding}' of names; there are for example shift_jis, gbk, big5, euc-kr, cp437, cp850, cp866 and windows-1252.")
            {
                CommandLineAdvice = "Give another --name-encoding.",
            };
        if (TFRecordSource.Find(path) is { Count: > 0 } shards)
            return new TFRecordSource(path, shards, records ?? TFRecordOptions.Detect);
        if (records is not null && records != TFRecordOptions.Detect && System.IO.Path.Exists(path))
            throw new RiffleException($"{path}: contains no TFRecords, so nothing can be said of their keys.") { CommandLineAdvice = "Remove --image-key, --label-key and --label-offset." };
        if (Directory.Exists(path))
            return new FolderSource(path);
        try
        {
            return InputFile.Start(path) switch
            {
                [0x1f, 0x8b, ..] => new TarSource(path, file => new GZipStream(file, CompressionMode.Decompress), encoding),
                [(byte)'P', (byte)'K', ..] => new ZipSource(path, encoding),
                var header when TarHeaderGuard.IsHeader(header) => new TarSource(path, file => file, encoding),
                var other when FileKind.Describe(other) is { } kind => throw new BadDataException(
                    $"{path}: this is {kind}; give a folder of images, a .zip, .tar or .tar.gz of one, or TFRecords. Unpack other archives first"),
                _ when path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) => new ZipSource(path, encoding), // the last part of several begins anywhere
                _ => throw new BadDataException($"{path}: the file is not a .zip, .tar, .tar.gz or TFRecord (unknown bytes at byte 0); give one of these or a folder"),
            };
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RiffleException($"{path}: not found; give a folder, a .zip or a .tar.gz of images, or TFRecords", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    /// <summary>Reads names and sizes of all files, and the content of text files.</summary>
    /// <param name="found">Told now and then how many there are so far.</param>
    /// <param name="cancel">Stops it.</param>
    public abstract SourceListing List(Action<int> found, CancellationToken cancel);

    /// <summary>Reads some files of the listing: in the order given if <see cref="AnyOrder"/>, else in the source's own.</summary>
    public abstract IEnumerable<SourceFile> Read(IReadOnlyList<SourceEntry> wanted);

    public virtual void Dispose()
    {
    }

    /// <summary>Whether the listing is to hold the content of a file.</summary>
    protected static bool IsText(string name) => TextNames.Contains(EntryName.Last(name));

    /// <summary>Reads the content of a text file.</summary>
    protected ReadOnlyMemory<byte> ReadText(string name, long length, Stream stream) => ReadAll(stream, length, MaxTextBytes)
        ?? throw new BadDataException($"{Path}: {name} is larger than {MaxTextBytes >> 20} MB, too large for a list of classes or labels");

    /// <summary>Reads an image file, trusting no stated size: memory grows with what is really there.</summary>
    protected static SourceFile ReadImage(SourceEntry entry, Stream stream) => ReadAll(stream, entry.Length, MaxImageBytes) is { } bytes
        ? new SourceFile(entry, bytes)
        : new SourceFile(entry, default, new Skip(SkipReason.TooLarge, entry.Name));

    private static ReadOnlyMemory<byte>? ReadAll(Stream stream, long stated, long limit)
    {
        if (stated > limit)
            return null;

        // One byte more than stated, so that the end is found without growing the buffer.
        var buffer = new byte[Math.Clamp(stated, 0, 1 << 20) + 1];
        var length = 0;
        for (int read; (read = stream.Read(buffer, length, buffer.Length - length)) > 0;)
        {
            length += read;
            if (length > limit)
                return null;
            if (length == buffer.Length)
                Array.Resize(ref buffer, (int)Math.Min(2L * length, limit + 1));
        }

        return buffer.AsMemory(0, length);
    }
}
