using System.IO.Compression;
using System.IO.Hashing;
using System.Text;

namespace Riffle.Data.Sources;

/// <summary>A zip file.</summary>
internal sealed class ZipSource : SourceContainer
{
    private const int UnixTypeMask = 0xF000, UnixLink = 0xA000;

    private readonly ZipArchive _archive;
    private readonly List<ZipRecord> _records;
    private readonly ArchiveNames _names;

    /// <param name="path">The file.</param>
    /// <param name="encoding">The code page of names of which it does not say it; null: automatic.</param>
    /// <exception cref="BadDataException">The archive is damaged, or its names can't be told apart.</exception>
    public ZipSource(string path, Encoding? encoding)
        : base(path)
    {
        _records = ZipDirectory.Read(path);

        // Some Windows programs separate folders with '\', against the standard. In some encodings this byte is the second half of a letter.
        var parting = _records.Any(record => record.Name.Bytes.Contains((byte)'/')) ? '/' : '\\';
        _names = new ArchiveNames(path, [.. _records.Select(record => record.Name)], encoding, parting);
        try
        {
            _archive = ZipFile.OpenRead(path);
            if (_archive.Entries.Count != _records.Count) // read on first use
                throw new InvalidDataException();
        }
        catch (InvalidDataException e)
        {
            _archive?.Dispose();
            throw ZipDirectory.Damaged(path, e);
        }
    }

    public override bool AnyOrder => true;

    public override SourceListing List(Action<int> found, CancellationToken cancel)
    {
        var listing = new SourceListing();
        if (_names.Note is { } note)
            listing.Notes.Add(note);
        for (var index = 0; index < _records.Count; index++)
        {
            cancel.ThrowIfCancellationRequested();
            var (raw, entry) = (_names.Names[index], _archive.Entries[index]);
            if (EntryName.Normalise(raw) is not { } name)
                listing.Skipped.Add(new Skip(SkipReason.Outside, raw));
            else if (raw.EndsWith('/'))
                listing.Folders.Add(name);
            else if (((entry.ExternalAttributes >> 16) & UnixTypeMask) == UnixLink)
                listing.Skipped.Add(new Skip(SkipReason.Link, name));
            else
                listing.Files.Add(new SourceEntry(index, name, entry.Length));
            found(listing.Files.Count);
        }

        CheckReadable(listing);
        foreach (var text in listing.Files.Where(file => IsText(file.Name)))
            AddText(listing, text);
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

    /// <summary>If no entry can be read, this is reported once, before anything else.</summary>
    private void CheckReadable(SourceListing listing)
    {
        var images = listing.Files.Where(file => EntryName.IsImage(file.Name) && !EntryName.IsClutter(file.Name)).ToArray();
        if (images.Length > 0 && images.All(file => WhyUnreadable(file) is not null))
            throw new BadDataException($"{Path}: the files in it are {WhyUnreadable(images[0])}");
    }

    /// <summary>Why an entry can't be read, and what to do; null where it can.</summary>
    private string? WhyUnreadable(SourceEntry entry) =>
        _archive.Entries[entry.Index].IsEncrypted ? "encrypted; unpack the archive and give the folder, or pack it again without a password"
        : _records[entry.Index].UnreadMethod is { } method
            ? $"compressed with {method}, which is not supported; pack the archive again with Deflate, or unpack it and give the folder"
        : null;

    private SourceFile Read(SourceEntry entry)
    {
        if (WhyUnreadable(entry) is { } why)
            return new SourceFile(entry, default, new Skip(SkipReason.Unreadable, entry.Name, why));
        var item = _archive.Entries[entry.Index];
        try
        {
            using var stream = item.Open();
            var file = ReadImage(entry, stream);
            return file.Skip is not null || Crc32.HashToUInt32(file.Bytes.Span) == item.Crc32 ? file : Damaged(entry, "its checksum in the archive is wrong");
        }
        catch (InvalidDataException)
        {
            return Damaged(entry, "its compressed data in the archive is damaged");
        }
        catch (IOException e)
        {
            return new SourceFile(entry, default, new Skip(SkipReason.Unreadable, entry.Name, e.Message));
        }
    }

    private void AddText(SourceListing listing, SourceEntry entry)
    {
        if (WhyUnreadable(entry) is { } why)
            throw new BadDataException($"{Path}: {entry.Name} is {why}");
        try
        {
            using var stream = _archive.Entries[entry.Index].Open();
            listing.Texts[entry.Name] = ReadText(entry.Name, entry.Length, stream);
        }
        catch (InvalidDataException e)
        {
            throw new BadDataException($"{Path}: {entry.Name} is damaged in the archive; download or pack it again", e);
        }
    }

    private static SourceFile Damaged(SourceEntry entry, string how) => new(entry, default, new Skip(SkipReason.Damaged, entry.Name, how));
}
