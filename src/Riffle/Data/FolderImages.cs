using Riffle.Data.Sources;
using Riffle.Formats;

namespace Riffle.Data;

/// <summary>The images in a folder and in those below it.</summary>
/// <param name="Files">Paths of the images, which begin with the folder's, in ordinal order.</param>
/// <param name="Others">The number of other files by kind, for example "a text file". Hidden files and system files are not counted.</param>
internal sealed record FolderImages(IReadOnlyList<string> Files, IReadOnlyDictionary<string, int> Others)
{
    /// <summary>Finds the files that are images by their name or by their first bytes. Links are followed.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="codec">Tells which files are images.</param>
    /// <param name="cancel">Stops the search.</param>
    /// <exception cref="RiffleException">The folder can't be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static FolderImages Find(string folder, IImageCodec codec, CancellationToken cancel = default)
    {
        using var source = new FolderSource(folder);
        var listing = source.List(_ => { }, cancel);
        var others = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var images = new List<string>();
        void Count(string kind) => others[kind] = others.GetValueOrDefault(kind) + 1;
        foreach (var entry in listing.Files.Where(entry => !EntryName.IsClutter(entry.Name)).OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            cancel.ThrowIfCancellationRequested();
            var path = Path.Combine(folder, entry.Name);
            if (KindOfOther(path, entry, codec) is { } kind)
                Count(kind);
            else
                images.Add(path);
        }

        foreach (var _ in listing.Skipped.Where(skip => !EntryName.IsClutter(skip.Name)))
            Count("unreadable");
        return new(images, others);
    }

    /// <summary>What a file is where it is not meant as an image: neither its name nor its content says so.</summary>
    private static string? KindOfOther(string path, SourceEntry entry, IImageCodec codec)
    {
        if (EntryName.HasExtension(entry.Name) && EntryName.MayBeImage(entry.Name))
            return null;
        if (entry.Length == 0)
            return "empty or not a file"; // A pipe or a device has no length either.
        try
        {
            using var stream = InputFile.Open(path);
            var start = InputFile.ReadStart(stream, FileKind.Bytes);
            return codec.FormatOf(start) is not null ? null : FileKind.Describe(start)?.Split(',', '(')[0].Trim() ?? "of another kind";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // Why it can't be read is told with the image.
        }
    }
}
