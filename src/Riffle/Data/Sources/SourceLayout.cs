using System.Collections.Immutable;
using System.Text;

namespace Riffle.Data.Sources;

/// <summary>An image of a source with its class.</summary>
/// <param name="Entry">Its file.</param>
/// <param name="Name">Its name below the folder that holds the data set.</param>
/// <param name="Split">Where it belongs.</param>
/// <param name="Label">Position of its class.</param>
internal sealed record LabelledImage(SourceEntry Entry, string Name, Split Split, int Label);

/// <summary>
/// Finds classes, training and validation images by the names of folders: <c>train/CLASS/…</c> with <c>val/CLASS/…</c> (or <c>validation</c>), Tiny ImageNet's
/// <c>train/WNID/images</c> with <c>val/val_annotations.txt</c>, or <c>CLASS/…</c> alone; all of it perhaps inside other folders that hold nothing else.
/// </summary>
internal sealed class SourceLayout
{
    private const string Expected =
        "expected train/CLASS/… and val/CLASS/…, or CLASS/… for at least two classes, or Tiny ImageNet's train/WNID/images with val/val_annotations.txt";

    private readonly SourceListing _listing;
    private readonly Skips _skips;
    private readonly string _root;
    private readonly List<SourceEntry> _files;
    private readonly List<string> _folders;
    private readonly Dictionary<string, int> _labels = new(StringComparer.Ordinal);
    private readonly List<LabelledImage> _images = [];

    private SourceLayout(SourceListing listing, Skips skips)
    {
        (_listing, _skips) = (listing, skips);
        var files = listing.Files.Where(file => !EntryName.IsClutter(file.Name));
        _files = Distinct(files.OrderBy(file => file.Name, StringComparer.Ordinal).ThenBy(file => file.Index));
        _folders = [.. listing.Folders.Where(folder => folder.Length > 0 && !EntryName.IsClutter(folder)).Select(folder => folder + "/")];
        _root = FindRoot();
    }

    /// <summary>The classes, in the order of their labels.</summary>
    public ImmutableArray<DatasetClass> Classes { get; private set; }

    /// <summary>The images of both splits, ordered by name within each.</summary>
    public IReadOnlyList<LabelledImage> Images => _images;

    /// <summary>Whether the source says itself which images are for validation.</summary>
    public bool HasValidation { get; private set; }

    /// <summary>Finds out how a source is laid out.</summary>
    /// <exception cref="BadDataException">It is laid out in no way that is known, or something is wrong and <paramref name="skips"/> are strict.</exception>
    public static SourceLayout Find(string source, SourceListing listing, Skips skips)
    {
        skips.AddRange(listing.Skipped);
        var layout = new SourceLayout(listing, skips);
        layout.AddTraining();
        if (layout.Classes.Length < 2)
        {
            var found = layout.Classes is [var only] ? $"holds images of one class only, {only.Name}" : "holds no class folders";
            throw new BadDataException($"{source}: {found}; {Expected}");
        }

        layout.AddValidation();
        return layout;
    }

    private List<SourceEntry> Distinct(IEnumerable<SourceEntry> ordered)
    {
        var files = new List<SourceEntry>();
        foreach (var file in ordered)
        {
            if (files.Count > 0 && files[^1].Name == file.Name)
                _skips.Add(new Skip(SkipReason.Duplicate, file.Name));
            else
                files.Add(file);
        }

        return files;
    }

    /// <summary>Goes down as long as there is one folder only, and it isn't <c>train</c>.</summary>
    private string FindRoot()
    {
        for (var root = ""; ;)
        {
            var folders = FoldersBelow(root);
            if (folders.Count != 1 || IsNamed(folders.Single(), "train"))
                return root;
            root += folders.Single() + "/";
        }
    }

    private SortedSet<string> FoldersBelow(string parent)
    {
        var names = _files.Select(file => file.Name).Concat(_folders).Where(name => name.StartsWith(parent, StringComparison.Ordinal));
        return new(names.Select(name => EntryName.FolderBelow(parent, name)).OfType<string>(), StringComparer.Ordinal);
    }

    private IEnumerable<SourceEntry> FilesBelow(string folder) => _files.Where(file => file.Name.StartsWith(folder, StringComparison.Ordinal));

    private string? FindFolder(string name) => FoldersBelow(_root).FirstOrDefault(folder => IsNamed(folder, name)) is { } found ? _root + found + "/" : null;

    private static bool IsNamed(string folder, string name) => folder.Equals(name, StringComparison.OrdinalIgnoreCase);

    private void AddTraining()
    {
        var folder = FindFolder("train") ?? _root;
        var listed = Lines(_root + SourceContainer.Wnids).Select(line => line.Trim()).Where(line => line.Length > 0).ToHashSet(StringComparer.Ordinal);
        var byClass = ByClass(folder, listed);
        var words = Words(byClass);
        Classes = [.. byClass.Keys.Select(name => new DatasetClass(name, words.GetValueOrDefault(name, name)))];
        foreach (var (name, files) in byClass)
        {
            var label = _labels.Count;
            _labels.Add(name, label);
            _images.AddRange(files.Select(file => Image(file, Split.Train, label)));
        }
    }

