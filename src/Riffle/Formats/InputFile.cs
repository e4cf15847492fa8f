namespace Riffle.Formats;

/// <summary>Files that a user names, which may be anything that has a name: a pipe, a device that never ends, a folder.</summary>
internal static class InputFile
{
    /// <summary>The most bytes of a document: a list of names, or JSON.</summary>
    public const int MaxDocument = 100_000_000;

    /// <summary>The most bytes of an image file, 256 MiB.</summary>
    public const int MaxImageBytes = 256 << 20;

    /// <summary>How long a pipe may wait for somebody to write into it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Opens a file for reading from its beginning.</summary>
    /// <exception cref="IOException">It does not exist, can't be opened, is a folder, or is a pipe without a writer.</exception>
    /// <exception cref="UnauthorizedAccessException">There is no permission to open it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static FileStream Open(string path, CancellationToken cancel = default)
    {
        if (Directory.Exists(path))
            throw new IOException("It is a folder.");

        // Opening a pipe waits for its other end. Anything with a size is a file.
        if (new FileInfo(path) is { Exists: true, Length: > 0 })
            return OpenNow(path);
        var opening = Task.Factory.StartNew(() => OpenNow(path), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            if (Task.WaitAny([opening], (int)Patience.TotalMilliseconds, cancel) < 0)
                throw new IOException($"It is a pipe, and nothing was written to it for {Patience.TotalSeconds} seconds.");
            return opening.GetAwaiter().GetResult();
        }
        catch when (!opening.IsCompleted)
        {
            _ = opening.ContinueWith(
                late => late.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>Does what may wait without end, as reading from a pipe, and can yet be stopped: then it is left to itself.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static T Await<T>(Func<T> work, CancellationToken cancel)
    {
        var task = Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Task.WaitAny([task], cancel);
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Opens a seekable file of known size, so not a pipe.</summary>
    /// <inheritdoc cref="Open"/>
    public static FileStream OpenSeekable(string path)
    {
        var stream = Open(path);
        if (stream.CanSeek)
            return stream;
        stream.Dispose();
        throw new IOException("It is a pipe; a regular file is needed here.");
    }

    /// <summary>Reads a document.</summary>
    /// <exception cref="BadDataException">It has more than <see cref="MaxDocument"/> bytes.</exception>
    /// <inheritdoc cref="Open"/>
    public static byte[] ReadDocument(string path)
    {
        using var stream = Open(path);
        return ReadAll(stream, MaxDocument)
            ?? throw new BadDataException($"{path}: the file is larger than {MaxDocument / 1_000_000} MB, too large for this kind of file. Give another file.");
    }

    /// <summary>The first bytes of a file, as many as <see cref="FileKind"/> looks at.</summary>
    /// <inheritdoc cref="Open"/>
    public static byte[] Start(string path)
    {
        using var stream = OpenSeekable(path);
        return ReadStart(stream, FileKind.Bytes);
    }

    /// <summary>The first bytes of a stream, as many as <paramref name="most"/> where there are so many.</summary>
    public static byte[] ReadStart(Stream stream, int most)
    {
        var start = new byte[most];
        return start[..stream.ReadAtLeast(start, most, throwOnEndOfStream: false)];
    }

    /// <summary>The rest of a stream; null where that is more than <paramref name="most"/> bytes. Allocates only for bytes that exist.</summary>
    /// <param name="stream">What to read.</param>
    /// <param name="most">Most bytes.</param>
    /// <param name="start">Bytes already read from it. They come first and count.</param>
    public static byte[]? ReadAll(Stream stream, int most, byte[]? start = null)
    {
        var bytes = start ?? [];
        var length = bytes.Length;
        if (stream.CanSeek && stream.Length - stream.Position is > 0 and var left)
        {
            if (left + length > most)
                return null;
            Array.Resize(ref bytes, length + (int)left);
        }

        // Reading one byte more than expected shows whether the file ends there.
        var next = new byte[1];
        while (true)
        {
            if (length == bytes.Length)
            {
                if (stream.Read(next) == 0)
                    return bytes;
                if (length == most)
                    return null;
                Array.Resize(ref bytes, (int)Math.Min(most, Math.Max(4096, 2L * length)));
                bytes[length++] = next[0];
            }

            var read = stream.Read(bytes, length, bytes.Length - length);
            length += read;
            if (read == 0)
                return bytes[..length];
        }
    }

    /// <summary>The error message for a missing file.</summary>
    public static string Missing(string path) => IsAddress(path)
        ? $"{path}: this is a web address, and Riffle reads only files. Download it first, for example: curl -L -O {ShellWord.Quote(path)}"
        : $"{path}: no such file";

    private static bool IsAddress(string path) =>
        ((string[])["http://", "https://", "ftp://", "s3://", "gs://", "hf://"]).Any(start => path.StartsWith(start, StringComparison.OrdinalIgnoreCase));

    private static FileStream OpenNow(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
}
