using Riffle.Formats;

namespace Riffle.Data.Sources;

/// <summary>A folder on disk. Links in it are followed, as it is the user's own.</summary>
internal sealed class FolderSource(string path) : SourceContainer(path)
{
    public override bool AnyOrder => true;

    public override SourceListing List(Action<int> found, CancellationToken cancel)
    {
        try
        {
            var walk = new FolderWalk(found, cancel);
            walk.Enter(new DirectoryInfo(Path), "", []);
            foreach (var file in walk.Listing.Files.Where(file => IsText(file.Name)))
            {
                using var stream = File.OpenRead(System.IO.Path.Combine(Path, file.Name));
                AddText(walk.Listing, file, stream);
            }

            return walk.Listing;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(Path, e);
        }
    }

    public override IEnumerable<SourceFile> Read(IReadOnlyList<SourceEntry> wanted)
    {
        foreach (var entry in wanted)
            yield return Read(entry);
    }

    private SourceFile Read(SourceEntry entry)
    {
        // Devices and pipes, which could be read for ever, have no length either.
        if (entry.Length == 0)
            return new SourceFile(entry, default);
        try
        {
            using var stream = new FileStream(System.IO.Path.Combine(Path, entry.Name), FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return ReadImage(entry, stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new SourceFile(entry, default, new Skip(SkipReason.Unreadable, entry.Name, e.Message));
        }
    }
}

/// <summary>Lists a folder and all that are in it.</summary>
internal sealed class FolderWalk(Action<int> found, CancellationToken cancel)
{
    public SourceListing Listing { get; } = new();

    /// <summary>Adds what is in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="prefix">What names in it begin with.</param>
    /// <param name="above">Real paths of the folders that it is in: a link back to one of them would never end.</param>
    public void Enter(DirectoryInfo folder, string prefix, IReadOnlyList<string> above)
    {
        try
        {
            var real = folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName;
            if (above.Contains(real))
                throw new IOException("a link to a folder that it is in");
            string[] path = [.. above, real];
            foreach (var item in folder.EnumerateFileSystemInfos())
            {
                cancel.ThrowIfCancellationRequested();
                Add(item, prefix + item.Name, path);
            }
        }
        catch (Exception e) when (prefix.Length > 0 && e is IOException or UnauthorizedAccessException)
        {
            Listing.Skipped.Add(new Skip(SkipReason.Unreadable, prefix, e.Message));
        }
    }

    private void Add(FileSystemInfo item, string name, IReadOnlyList<string> above)
    {
        if (item is DirectoryInfo folder)
        {
            Listing.Folders.Add(name);
            Enter(folder, name + "/", above);
            return;
        }

        var file = (FileInfo?)item.ResolveLinkTarget(returnFinalTarget: true) ?? (FileInfo)item;
        if (!file.Exists)
        {
            Listing.Skipped.Add(new Skip(SkipReason.Unreadable, name, "a link to nothing"));
            return;
        }

        Listing.Files.Add(new SourceEntry(Listing.Files.Count, name, file.Length));
        found(Listing.Files.Count);
    }
}
