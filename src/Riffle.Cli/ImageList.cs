using System.Text;
using Riffle.Data;
using Riffle.Formats;
using Riffle.Images;

namespace Riffle.Cli;

/// <summary>The images named on a command line: files, folders (all images in them), patterns, a list of files, and <c>-</c> for standard input.</summary>
internal static class ImageList
{
    /// <summary>The argument for standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>The files, in the order of the arguments; those of a folder or a pattern sorted by name, those of a list last.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="list">A file with one image per line, or - for standard input; null: none.</param>
    /// <param name="tell">Receives notes about folders.</param>
    /// <param name="cancel">Stops the search.</param>
    /// <exception cref="ArgumentException">Standard input is named more than once, or nothing is named.</exception>
    /// <exception cref="BadDataException">A folder contains no image, or no file fits a pattern.</exception>
    /// <exception cref="RiffleException">A folder or the list can't be read.</exception>
    public static IReadOnlyList<string> Of(IReadOnlyList<string> arguments, string? list, Action<string> tell, CancellationToken cancel)
    {
        if (arguments.Append(list).Count(argument => argument == StandardInput) > 1)
            throw new ArgumentException("- (standard input) is given more than once but can be read only once; give it once");
        if (arguments.Count == 0 && list is null)
            throw new ArgumentException("no image is given; name files, folders or patterns, - for standard input, or a list with --files-from");
        IEnumerable<string> Expand(string argument) =>
            Directory.Exists(argument) ? In(argument, tell, cancel) : IsPattern(argument) ? Fitting(argument) : [argument];
        return [.. arguments.Concat(list is null ? [] : Lines(list, cancel)).SelectMany(Expand)];
    }

    /// <summary>Reads an image.</summary>
    /// <exception cref="RiffleException">It can't be read.</exception>
    /// <exception cref="BadDataException">It is not an image, or too large.</exception>
    public static byte[] Read(string file, CancellationToken cancel)
    {
        if (file != StandardInput)
            return ImageFile.Read(file, cancel);
        using var input = Console.OpenStandardInput();
        return ImageFile.Read(input, "standard input", cancel);
    }

    /// <summary>Whether a shell that knows patterns would have expanded it: it has a * or ?, and no file has that name.</summary>
    private static bool IsPattern(string argument) => argument.AsSpan().ContainsAny('*', '?') && !argument.Contains("://", StringComparison.Ordinal) && !File.Exists(argument);

    /// <summary>The files and folders that fit a pattern, whose parts each may have * and ?.</summary>
    private static string[] Fitting(string pattern)
    {
        var root = Path.GetPathRoot(pattern) ?? "";
        IEnumerable<string> found = [root];
        foreach (var part in pattern[root.Length..].Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries))
        {
            found = part.AsSpan().ContainsAny('*', '?')
                ? [.. found.Where(folder => folder.Length == 0 || Directory.Exists(folder)).SelectMany(folder => Entries(folder, part))]
                : [.. found.Select(folder => Path.Combine(folder, part)).Where(Path.Exists)];
        }

        var files = found.Where(File.Exists).Order(StringComparer.Ordinal).ToArray();
        return files.Length > 0 ? files : throw new BadDataException($"{pattern}: no file fits this pattern");
    }

    private static IEnumerable<string> Entries(string folder, string pattern)
    {
        try
        {
            var entries = Directory.GetFileSystemEntries(folder.Length == 0 ? "." : folder, pattern, new EnumerationOptions { AttributesToSkip = FileAttributes.Hidden });
            return entries.Select(entry => Path.Combine(folder, Path.GetFileName(entry)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(folder, e);
        }
    }

    private static string[] Lines(string list, CancellationToken cancel)
    {
        string text;
        try
        {
            using var input = list == StandardInput ? Console.OpenStandardInput() : InputFile.Open(list, cancel);
            text = Encoding.UTF8.GetString(InputFile.Await(() => InputFile.ReadAll(input, InputFile.MaxDocument), cancel)
                ?? throw new BadDataException($"{list}: the list has more than {InputFile.MaxDocument / 1_000_000} MB; split it"));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RiffleException(InputFile.Missing(list), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(list, e);
        }

        // find -print0 ends names by a zero, so that they may contain a line's end.
        return text.Split(text.Contains('\0') ? ['\0'] : ['\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
    }

    private static IReadOnlyList<string> In(string folder, Action<string> tell, CancellationToken cancel)
    {
        var found = FolderImages.Find(folder, ImageCodec.Default, cancel);
        var others = string.Join(", ", found.Others.Select(other => $"{other.Value:N0} × {other.Key}"));
        if (found.Files.Count == 0)
            throw new BadDataException($"{folder}: the folder contains no image in a supported format ({ImageCodec.Default.Formats}){(others.Length == 0 ? "" : $", only {others}")}");
        if (others.Length > 0)
            tell($"{folder}: skipped files that are not images in a supported format: {others}");
        return found.Files;
    }
}
