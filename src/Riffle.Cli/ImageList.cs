using Riffle.Data;
using Riffle.Images;

namespace Riffle.Cli;

/// <summary>The images named on a command line: files, folders (all images in them), and <c>-</c> for standard input.</summary>
internal static class ImageList
{
    /// <summary>The argument for standard input.</summary>
    public const string StandardInput = "-";

    /// <summary>The files, in the order of the arguments; those of a folder sorted by name.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="tell">Receives notes about folders.</param>
    /// <param name="cancel">Stops the search.</param>
    /// <exception cref="ArgumentException">Standard input is named more than once.</exception>
    /// <exception cref="BadDataException">A folder contains no image.</exception>
    /// <exception cref="RiffleException">A folder can't be read.</exception>
    public static IReadOnlyList<string> Of(IReadOnlyList<string> arguments, Action<string> tell, CancellationToken cancel)
    {
        if (arguments.Count(argument => argument == StandardInput) > 1)
            throw new ArgumentException("- (standard input) is given more than once but can be read only once; give it once");
        return [.. arguments.SelectMany(argument => Directory.Exists(argument) ? In(argument, tell, cancel) : [argument])];
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
