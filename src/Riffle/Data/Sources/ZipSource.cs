using System.IO.Compression;
using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>A zip file.</summary>
internal sealed class ZipSource : SourceContainer
{
    private const int UnixTypeMask = 0xF000, UnixLink = 0xA000;

    private readonly ZipArchive _archive;

    /// <exception cref="BadDataException">The archive is damaged.</exception>
    public ZipSource(string path)
        : base(path)
    {
        try
        {
            _archive = ZipFile.OpenRead(path);
            _ = _archive.Entries; // read when it is first asked for
        }
        catch (InvalidDataException e)
        {
            _archive?.Dispose();
            throw new BadDataException($"{path}: the directory at its end, byte {new FileInfo(path).Length}, is missing or damaged; fetch or pack it again", e);
        }
    }

    public override bool AnyOrder => true;

    public override SourceListing List(Action<int> found, CancellationToken cancel)
    {
        var listing = new SourceListing();
        for (var index = 0; index < _archive.Entries.Count; index++)
        {
            cancel.ThrowIfCancellationRequested();
            var entry = _archive.Entries[index];

            // Some Windows programs write '\' against the standard.
            var raw = entry.FullName.Replace('\\', '/');
            if (EntryName.Normalise(raw) is not { } name)
                listing.Skipped.Add(new Skip(SkipReason.Outside, entry.FullName));
            else if (raw.EndsWith('/'))
                listing.Folders.Add(name);
            else if (((entry.ExternalAttributes >> 16) & UnixTypeMask) == UnixLink)
                listing.Skipped.Add(new Skip(SkipReason.Link, name));
            else
                Add(listing, new SourceEntry(index, name, entry.Length), entry);
            found(listing.Files.Count);
        }

        return listing;
    }

    public override IEnumerable<SourceFile> Read(IReadOnlyList<SourceEntry> wanted)
    {
        foreach (var entry in wanted)
            yield return Read(entry);
    }

    public override void Dispose()
    {
        _archive.Dispose();
        base.Dispose();
    }

    private SourceFile Read(SourceEntry entry)
    {
        var item = _archive.Entries[entry.Index];
        if (item.IsEncrypted)
            return new SourceFile(entry, default, new Skip(SkipReason.Unreadable, entry.Name, "encrypted"));
        try
        {
            using var stream = item.Open();
            var file = ReadImage(entry, stream);
            return file.Skip is not null || Crc32.Compute(file.Bytes.Span) == item.Crc32 ? file : Damaged(entry, "its checksum in the archive differs");
        }
        catch (InvalidDataException)
        {
            return Damaged(entry, "its compressed bytes in the archive are damaged");
        }
        catch (IOException e)
        {
            return new SourceFile(entry, default, new Skip(SkipReason.Unreadable, entry.Name, e.Message));
        }
    }

    private void Add(SourceListing listing, SourceEntry entry, ZipArchiveEntry item)
    {
        listing.Files.Add(entry);
        if (!IsText(entry.Name))
            return;
        try
        {
            using var stream = item.Open();
            AddText(listing, entry, stream);
        }
        catch (InvalidDataException e)
        {
            throw new BadDataException($"{Path}: {entry.Name} is damaged in the archive; fetch or pack it again", e);
        }
    }

    private static SourceFile Damaged(SourceEntry entry, string how) => new(entry, default, new Skip(SkipReason.Damaged, entry.Name, how));
}
