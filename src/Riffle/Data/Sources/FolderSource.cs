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
            var walk = new FolderWalk(Path, found, cancel);
            walk.Enter(new DirectoryInfo(Path), "", []);
            foreach (var file in walk.Listing.Files.Where(file => IsText(file.Name)))
            {
                using var stream = InputFile.OpenSeekable(System.IO.Path.Combine(Path, file.Name));
                walk.Listing.Texts[file.Name] = ReadText(file.Name, file.Length, stream);
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
        // Devices and pipes have no length either, and could be endless.
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
internal sealed class FolderWalk(string path, Action<int> found, CancellationToken cancel)
{
    /// <summary>What stands for bytes of a name that are no UTF-8: by such a name nothing can be opened, and two names may have become one.</summary>
    private const char Replacement = '\uFFFD';

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
                throw new IOException("the link points to a folder that contains it");
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
            if (item.Name.Contains(Replacement) && !item.Exists && !EntryName.IsClutter(name))
                throw new BadDataException($"{path}: the name of the folder '{name}' is not UTF-8, so it can't be opened; rename it, for example with convmv");
            Listing.Folders.Add(name);
            Enter(folder, name + "/", above);
            return;
        }

        try
        {
            if (item.Name.Contains(Replacement) && !item.Exists)
                throw new IOException("its name is not UTF-8, so it can't be opened; rename it");
            var file = (FileInfo?)item.ResolveLinkTarget(returnFinalTarget: true) ?? (FileInfo)item;
            if (!file.Exists)
                throw new IOException("the link points to nothing");
            Listing.Files.Add(new SourceEntry(Listing.Files.Count, name, file.Length));
            found(Listing.Files.Count);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Listing.Skipped.Add(new Skip(SkipReason.Unreadable, name, e.Message));
        }
    }
}
