using Riffle.Formats;

namespace Riffle.Images;

/// <summary>Reads the bytes of images for <see cref="ImageDecoder"/>.</summary>
internal static class ImageFile
{
    /// <summary>Reads an image file. What begins as no image is read no further.</summary>
    /// <param name="path">A file, or a pipe.</param>
    /// <param name="cancel">Stops waiting for a pipe.</param>
    /// <exception cref="RiffleException">It can't be read.</exception>
    /// <exception cref="BadDataException">It is not an image, or has more than <see cref="InputFile.MaxImageBytes"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static byte[] Read(string path, CancellationToken cancel = default)
    {
        try
        {
            using var stream = InputFile.Open(path, cancel);
            return stream.CanSeek ? ReadNow(stream, path) : Read(stream, path, cancel);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RiffleException(InputFile.Missing(path), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotRead(path, e);
        }
    }

    /// <summary>Reads an image from a stream that may keep its reader waiting.</summary>
    /// <param name="stream">Read to its end.</param>
    /// <param name="name">Its name in error messages.</param>
    /// <param name="cancel">Stops waiting.</param>
    /// <exception cref="RiffleException">It can't be read.</exception>
    /// <exception cref="BadDataException">It is not an image, or has more than <see cref="InputFile.MaxImageBytes"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static byte[] Read(Stream stream, string name, CancellationToken cancel)
    {
        try
        {
            return InputFile.Await(() => ReadNow(stream, name), cancel);
        }
        catch (IOException e)
        {
            throw AtomicFile.CannotRead(name, e);
        }
    }

    private static byte[] ReadNow(Stream stream, string name)
    {
        var start = InputFile.ReadStart(stream, FileKind.Bytes);
        if (ImageFormats.Detect(start) is null)
            throw new BadDataException($"{name}: {ImageDecoder.Refusal(start)}");
        return InputFile.ReadAll(stream, InputFile.MaxImageBytes, start)
            ?? throw new BadDataException($"{name}: the image file is larger than {InputFile.MaxImageBytes >> 20} MiB, the limit. Make it smaller.");
    }
}
