namespace Riffle.Data.Sources;

/// <summary>A folder of a listing. Folders whose names differ in Unicode's composed and decomposed forms alone are one.</summary>
internal sealed class SourceFolder
{
    private readonly Item[] _items;
    private readonly int _start, _end;
    private IReadOnlyList<SourceFolder>? _folders;

    private SourceFolder(Item[] items, int start, int end, string path)
    {
        (_items, _start, _end, Path) = (items, start, end, path);
        for (var i = start; i < end; i++)
        {
            if (items[i].File is not { } file || !EntryName.IsImage(file.Name))
                continue;
            Images++;
            if (items[i].Name.IndexOf('/', path.Length) < 0)
                OwnImages++;
        }
    }

    /// <summary>Its composed name, empty or with a '/' at its end.</summary>
    public string Path { get; }

    /// <summary>The last part of its name.</summary>
    public string Name => EntryName.Last(Path.TrimEnd('/'));

    /// <summary>How many folders it is in.</summary>
    public int Depth => Path.Count(c => c == '/');

    /// <summary>Number of files in it and below that have names of images, whether their format is read or not.</summary>
    public int Images { get; }

    /// <summary>How many of them lie in it directly.</summary>
    public int OwnImages { get; }

    /// <summary>The files in it and below, by name.</summary>
    public IEnumerable<SourceEntry> All => Items.Select(item => item.File).OfType<SourceEntry>();

    /// <summary>The files that lie in it directly.</summary>
    public IEnumerable<SourceEntry> Own => Items.Where(item => item.Name.IndexOf('/', Path.Length) < 0).Select(item => item.File).OfType<SourceEntry>();

    /// <summary>The folders in it, by name.</summary>
    public IReadOnlyList<SourceFolder> Folders => _folders ??= FindFolders();

    /// <summary>Those of them that hold images.</summary>
    public IEnumerable<SourceFolder> Filled => Folders.Where(folder => folder.Images > 0);

    /// <summary>Whether most of its images lie in folders of it, as those of classes do.</summary>
    public bool HasFolders => Images > 2 * OwnImages && Images > 0;

    /// <summary>The folder that holds all of a source.</summary>
    /// <param name="files">Its files.</param>
    /// <param name="folders">Names of its folders, the empty ones too.</param>
    public static SourceFolder Of(IEnumerable<SourceEntry> files, IEnumerable<string> folders)
    {
        var items = files.Select(file => new Item(EntryName.Composed(file.Name), file))
            .Concat(folders.Where(folder => folder.Length > 0).Select(folder => new Item(EntryName.Composed(folder) + "/", null))).ToArray();
        Array.Sort(items, (a, b) => string.CompareOrdinal(a.Name, b.Name) is var order and not 0 ? order : string.CompareOrdinal(a.File?.Name, b.File?.Name));
        return new SourceFolder(items, 0, items.Length, "");
    }

    /// <summary>The file of this name that lies in it directly.</summary>
    public SourceEntry? File(string name) => Own.FirstOrDefault(file => EntryName.Last(file.Name) == name);

    /// <summary>The folder in it of this name.</summary>
    public SourceFolder? Folder(string name) => Folders.FirstOrDefault(folder => folder.Name == name);

    private IEnumerable<Item> Items => new ArraySegment<Item>(_items, _start, _end - _start);

    private List<SourceFolder> FindFolders()
    {
        var folders = new List<SourceFolder>();
        for (var i = _start; i < _end;)
        {
            var length = _items[i].Name.IndexOf('/', Path.Length) + 1;
            if (length == 0)
            {
                i++;
                continue;
            }

            var path = _items[i].Name[..length];
            var first = i;
            while (i < _end && _items[i].Name.StartsWith(path, StringComparison.Ordinal))
                i++;
            folders.Add(new SourceFolder(_items, first, i, path));
        }

        folders.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return folders;
    }

    /// <summary>A file, or a folder without one.</summary>
    /// <param name="Name">The composed name; that of a folder ends with '/'.</param>
    /// <param name="File">The file.</param>
    private readonly record struct Item(string Name, SourceEntry? File);
}
