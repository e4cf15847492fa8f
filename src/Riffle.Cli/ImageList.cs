using Riffle.Formats;

namespace Riffle.Cli;

/// <summary>The images that a command line names: files, folders, of which all images in them are meant, and <c>-</c>, which is standard input.</summary>
internal static class ImageList
{
    /// <summary>What stands for standard input.</summary>
    public const string StandardInput = "-";

    private static readonly string[] Endings = [".jpg", ".jpeg", ".png"];

    /// <summary>The files, in the order of the arguments, those of a folder by their names.</summary>
    /// <param name="arguments">What was named.</param>
    /// <param name="tell">Told what there is to say of a folder.</param>
    /// <param name="cancel">Stops looking.</param>
    /// <exception cref="ArgumentException">Standard input is named twice.</exception>
    /// <exception cref="BadDataException">A folder has no image in it.</exception>
    /// <exception cref="RiffleException">A folder can't be read.</exception>
    public static IReadOnlyList<string> Of(IReadOnlyList<string> arguments, Action<string> tell, CancellationToken cancel)
    {
        if (arguments.Count(argument => argument == StandardInput) > 1)
            throw new ArgumentException("- is standard input, which can be read once; name it once");
        return [.. arguments.SelectMany(argument => Directory.Exists(argument) ? In(argument, tell, cancel) : [argument])];
    }

    /// <summary>Reads an image.</summary>
    /// <exception cref="RiffleException">It can't be read.</exception>
    /// <exception cref="BadDataException">It is no image, or too large.</exception>
    public static byte[] Read(string file, CancellationToken cancel)
    {
        if (file != StandardInput)
            return ImageFile.Read(file, cancel);
        using var input = Console.OpenStandardInput();
        return ImageFile.Read(input, "standard input", cancel);
    }

    private static List<string> In(string folder, Action<string> tell, CancellationToken cancel)
    {
        var files = new List<string>();
        try
        {
            Walk(new DirectoryInfo(folder), folder, [], files, cancel);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RiffleException($"{folder}: not all of the folder can be read: {e.Message}", e);
        }

        files.Sort(StringComparer.Ordinal);
        var others = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var images = new List<string>();
        foreach (var file in files)
        {
            cancel.ThrowIfCancellationRequested();
            if (KindOfOther(file) is { } kind)
                others[kind] = others.GetValueOrDefault(kind) + 1;
            else
                images.Add(file);
        }

        var left = others.Count == 0 ? "" : string.Join(", ", others.Select(other => $"{other.Value:N0} × {other.Key}"));
        if (images.Count == 0)
            throw new BadDataException($"{folder}: a folder without a JPEG or PNG image{(left.Length == 0 ? "" : $"; it has {left}")}");
        if (left.Length > 0)
            tell($"{folder}: left out what is no JPEG or PNG image: {left}");
        return images;
    }

    /// <summary>What a file in a folder is where it is not meant as an image: neither its name nor its content says so.</summary>
    private static string? KindOfOther(string file)
    {
        if (Endings.Contains(Path.GetExtension(file).ToLowerInvariant()))
            return null;
        if (new FileInfo(file) is not { Exists: true, Length: > 0 })
            return "empty, or no file"; // A pipe or a device has no length either.
        try
        {
            return ImageFile.IsOne(file, out var kind) ? null : kind?.Split(',', '(')[0].Trim() ?? "of another kind";
        }
        catch (RiffleException)
        {
            return null; // Why it can't be read is told with the image.
        }
    }

    /// <summary>Adds the files of a folder and of those in it. What is hidden is left alone.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="path">As it is called in messages.</param>
    /// <param name="above">Real paths of the folders that it is in: a link back to one of them would never end.</param>
    /// <param name="files">Gets the files.</param>
    /// <param name="cancel">Stops.</param>
    private static void Walk(DirectoryInfo folder, string path, IReadOnlyList<string> above, List<string> files, CancellationToken cancel)
    {
        var real = folder.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder.FullName;
        if (above.Contains(real))
            return;
        foreach (var item in folder.EnumerateFileSystemInfos())
        {
            cancel.ThrowIfCancellationRequested();
            if (item.Name.StartsWith('.'))
                continue;
            var name = Path.Combine(path, item.Name);
            if (item is DirectoryInfo inner)
                Walk(inner, name, [.. above, real], files, cancel);
            else
                files.Add(name);
        }
    }
}
