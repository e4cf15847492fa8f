using Riffle.Formats;

namespace Riffle.Data;

/// <summary>
/// A folder that appears completely or not at all: it is filled under another name next to the target and renamed when it is complete. If a process is
/// killed, the next one that prepares the same data set removes what is left.
/// </summary>
internal sealed class PreparationFolder : IDisposable
{
    private const string LockName = ".lock";

    private readonly string _target;
    private readonly bool _replace;
    private readonly FileStream _lock;
    private bool _moved;

    /// <summary>Checks that the target's place is free, and makes the folder beside it.</summary>
    /// <param name="target">The final path of the folder.</param>
    /// <param name="replace">Whether it may replace another data set.</param>
    /// <exception cref="RiffleException">The path is in use, or can't be written.</exception>
    public PreparationFolder(string target, bool replace)
    {
        _replace = replace;
        _target = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(target));
        var parent = System.IO.Path.GetDirectoryName(_target) ?? throw new RiffleException($"{target}: this is the root of a file system; name a folder below it");
        CheckPlace(_target, replace);
        try
        {
            Directory.CreateDirectory(parent);
            RemoveLeftovers(parent, System.IO.Path.GetFileName(_target));
            Path = Directory.CreateDirectory($"{_target}.partial-{Environment.ProcessId}-{Guid.NewGuid():N}").FullName;
            _lock = new FileStream(
                System.IO.Path.Combine(Path, LockName), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotWrite(_target, e);
        }
    }

    /// <summary>Where to write.</summary>
    public string Path { get; }

    /// <summary>Puts the folder into its place.</summary>
    /// <exception cref="RiffleException">It can't be: what was in its place is still there.</exception>
    public void Complete()
    {
        CheckPlace(_target, _replace);
        _lock.Dispose();
        var old = Path + ".old";
        try
        {
            var replaces = Directory.Exists(_target);
            if (replaces)
                Directory.Move(_target, old);
            try
            {
                Directory.Move(Path, _target);
            }
            catch when (replaces)
            {
                Directory.Move(old, _target);
                throw;
            }

            _moved = true;
            AtomicFile.FlushFolder(System.IO.Path.GetDirectoryName(_target)!);
            if (replaces)
                Directory.Delete(old, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw AtomicFile.CannotWrite(_target, e);
        }
    }

    public void Dispose()
    {
        _lock.Dispose();
        if (!_moved)
            TryDelete(Path);
    }

    /// <summary>Nothing but a data set is ever replaced.</summary>
    private static void CheckPlace(string target, bool replace)
    {
        if (File.Exists(target))
            throw new RiffleException($"{target}: this is a file; name a folder that does not exist yet");
        if (!Directory.Exists(target))
            return;
        var names = Directory.EnumerateFileSystemEntries(target).Select(entry => System.IO.Path.GetFileName(entry)).ToList();
        if (names.Count == 0)
            return;
        if (names.Find(name => !DatasetFiles.Belongs(name)) is { } other)
            throw new RiffleException($"{target}: the folder has other content than a data set, for example {other}; name another folder");
        if (!replace)
            throw new RiffleException($"{target}: the folder already contains a data set; name another folder, or let it be replaced.") { CommandLineAdvice = "To replace it, give --force." };
    }

    private static void RemoveLeftovers(string parent, string name)
    {
        foreach (var folder in Directory.EnumerateDirectories(parent, name + ".partial-*"))
        {
            try
            {
                // A running process holds this file locked.
                using (new FileStream(System.IO.Path.Combine(folder, LockName), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                {
                }

                TryDelete(folder);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // In use, or not ours to remove.
            }
        }
    }

    private static void TryDelete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that led here already reports the problem with the disk.
        }
    }
}
