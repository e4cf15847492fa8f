using System.Runtime.InteropServices;
using System.Text;

namespace Riffle.Formats;

/// <summary>
/// Writes a file atomically, so that a reader sees either the old content or all of the new one, even after a crash. The bytes go to a hidden file
/// in the same folder, are flushed to disk, and then replace the old file in one step.
/// </summary>
internal static partial class AtomicFile
{
    const string Aside = ".tmp-";

    static int _count;

    /// <summary>Writes <paramref name="path"/> with what <paramref name="write"/> puts into the stream; whatever fails, the old file is untouched.</summary>
    /// <param name="path">The file to create or replace; its folder must exist.</param>
    /// <param name="write">Gets a stream that can be written and sought, and does not close it.</param>
    /// <exception cref="RiffleException">The file can't be written: disk full, no permission, no such folder.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string full = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(full) ?? throw new RiffleException($"{path}: this is a folder; name a file.");
        if (IsDevice(full)) throw new RiffleException($"{path}: this is a device, which a file would replace; name a file in another folder.");
        string aside = Path.Combine(folder, $".{Path.GetFileName(full)}{Aside}{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");
        try
        {
            using (var stream = new FileStream(aside, FileMode.Create, FileAccess.ReadWrite, FileShare.Read, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(aside, full, overwrite: true);
            FlushFolder(folder);
        }
        catch (Exception e)
        {
            Discard(aside);
            if (e is IOException or UnauthorizedAccessException) throw CannotWrite(path, e);
            throw;
        }
    }

    /// <summary>Writes <paramref name="text"/> as UTF-8 without a byte order mark.</summary>
    /// <exception cref="RiffleException">The file can't be written.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Deletes what processes that were killed left aside in a folder in which no other process writes now.</summary>
    internal static void DiscardLeftovers(string folder)
    {
        foreach (string path in Directory.EnumerateFiles(folder, $".*{Aside}*", new EnumerationOptions { AttributesToSkip = 0 })) Discard(path);
    }

    internal static RiffleException CannotWrite(string path, Exception e) =>
        new($"{path}: can't write the file: {e.Message} Check that its folder exists, that you may write there and that the disk has space, or choose another folder.", e);

    internal static RiffleException CannotRead(string path, Exception e) =>
        new($"{path}: can't read the file: {e.Message} Check that it exists and that you may read it.", e);

    /// <summary>By its folder: /dev/shm alone has files in it. A process that may write there would put a file in the place of /dev/null for all others.</summary>
    internal static bool IsDevice(string full) => !OperatingSystem.IsWindows()
        && ((string[])["/dev/", "/proc/", "/sys/"]).Any(folder => full.StartsWith(folder, StringComparison.Ordinal))
        && !full.StartsWith("/dev/shm/", StringComparison.Ordinal);

    /// <summary>Deletes what could not be written whole, as far as that can be done.</summary>
    internal static void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Report the first error.
        }
    }

    /// <summary>A rename survives a power cut only once the folder is on disk too. Windows has no such call, and some network file systems refuse it.</summary>
    internal static void FlushFolder(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        int descriptor = Open(folder, 0 /* O_RDONLY */);
        if (descriptor < 0) return;
        _ = Fsync(descriptor);
        _ = Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
