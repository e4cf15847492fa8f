using System.Formats.Tar;
using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>A tar file, compressed or not: a stream that is read from the start, once for the listing and once for the images.</summary>
internal sealed class TarSource(string path, Func<Stream, Stream> decompress) : SourceContainer(path)
{
    private const string Damaged = "the archive ends too early or is damaged; fetch or pack it again";

    public override bool AnyOrder => false;

    public override SourceListing List(Action<int> found, CancellationToken cancel)
    {
        var listing = new SourceListing();
        foreach (var (index, entry, archive) in Entries())
        {
            cancel.ThrowIfCancellationRequested();
            if (EntryName.Normalise(entry.Name) is not { } name)
                listing.Skipped.Add(new Skip(SkipReason.Outside, entry.Name));
            else if (entry.EntryType is TarEntryType.Directory)
                listing.Folders.Add(name);
            else if (entry.EntryType is TarEntryType.SymbolicLink or TarEntryType.HardLink)
                listing.Skipped.Add(new Skip(SkipReason.Link, name));
            else if (IsFile(entry))
                Add(listing, new SourceEntry(index, name, entry.Length), entry, archive);
            found(listing.Files.Count);
        }

        return listing;
    }

    public override IEnumerable<SourceFile> Read(IReadOnlyList<SourceEntry> wanted)
    {
        var byIndex = wanted.ToDictionary(entry => entry.Index);
        foreach (var (index, entry, archive) in Entries())
        {
            if (!byIndex.Remove(index, out var known))
                continue;
            if (!IsFile(entry) || EntryName.Normalise(entry.Name) != known.Name || entry.Length != known.Length)
                throw Changed(known);
            yield return Guard(archive, () => entry.DataStream is null ? new SourceFile(known, default) : ReadImage(known, entry.DataStream));
        }

        if (byIndex.Count > 0)
            throw Changed(byIndex.Values.First());
    }

    private static bool IsFile(TarEntry entry) => entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile;

    private void Add(SourceListing listing, SourceEntry entry, TarEntry item, Stream archive)
    {
        listing.Files.Add(entry);
        if (IsText(entry.Name) && item.DataStream is { } content)
            Guard(archive, () => AddText(listing, entry, content));
    }

    private IEnumerable<(int Index, TarEntry Entry, Stream Archive)> Entries()
    {
        using var file = File.OpenRead(Path);
        using var stream = new TarHeaderGuard(decompress(file));
        using var reader = new TarReader(stream);
        for (var index = 0; Guard(file, () => reader.GetNextEntry()) is { } entry; index++)
            yield return (index, entry, file);

        // What follows the last entry holds the checksum over all that came before.
        Guard(file, () => stream.CopyTo(Stream.Null));
    }

    private void Guard(Stream archive, Action read) => Guard(archive, () =>
    {
        read();
        return true;
    });

    private T Guard<T>(Stream archive, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or FormatException
            or OverflowException or ArgumentException or InvalidOperationException)
        {
            // The last three: TarReader makes dates of what attributes say, and finds content where there can be none.
            throw new BadDataException($"{Path}: near byte {archive.Position}: {Damaged}", e);
        }
        catch (IOException e)
        {
            throw AtomicFile.CannotRead(Path, e);
        }
    }

    private BadDataException Changed(SourceEntry entry) => new($"{Path}: changed while it was read, at {entry.Name}; start again when it is complete");
}
