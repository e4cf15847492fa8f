using System.Formats.Tar;
using System.Text;
using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>A tar file, compressed or not: a stream that is read from the start, once for the listing and once for the images.</summary>
/// <param name="path">The file.</param>
/// <param name="decompress">Makes the stream of the tar file from that of the file.</param>
/// <param name="encoding">The code page of names whose encoding the archive does not state; null: automatic.</param>
internal sealed class TarSource(string path, Func<Stream, Stream> decompress, Encoding? encoding) : SourceContainer(path)
{
    private const string Damaged = "the archive is truncated or damaged; download or pack it again";
    private const string NoTar =
        "this is not a tar file, or it is damaged; give a folder of images, or a .zip or .tar.gz of one";

    private readonly List<Item> _items = [];

    public override bool AnyOrder => false;

    public override SourceListing List(Action<int> found, CancellationToken cancel)
    {
        var (texts, files) = (new Dictionary<int, ReadOnlyMemory<byte>>(), 0);
        _items.Clear();
        foreach (var (index, entry, name, archive) in Entries())
        {
            cancel.ThrowIfCancellationRequested();
            _items.Add(new(index, name, entry.EntryType, entry.Length));
            if (!IsFile(entry.EntryType))
                continue;
            var plain = Encoding.Latin1.GetString(name.Bytes);
            if (IsText(plain) && entry.DataStream is { } content)
                texts.Add(index, Guard(archive, () => ReadText(plain, entry.Length, content)));
            found(++files);
        }

        return Listing(texts);
    }

    public override IEnumerable<SourceFile> Read(IReadOnlyList<SourceEntry> wanted)
    {
        var byIndex = wanted.ToDictionary(entry => entry.Index);
        foreach (var (index, entry, name, archive) in Entries())
        {
            if (!byIndex.Remove(index, out var known))
                continue;
            if (!IsFile(entry.EntryType) || !IsListed(index, name) || entry.Length != known.Length)
                throw Changed(known);
            yield return Guard(archive, () => entry.DataStream is null ? new SourceFile(known, default) : ReadImage(known, entry.DataStream));
        }

        if (byIndex.Count > 0)
            throw Changed(byIndex.Values.First());
    }

    private static bool IsFile(TarEntryType type) => type is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile;

    private bool IsListed(int index, ArchiveName name) =>
        _items.Count == 0 || (index < _items.Count && name.Bytes.AsSpan().SequenceEqual(_items[index].Name.Bytes));

    /// <summary>Names can be read only when all are known.</summary>
    private SourceListing Listing(Dictionary<int, ReadOnlyMemory<byte>> texts)
    {
        var names = new ArchiveNames(Path, [.. _items.Select(item => item.Name)], encoding);
        var listing = new SourceListing();
        if (names.Note is { } note)
            listing.Notes.Add(note);
        foreach (var (item, raw) in _items.Zip(names.Names))
        {
            if (EntryName.Normalise(raw) is not { } name)
                listing.Skipped.Add(new Skip(SkipReason.Outside, raw));
            else if (item.Type is TarEntryType.Directory)
                listing.Folders.Add(name);
            else if (item.Type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
                listing.Skipped.Add(new Skip(SkipReason.Link, name));
            else if (IsFile(item.Type))
                listing.Files.Add(new SourceEntry(item.Index, name, item.Length));
        }

        foreach (var file in listing.Files.Where(file => texts.ContainsKey(file.Index)))
            listing.Texts[file.Name] = texts[file.Index];
        return listing;
    }

    private IEnumerable<(int Index, TarEntry Entry, ArchiveName Name, Stream Archive)> Entries()
    {
        using var file = File.OpenRead(Path);
        using var stream = new TarHeaderGuard(decompress(file));
        using var reader = new TarReader(stream);
        for (var index = 0; Guard(file, () => reader.GetNextEntry(), index == 0 ? NoTar : Damaged) is { } entry; index++)
        {
            // The reader treats global attributes as an entry, but they have no name.
            var name = entry.Name.Contains('\uFFFD') && Encoding.UTF8.GetString(stream.Name.Bytes) != entry.Name
                ? throw new BadDataException($"{Path}: near byte {file.Position}: the name '{entry.Name}' is damaged")
                : entry.Name.Contains('\uFFFD') ? stream.Name : new ArchiveName(Encoding.UTF8.GetBytes(entry.Name), IsUtf8: stream.Name.IsUtf8);
            yield return (index, entry, name, file);
        }

        // The bytes after the last entry hold the checksum over everything before.
        Guard(file, () =>
        {
            stream.CopyTo(Stream.Null);
            return true;
        });
    }

    private T Guard<T>(Stream archive, Func<T> read, string message = Damaged)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException
            or OverflowException or ArgumentException or InvalidOperationException)
        {
            // The last three: TarReader parses dates from attributes, and may find content in entries that can't have any.
            throw new BadDataException($"{Path}: near byte {archive.Position}: {message}", e);
        }
        catch (IOException e)
        {
            throw AtomicFile.CannotRead(Path, e);
        }
    }

    private BadDataException Changed(SourceEntry entry) => new($"{Path}: the archive changed while it was read, at {entry.Name}; start again when it is complete");

    private readonly record struct Item(int Index, ArchiveName Name, TarEntryType Type, long Length);
}
