using Riffle.Data;
using Riffle.Formats;

namespace Riffle.Cli;

/// <summary>The images that a command line names: files, folders, of which all images in them are meant, and <c>-</c>, which is standard input.</summary>
internal static class ImageList
{
    /// <summary>What stands for standard input.</summary>
    public const string StandardInput = "-";

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

    private static IReadOnlyList<string> In(string folder, Action<string> tell, CancellationToken cancel)
    {
        var found = FolderImages.Find(folder, cancel);
        var others = string.Join(", ", found.Others.Select(other => $"{other.Value:N0} × {other.Key}"));
        if (found.Files.Count == 0)
            throw new BadDataException($"{folder}: a folder without a JPEG or PNG image{(others.Length == 0 ? "" : $"; it has {others}")}");
        if (others.Length > 0)
            tell($"{folder}: left out what is no JPEG or PNG image: {others}");
        return found.Files;
    }
}