    /// <summary>The files of each class folder in which there is anything like an image.</summary>
    private SortedDictionary<string, List<SourceEntry>> ByClass(string folder, HashSet<string> listed)
    {
        var byClass = new SortedDictionary<string, List<SourceEntry>>(StringComparer.Ordinal);
        foreach (var name in FoldersBelow(folder).Union(listed))
            byClass.Add(name, []);
        foreach (var file in FilesBelow(folder))
        {
            if (EntryName.FolderBelow(folder, file.Name) is not { } name)
                SkipStray(file);
            else if (EntryName.Last(file.Name) != name + "_boxes.txt")
                byClass[name].Add(file);
        }

        foreach (var (name, files) in byClass.ToArray())
        {
            var skip = !files.Any(file => EntryName.MayBeImage(file.Name)) ? SkipReason.EmptyClass
                : listed.Count > 0 && !listed.Contains(name) ? SkipReason.Unlisted
                : null;
            if (skip is null)
                continue;
            byClass.Remove(name);
            _skips.Add(new Skip(skip, Short(folder + name)));
        }

        return byClass;
    }

    private void SkipStray(SourceEntry file)
    {
        if (EntryName.MayBeImage(file.Name) && EntryName.Last(file.Name).Contains('.'))
            _skips.Add(new Skip(SkipReason.NoClass, Short(file.Name)));
    }

    private void AddValidation()
    {
        // A source without 'train' that has a class called 'val' has no validation images of its own.
        if (FindFolder("train") is null || (FindFolder("val") ?? FindFolder("validation")) is not { } folder || !FilesBelow(folder).Any())
            return;
        HasValidation = true;
        if (_listing.Texts.ContainsKey(folder + SourceContainer.Annotations))
            AddAnnotated(folder);
        else
            AddValidationFolders(folder);
    }

    private void AddValidationFolders(string folder)
    {
        var filled = FilesBelow(folder).Select(file => EntryName.FolderBelow(folder, file.Name)).ToHashSet();
        foreach (var name in FoldersBelow(folder).Where(name => !filled.Contains(name)))
            _skips.Add(new Skip(SkipReason.EmptyClass, Short(folder + name)));
        foreach (var file in FilesBelow(folder))
        {
            if (EntryName.FolderBelow(folder, file.Name) is not { } name)
                SkipStray(file);
            else if (_labels.TryGetValue(name, out var label))
                _images.Add(Image(file, Split.Validation, label));
            else
                _skips.Add(new Skip(SkipReason.NoTrainingClass, Short(file.Name)));
        }
    }

    private void AddAnnotated(string folder)
    {
        var annotations = folder + SourceContainer.Annotations;
        var files = new Dictionary<string, SourceEntry>(StringComparer.Ordinal);
        var pending = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in FilesBelow(folder).Where(file => file.Name != annotations))
        {
            files.TryAdd(EntryName.Last(file.Name), file);
            pending.Add(file.Name);
        }

        var taken = new List<LabelledImage>();
        var number = 0;
        foreach (var line in Lines(annotations))
        {
            number++;
            void SkipLine(string reason, string what) => _skips.Add(new Skip(reason, Short(annotations), $"line {number}, {what}"));
            if (line.Length == 0)
                continue;
            if (line.Split('\t') is not [{ Length: > 0 } image, { Length: > 0 } name, ..])
                SkipLine(SkipReason.BadAnnotation, "no tab");
            else if (!files.TryGetValue(image, out var file))
                SkipLine(SkipReason.NoImage, image);
            else if (!pending.Remove(file.Name))
                SkipLine(SkipReason.Duplicate, image);
            else if (!_labels.TryGetValue(name, out var label))
                SkipLine(SkipReason.NoTrainingClass, $"{image} is of class {name}");
            else
                taken.Add(Image(file, Split.Validation, label));
        }

        _skips.AddRange(pending.Where(EntryName.MayBeImage).Order(StringComparer.Ordinal).Select(name => new Skip(SkipReason.NoAnnotation, Short(name))));
        _images.AddRange(taken.OrderBy(image => image.Name, StringComparer.Ordinal));
    }

    private string Short(string name) => name[_root.Length..];

    private LabelledImage Image(SourceEntry file, Split split, int label) => new(file, Short(file.Name), split, label);

    private Dictionary<string, string> Words(SortedDictionary<string, List<SourceEntry>> classes)
    {
        var words = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in Lines(_root + SourceContainer.Words))
        {
            if (line.Split('\t') is [var name, { Length: > 0 } text, ..] && classes.ContainsKey(name))
                words[name] = text.Trim();
        }

        return words;
    }

    private IEnumerable<string> Lines(string name)
    {
        if (!_listing.Texts.TryGetValue(name, out var bytes))
            return [];
        var text = Encoding.UTF8.GetString(bytes.Span).TrimStart('\uFEFF');
        return text.Split('\n').Select(line => line.TrimEnd('\r'));
    }
}
